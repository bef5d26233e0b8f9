//! One word to one session: open, expose, attach, knock, hear it, ack, revoke, end.

use std::time::Duration;

use doorbell_core::label::SessionId;
use futures_util::StreamExt;
use reqwest::{Method, StatusCode, Url};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    super::{Failure, connect},
    report::Report,
    server::{client, said},
    trip::{FOLDER, target},
};
use crate::{
    config::ServerFile,
    desk::{Desk, Events, Remote},
    refusal::Refusal,
    wire::{Ack, Count, ExposeChannel, OpenSession, Text},
};

/// Should the doctor die before it revokes, the channel dies soon after.
const TTL_SECONDS: u64 = 300;
/// How long the word may take.
const PATIENCE: Duration = Duration::from_secs(10);
const WORD: &str = "doorbell doctor";

pub(super) async fn knock_and_hear(
    report: &mut Report,
    desk: &Remote,
    door: Option<&ServerFile>,
    public: bool,
) -> Result<(), Failure> {
    const CHECK: &str = "channel";
    let operator = desk.list_keys().await.is_ok();
    let id: SessionId = connect::parsed("session", &connect::receiver_name("doctor"))?;
    let open = OpenSession {
        probe: operator,
        id: Some(Text(id.clone())),
        folder: operator.then(|| Text(FOLDER.parse().expect("a constant folder is legal"))),
    };
    if let Err(refusal) = desk.open_session(open).await {
        report.bad(CHECK, format!("no session could be opened: {refusal}"), "")?;
        return Ok(());
    }
    let trip = trip(desk, &id, operator, door, public).await;
    let ended = desk.end_session(id).await;
    match trip {
        Ok(true) => report.good(
            CHECK,
            "a word to a session was delivered, heard and settled",
        )?,
        Ok(false) => report.skipped(
            CHECK,
            "its URL leads elsewhere and was not called: --public does",
        )?,
        Err(why) => report.bad(CHECK, why, "look at the server's log")?,
    }
    if let Err(refusal) = ended {
        report.bad(CHECK, format!("its session did not end: {refusal}"), "")?;
    }
    Ok(())
}

/// False: the URL leads elsewhere and may not be called.
async fn trip(
    desk: &Remote,
    session: &SessionId,
    operator: bool,
    door: Option<&ServerFile>,
    public: bool,
) -> Result<bool, String> {
    let refused = |refusal: Refusal| refusal.to_string();
    let ask = ExposeChannel {
        probe: operator,
        session_id: Some(Text(session.clone())),
        ttl_seconds: Some(Count::clamped(TTL_SECONDS)),
        ..ExposeChannel::default()
    };
    let exposed = desk.expose_channel(ask).await.map_err(refused)?;
    let Some(target) = target(&exposed.token, Some(&exposed.url), door, public) else {
        return Ok(false);
    };
    let stream = desk
        .request(Method::GET, &["stream"])
        .query(&[("session", session.as_str()), ("attach", "true")]);
    let mut events = desk.events(stream).await.map_err(refused)?;
    let reply = knock(&target).await?;
    if reply.0 != StatusCode::OK || reply.1["status"] != "delivered" {
        return Err(format!(
            "something is attached, and the knock was answered {}",
            reply.0
        ));
    }
    let heard = timeout(PATIENCE, next_message(&mut events))
        .await
        .map_err(|_| "delivered, and not heard within 10 s".to_owned())??;
    if heard["id"] != reply.1["message_id"] || heard["body"] != WORD {
        return Err("what was heard is not what was said".to_owned());
    }
    let ids = vec![heard["id"].as_str().unwrap_or_default().to_owned()];
    desk.ack(Ack { ids }).await.map_err(refused)?;
    desk.revoke_channel(exposed.grant_id.0)
        .await
        .map_err(refused)?;
    match knock(&target).await?.0 {
        StatusCode::FORBIDDEN => Ok(true),
        other => Err(format!("a revoked channel is answered {other}")),
    }
}

async fn knock(target: &Url) -> Result<(StatusCode, Value), String> {
    let ask = client()?
        .post(target.clone())
        .json(&json!({ "message": WORD }));
    let response = ask
        .send()
        .await
        .map_err(|error| format!("the front door: {}", said(&error)))?;
    let status = response.status();
    Ok((status, response.json().await.unwrap_or_default()))
}

async fn next_message(events: &mut Events) -> Result<Value, String> {
    while let Some(event) = events.next().await {
        let event = event.map_err(|_| "the stream broke off".to_owned())?;
        if event.event.as_deref() == Some("message") {
            return serde_json::from_str(&event.data.unwrap_or_default())
                .map_err(|error| format!("an event does not read: {error}"));
        }
    }
    Err("the stream ended".to_owned())
}
