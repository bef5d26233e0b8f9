//! Who posts. Half of them do as good providers do, and post the same again, by the same id, until
//! they hear a 200; the others post once.

use std::{
    sync::atomic::Ordering,
    thread::{Scope, ScopedJoinHandle},
};

use crate::{client::Client, scene::Scene};

/// The numbers of one sender's deliveries begin here.
const EACH: u64 = 1 << 32;

/// The body of a delivery: it names it, and is as long as only this one is.
pub(crate) fn body(number: u64) -> String {
    let fill = usize::try_from(number * 97 % 6_000).expect("below 6,000");
    // One in a hundred is long: files fill up, and are given back.
    let fill = if number % 100 == 99 { fill * 40 } else { fill };
    format!(
        "{{\"delivery\":{number},\"fill\":\"{}\"}}",
        "x".repeat(fill)
    )
}

pub(crate) fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    scene: &'scope Scene,
    count: usize,
) -> Vec<ScopedJoinHandle<'scope, ()>> {
    let sender = |which: usize| scope.spawn(move || send(scene, which));
    (0..count).map(sender).collect()
}

fn send(scene: &Scene, which: usize) {
    let mut client = Client::new(scene.front);
    let path = &scene.paths[which % scene.paths.len()];
    let mut number = which as u64 * EACH;
    while scene.is_sending() {
        number += 1;
        let body = body(number);
        if which.is_multiple_of(2) {
            until_it_is_there(scene, &mut client, path, number, body.as_bytes());
        } else {
            once(scene, &mut client, path, number, body.as_bytes());
        }
    }
}

fn until_it_is_there(scene: &Scene, client: &mut Client, path: &str, number: u64, body: &[u8]) {
    let id = number.to_string();
    loop {
        match client.ask("POST", path, &[("webhook-id", &id)], body) {
            Ok(reply) if reply.status == 200 => {
                if reply.header("x-duplicate-of").is_some() {
                    scene.repeats.fetch_add(1, Ordering::Relaxed);
                }
                let id = reply
                    .header("x-message-id")
                    .expect("a 200 names the message");
                return scene.ledger.accepted(number, id);
            }
            Ok(reply) if reply.status != 503 => {
                scene
                    .ledger
                    .fault(format!("{number} was answered {}", reply.text()));
                return scene.ledger.refused(number);
            }
            _ => Client::rest(),
        }
    }
}

fn once(scene: &Scene, client: &mut Client, path: &str, number: u64, body: &[u8]) {
    match client.ask("POST", path, &[], body) {
        Ok(reply) if reply.status == 200 => {
            let id = reply
                .header("x-message-id")
                .expect("a 200 names the message");
            scene.ledger.accepted(number, id);
        }
        Ok(reply) => {
            scene.ledger.refused(number);
            if reply.status != 503 {
                scene
                    .ledger
                    .fault(format!("{number} was answered {}", reply.text()));
            }
            Client::rest();
        }
        Err(_) => {
            scene.ledger.unanswered(number);
            Client::rest();
        }
    }
}
