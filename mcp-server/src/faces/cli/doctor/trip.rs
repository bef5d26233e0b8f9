//! One message all the way: mint, post through the front door, receive, compare, ack, revoke.

use bytes::Bytes;
use doorbell_core::address::Jid;
use reqwest::{StatusCode, Url};

use super::{
    super::{Failure, connect},
    report::Report,
    server::{client, said},
};
use crate::{
    config::ServerFile,
    desk::{Address, Desk, Remote},
    refusal::Refusal,
    wire::{
        Ack, BodyEncoding, Count, IssueWebhook, MAX_BODY_BYTES, Message, Receive, SettleStatus,
        Text,
    },
};

/// Whose inbox an operator's message goes to; an agent's goes to its own.
pub(super) const FOLDER: &str = "doctor";
/// The label of the URL. A suffix of its own tells each run apart.
const LABEL: &str = "doctor";
/// Should the doctor die before it revokes, the URL dies soon after.
const TTL_SECONDS: u64 = 300;
/// How long the message may take, in seconds.
const WAIT: u64 = 10;

pub(super) async fn post_and_receive(
    report: &mut Report,
    desk: &Remote,
    door: Option<&ServerFile>,
    public: bool,
) -> Result<(), Failure> {
    const CHECK: &str = "round trip";
    let operator = desk.list_keys().await.is_ok();
    let folder = operator.then(|| Text(FOLDER.parse().expect("a constant folder is legal")));
    let ask = IssueWebhook {
        // Whoever is no operator leaves one message that is settled.
        probe: operator,
        source_label: Text(LABEL.parse().expect("a constant label is legal")),
        jid_suffix: Some(Text(connect::parsed(
            "suffix",
            &connect::receiver_name("run"),
        )?)),
        target_folder: folder.clone(),
        context: None,
        ttl_seconds: Some(Count::clamped(TTL_SECONDS)),
    };
    let issued = match desk.issue_webhook(ask).await {
        Ok(issued) => issued,
        Err(refusal) => {
            report.bad(CHECK, format!("no URL could be minted: {refusal}"), "")?;
            return Ok(());
        }
    };
    let jid = issued.jid.0.clone();
    let target = match target(&issued.token, issued.url.as_deref(), door, public) {
        Some(url) => url,
        None => {
            desk.revoke_token(jid).await?;
            report.skipped(
                CHECK,
                "its URL leads elsewhere and was not called: --public does",
            )?;
            return Ok(());
        }
    };
    let travelled = travel(desk, &target, &jid, folder).await;
    let revoked = desk.revoke_token(jid).await;
    match travelled {
        Ok(()) => report.good(CHECK, "posted, received byte for byte, acknowledged")?,
        Err(why) => report.bad(CHECK, why, "look at the server's log")?,
    }
    match revoked {
        Ok(_) => after_revocation(report, &target).await?,
        Err(refusal) => report.bad("revocation", refusal, "")?,
    }
    Ok(())
}

/// Where a token that was just minted may be tried: at the front door's own address where that is
/// known, else at its URL as it was minted, if that leads to this machine or `public` allows it.
pub(super) fn target(
    token: &str,
    minted: Option<&str>,
    door: Option<&ServerFile>,
    public: bool,
) -> Option<Url> {
    let url = match door {
        Some(file) => format!("{}/hook/{token}", file.listen),
        None => minted?.to_owned(),
    };
    Url::parse(&url)
        .ok()
        .filter(|url| door.is_some() || public || Address::is_loopback(url))
}

async fn travel(
    desk: &Remote,
    target: &Url,
    jid: &Jid,
    folder: Option<Text<doorbell_core::folder::Folder>>,
) -> Result<(), String> {
    // Every byte there is, so that nothing on the way can have read it as text.
    let body = Bytes::from_iter(0..=u8::MAX);
    let response = client()?
        .post(target.clone())
        .header("content-type", "application/octet-stream")
        .header("x-doorbell-doctor", "1")
        .body(body.clone())
        .send()
        .await
        .map_err(|error| format!("the front door: {}", said(&error)))?;
    if response.status() != StatusCode::OK {
        return Err(format!("the front door answered {}", response.status()));
    }
    let refused = |refusal: Refusal| refusal.to_string();
    let ask = Receive {
        max: Some(Count::clamped(1)),
        wait_seconds: Some(Count::clamped(WAIT)),
        pattern: Some(Text(
            jid.to_string()
                .parse()
                .map_err(|_| "the address is no pattern")?,
        )),
        folder,
        max_body_bytes: Some(Count::clamped(MAX_BODY_BYTES)),
        observed: Some(false),
        max_chars: None,
    };
    let received = desk.receive(ask).await.map_err(refused)?;
    let message = received
        .messages
        .first()
        .ok_or_else(|| format!("accepted, and not in the inbox after {WAIT} s"))?;
    compare(message, &body)?;
    let ids = vec![message.id.0.to_string()];
    let acked = desk.ack(Ack { ids }).await.map_err(refused)?;
    match acked.results.first().map(|settled| settled.status) {
        Some(SettleStatus::Acked) => Ok(()),
        _ => Err("received, and could not be acknowledged".to_owned()),
    }
}

fn compare(message: &Message, body: &Bytes) -> Result<(), String> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let same = message.body_encoding == BodyEncoding::Base64
        && BASE64_STANDARD
            .decode(&message.body)
            .is_ok_and(|bytes| bytes == *body);
    if !same {
        return Err("the body that came out is not the one that went in".to_owned());
    }
    match message.headers.0.get("x-doorbell-doctor") {
        Some("1") => Ok(()),
        _ => Err("a header was lost on the way".to_owned()),
    }
}

/// A revoked URL must be refused from that moment on.
async fn after_revocation(report: &mut Report, target: &Url) -> Result<(), Failure> {
    const CHECK: &str = "revocation";
    let answer = match client() {
        Ok(client) => client
            .post(target.clone())
            .body("x")
            .send()
            .await
            .map_err(|error| said(&error)),
        Err(why) => Err(why),
    };
    match answer {
        Ok(response) if response.status() == StatusCode::UNAUTHORIZED => {
            report.good(CHECK, "the URL died at once")?
        }
        Ok(response) => report.bad(
            CHECK,
            format!("a revoked URL is answered {}", response.status()),
            "stop the server, and report this",
        )?,
        Err(why) => report.bad(CHECK, why, "look at the server's log")?,
    }
    Ok(())
}
