//! Observed messages: they ring nobody, and are met once.

use std::time::{Duration, Instant};

use e2e::{
    http,
    server::{Home, wait_for},
};
use serde_json::{Value, json};

use super::route;

fn bodies(messages: &Value) -> Vec<&str> {
    let messages = messages.as_array().expect("messages").iter();
    messages
        .map(|message| message["body"].as_str().expect("a body"))
        .collect()
}

/// Long enough for both waits to have begun, on a busy machine too.
const WAITED: u64 = 8;

#[test]
fn an_observed_message_rings_nobody_and_comes_once_with_the_next_receive() {
    let home = Home::new();
    let server = home.serve();
    let eng = server.agent("acme/eng");
    let hook = eng.mint(json!({"source_label": "github"}));
    route(&eng, "hook:**", "acme/eng#observe");
    let waiting = {
        let eng = eng.clone();
        std::thread::spawn(move || {
            let began = Instant::now();
            let received = eng.post("/v1/messages/receive", json!({"wait_seconds": WAITED}));
            (received, began.elapsed())
        })
    };
    let seconds = WAITED.to_string();
    let folder = ["wait", "--folder", "acme/eng", "--timeout", &seconds];
    let mut pushing = home.start(&folder, "wait");
    // Whoever waits is there before the message is, or the test proves less than it says.
    server.until_waited_at(2);
    let id = hook.deliver(b"quiet");
    let (received, waited) = waiting.join().expect("answered");
    assert!(
        waited >= Duration::from_secs(WAITED),
        "its wait was ended: {waited:?}"
    );
    let ended = wait_for("the other wait to end", || {
        pushing.0.try_wait().expect("our own child")
    });
    assert_eq!(ended.code(), Some(0), "nothing rang");
    assert_eq!(received["messages"], json!([]));
    assert_eq!(bodies(&received["observed"]), ["quiet"]);
    assert_eq!(received["observed"][0]["mode"], "observe");
    let again = eng.post("/v1/messages/receive", json!({}));
    assert_eq!(again, json!({"messages": [], "observed": []}));

    assert_eq!(eng.log()[0]["id"], json!(id), "it is in the log");
    let detail = eng.get(&format!("/v1/messages/{id}"));
    assert_eq!(detail["state"], "observed");
    let life = detail["life"].as_array().expect("a life");
    let life: Vec<_> = life.iter().map(|entry| &entry["what"]).collect();
    assert_eq!(life, ["accepted", "matched", "observed"], "and never rung");
    assert_eq!(
        eng.ack(&[json!({"id": id})]),
        ["not_found"],
        "there is nothing to settle"
    );
    let stream = http::send(
        server.control,
        "GET",
        "/v1/stream?timeout_seconds=1&cursor=c0",
        &[("Authorization", &format!("Bearer {}", eng.key()))],
        b"",
    );
    let stream = stream.expect("answered").expect(200).text();
    assert!(stream.contains(&id), "{stream}");
}

#[test]
fn observed_messages_come_ten_at_a_time_and_with_what_is_pending() {
    let home = Home::new();
    let server = home.serve();
    let eng = server.agent("acme/eng");
    let (quiet, loud) = (
        eng.mint(json!({"source_label": "quiet"})),
        eng.mint(json!({"source_label": "loud"})),
    );
    route(&eng, "hook:*/*/quiet", "acme/eng#observe");
    for n in 0..12 {
        quiet.deliver(n.to_string().as_bytes());
    }
    loud.deliver(b"loud");
    let first = eng.post("/v1/messages/receive", json!({"wait_seconds": 5}));
    assert_eq!(bodies(&first["messages"]), ["loud"]);
    let ten: Vec<String> = (0..10).map(|n: u32| n.to_string()).collect();
    assert_eq!(bodies(&first["observed"]), ten, "oldest first");
    let second = eng.post("/v1/messages/receive", json!({}));
    assert_eq!(bodies(&second["observed"]), ["10", "11"]);
    let third = eng.post("/v1/messages/receive", json!({}));
    assert_eq!(third["observed"], json!([]));
}

#[test]
fn observed_messages_have_four_thousand_characters_between_them() {
    let home = Home::new();
    let server = home.serve();
    let eng = server.agent("acme/eng");
    let hook = eng.mint(json!({"source_label": "github"}));
    route(&eng, "hook:**", "acme/eng#observe");
    hook.deliver("é".repeat(3_000).as_bytes());
    hook.deliver(&[0xff; 2_000]);
    hook.deliver(b"nothing is left for this");
    let observed = eng.post("/v1/messages/receive", json!({}))["observed"].take();
    let observed = observed.as_array().expect("observed");
    let chars: Vec<usize> = observed
        .iter()
        .map(|message| message["body"].as_str().expect("a body").chars().count())
        .collect();
    assert_eq!(chars[0], 3_000);
    assert!((900..=1_000).contains(&chars[1]), "in base64: {chars:?}");
    assert!(chars.iter().sum::<usize>() <= 4_000, "{chars:?}");
    assert_eq!(observed[1]["body_truncated"], true);
    assert_eq!(observed[1]["body_bytes"], 2_000);
    assert_eq!(observed[2]["body_bytes"], 24);
}

#[test]
fn who_shows_them_to_no_agent_leaves_observed_messages_where_they_are() {
    let home = Home::new();
    let server = home.serve();
    let eng = server.agent("acme/eng");
    let hook = eng.mint(json!({"source_label": "github"}));
    let loud = eng.mint(json!({"source_label": "loud"}));
    route(&eng, "hook:*/*/github", "acme/eng#observe");
    hook.deliver(b"for the agent");
    let id = loud.deliver(b"for the command");
    let _listening = home.start(
        &["listen", "--folder", "acme/eng", "--exec", "true"],
        "listen",
    );
    wait_for("the command to settle its message", || {
        let detail = eng.get(&format!("/v1/messages/{id}"));
        (detail["state"] == "settled").then_some(())
    });
    let ask = json!({"observed": false});
    let without = eng.post("/v1/messages/receive", ask);
    assert_eq!(without["observed"], json!([]));
    let received = eng.post("/v1/messages/receive", json!({}));
    assert_eq!(bodies(&received["observed"]), ["for the agent"]);
}
