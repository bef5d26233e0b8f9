//! Asks a server to prove that it holds the operator's key, before that key is sent to it.

use std::time::Duration;

use doorbell_core::token::Token;
use reqwest::{Client, Url};

use super::{
    Answer,
    address::{no_doorbell, shown},
    connect_error,
};
use crate::{
    caller::proof::{Nonce, PROOF_PATH, Proof, ProofKey},
    config::command_line,
    refusal::Refusal,
};

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read, in bytes.
const MOST: usize = 1024;

/// Refuses a server that does not hold `key`. `named`: `DOORBELL_URL` names it.
pub(super) async fn demand(client: &Client, url: &Url, named: bool, key: &Token) -> Answer<()> {
    let nonce = Nonce::new();
    let mut question = url.clone();
    question.set_path(PROOF_PATH);
    let request = client
        .get(question)
        .query(&[("nonce", nonce.to_hex())])
        .timeout(PATIENCE);
    let mut response = request
        .send()
        .await
        .map_err(|error| connect_error::explain(&error, url, named))?;
    let Some(dialled) = response.remote_addr() else {
        return Err(unproven(url));
    };
    if !response.status().is_success() {
        return Err(match response.status().as_u16() {
            404 | 405 | 401 => unproven(url),
            status => Refusal::BadServer(no_doorbell(url, &format!("it answers {status}"))),
        });
    }
    let mut text = Vec::new();
    while let Some(piece) = response
        .chunk()
        .await
        .map_err(|error| connect_error::explain(&error, url, named))?
    {
        text.extend_from_slice(&piece);
        if text.len() > MOST {
            return Err(unproven(url));
        }
    }
    let proof: Option<Proof> = serde_json::from_slice(&text).ok();
    let holds = ProofKey::new(&key.hash());
    match proof {
        Some(proof) if holds.is_proof(&nonce, &proof, dialled) => Ok(()),
        _ => Err(unproven(url)),
    }
}

fn unproven(url: &Url) -> Refusal {
    let url = shown(url);
    Refusal::BadServer(format!(
        "what answers at {url} does not prove that it serves this data directory, so the \
         operator's key was not sent to it: it is another program, another directory's server \
         (name that with --data-dir), or an older doorbell (start it again); `{}` says what runs. \
         To ask it all the same, set DOORBELL_KEY",
        command_line("status")
    ))
}
