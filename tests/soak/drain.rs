//! Who receives and acknowledges, one for each folder.

use std::{sync::atomic::Ordering, thread::Scope};

use serde_json::{Value, json};

use crate::{
    client::Client,
    scene::{FOLDERS, RECEIVER, Scene},
    senders::body,
};

/// Of so many, one is given back once.
const GIVEN_BACK: u64 = 40;

pub(crate) fn start<'scope>(scope: &'scope Scope<'scope, '_>, scene: &'scope Scene) {
    for folder in FOLDERS {
        scope.spawn(move || {
            let mut client = scene.operator().with("Doorbell-Receiver", RECEIVER.into());
            while scene.draining.load(Ordering::Relaxed) {
                drain(scene, &mut client, folder);
            }
        });
    }
}

/// Receives once, and settles what came.
fn drain(scene: &Scene, client: &mut Client, folder: &str) {
    let ask = json!({"folder": folder, "max": 100, "wait_seconds": 1, "max_body_bytes": 1 << 20});
    let ask = ask.to_string();
    let reply = match client.ask("POST", "/v1/messages/receive", &[], ask.as_bytes()) {
        Ok(reply) if reply.status == 200 => reply.json(),
        Ok(reply) if reply.status != 503 => {
            scene
                .ledger
                .fault(format!("a receive was answered {}", reply.text()));
            return Client::rest();
        }
        _ => return Client::rest(),
    };
    let (mut back, mut done) = (Vec::new(), Vec::new());
    for message in reply["messages"].as_array().into_iter().flatten() {
        let id = message["id"].as_str().expect("a message has an id");
        let Some(number) = number_of(scene, message) else {
            continue;
        };
        // Only what was not given back yet: it would never come to an end.
        let given_back = number % GIVEN_BACK == 0 && message["attempt"] == 1;
        let of = if given_back { &mut back } else { &mut done };
        of.push((id, number));
    }
    if !back.is_empty() {
        let ids: Vec<_> = back.iter().map(|(id, _)| id).collect();
        let ask = json!({"ids": ids}).to_string();
        // Where it is not heard, the lease ends.
        let _ = client.ask("POST", "/v1/messages/nack", &[], ask.as_bytes());
    }
    if !done.is_empty() {
        settle(scene, client, &done);
    }
}

/// The delivery that a message is, if it is what was posted.
fn number_of(scene: &Scene, message: &Value) -> Option<u64> {
    let text = message["body"].as_str().unwrap_or_default();
    let digits = text.strip_prefix("{\"delivery\":").and_then(|rest| {
        let (digits, _) = rest.split_once(',')?;
        digits.parse().ok()
    });
    let Some(number) = digits else {
        scene
            .ledger
            .fault(format!("{} is nothing that was posted", message["id"]));
        return None;
    };
    if text != body(number) {
        scene
            .ledger
            .fault(format!("{number} is not what was posted"));
    }
    if scene.ledger.is_acked(number) {
        scene.ledger.fault(format!(
            "{number} was acknowledged and came again: {}",
            message["id"]
        ));
    }
    Some(number)
}

/// Acknowledges until it is known what became of each.
fn settle(scene: &Scene, client: &mut Client, done: &[(&str, u64)]) {
    let ids: Vec<_> = done.iter().map(|(id, _)| id).collect();
    let ask = json!({"ids": ids});
    let reply = client.insist("POST", "/v1/messages/ack", Some(&ask));
    if reply.status != 200 {
        return scene
            .ledger
            .fault(format!("an ack was answered {}", reply.text()));
    }
    let reply = reply.json();
    let results = reply["results"].as_array().expect("results");
    for ((id, number), result) in done.iter().zip(results) {
        // An ack whose answer was lost: it is settled already, or was forgotten since; or the lease
        // has ended, and it comes again.
        if result["status"] == "acked" || is_settled(client, id) {
            scene.ledger.acked(*number);
        }
    }
}

fn is_settled(client: &mut Client, id: &str) -> bool {
    let reply = client.insist("GET", &format!("/v1/messages/{id}"), None);
    reply.status == 404 || reply.json()["state"] == "settled"
}
