//! Before a server is measured: does it do the work that is to be measured?

use super::wait;
use crate::Outcome;
use crate::connection::Connection;
use crate::load::Target;
use crate::plan::Plan;
use crate::request::{DeliveryId, Request};
use crate::server::Doorbell;
use serde::Deserialize;
use std::collections::HashMap;

/// A server on a fresh data directory and a hook of it, seen to work.
pub(super) fn start(plan: &Plan, more: &[&str]) -> Outcome<(Doorbell, Target)> {
    let server = Doorbell::start(&plan.doorbell, &plan.fresh_dir(), more)?;
    let target = wait(async {
        let target = server.target().await?;
        check(&server, &target).await?;
        Ok(target)
    })?;
    Ok((server, target))
}

#[derive(Deserialize)]
struct Received {
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    id: String,
    body: String,
    headers: HashMap<String, String>,
}

/// One delivery, twice: the first must reach the inbox whole, the second must be a repeat.
async fn check(server: &Doorbell, target: &Target) -> Outcome<()> {
    let mut request = Request::new(&target.token);
    let mut door = Connection::open(target.address).await?;
    let id = DeliveryId::series();
    let first = door.exchange(request.stamped(id)).await?;
    if first.status != 200 || first.header("x-message-id").is_none() {
        return Err(format!("the first delivery was answered {}", first.status).into());
    }
    let again = door.exchange(request.stamped(id)).await?;
    if again.status != 200 || again.header("x-duplicate-of").is_none() {
        return Err("a delivery with the same id was not known as a repeat".into());
    }
    let mut control = server.client().await?;
    let Received { messages } = control.receive_as(5).await?;
    let [message] = messages.as_slice() else {
        return Err(format!("{} messages came of one delivery", messages.len()).into());
    };
    if message.body.as_bytes() != request.body() {
        return Err("the body is not what was sent".into());
    }
    for line in request.header_lines() {
        let (name, value) = line.split_once(": ").expect("a header line has a colon");
        if message
            .headers
            .get(&name.to_lowercase())
            .map(String::as_str)
            != Some(value)
        {
            return Err(format!("the header {name} did not come through").into());
        }
    }
    control.ack(std::slice::from_ref(&message.id)).await
}
