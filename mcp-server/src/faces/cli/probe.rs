//! Who is at an address, asked without a credential.

use std::time::Duration;

use reqwest::{StatusCode, Url};
use serde::Deserialize;

use crate::{
    desk::{explain_connect_error, no_doorbell, shown},
    refusal::Refusal,
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Who is at an address.
#[derive(Debug)]
pub(super) enum Probe {
    /// A server that takes messages.
    Ready,
    /// A server that stores nothing more until there is room, and why; all else goes on.
    NoRoom(String),
    /// A server that does not, and why.
    NotReady(String),
    /// Nobody, and what to do about it.
    Nobody(Refusal),
    /// Something that is no server of ours, or that is not believed to be.
    Other(Refusal),
}

/// Asks whether a server is ready. `named`: `DOORBELL_URL` names it.
pub(super) async fn probe(url: &Url, named: bool) -> Probe {
    // The first provider wins; a second install is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build();
    let client = match client {
        Ok(client) => client,
        Err(error) => return Probe::Other(Refusal::Internal(format!("no HTTP client: {error}"))),
    };
    let mut ready = url.clone();
    ready.set_path(&format!("{}/readyz", url.path().trim_end_matches('/')));
    let response = match client.get(ready).send().await {
        Ok(response) => response,
        Err(error) => {
            return match explain_connect_error(&error, url, named) {
                refusal @ Refusal::Unreachable(_) => Probe::Nobody(refusal),
                Refusal::Unavailable(why) => Probe::NotReady(why),
                refusal => Probe::Other(refusal),
            };
        }
    };
    let status = response.status();
    let text = response.text().await.unwrap_or_default();
    if status == StatusCode::OK && text == "ready" {
        return Probe::Ready;
    }
    if let Ok(problem) = serde_json::from_str::<Problem>(&text)
        && status == StatusCode::SERVICE_UNAVAILABLE
    {
        let why = format!(
            "the server at {} is not ready: {}",
            shown(url),
            problem.detail
        );
        return match problem.code.as_str() {
            "no_room" => Probe::NoRoom(why),
            _ => Probe::NotReady(why),
        };
    }
    if matches!(status.as_u16(), 502..=504) {
        let why = "what stands before the server does not reach it";
        return Probe::NotReady(format!("{} answers {status}: {why}", shown(url)));
    }
    Probe::Other(Refusal::BadServer(no_doorbell(
        url,
        &format!("it answers {status} where a doorbell says that it is ready"),
    )))
}

#[derive(Deserialize)]
struct Problem {
    detail: String,
    #[serde(default)]
    code: String,
}
