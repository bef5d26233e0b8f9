//! Sessions that end: what waited for them, and what a later one of the same id has of it.

use std::thread;

use e2e::{
    api::{Caller, ids},
    http::{self, Reply},
    server::{Doorbell, Home, wait_for},
};
use serde_json::{Value, json};

/// Sends everything of the caller's folder to a session.
fn to_session(caller: &Caller, id: &str) {
    let target = format!("doorbell:/sessions/{id}");
    caller.make("/v1/routes", json!({"match": "hook:**", "target": target}));
}

fn expose(caller: &Caller, session: &str) -> String {
    let exposed = caller.make("/v1/channels", json!({"session_id": session}));
    exposed["token"].as_str().expect("a token").to_owned()
}

fn say(server: &Doorbell<'_>, token: &str, message: &str) -> Reply {
    let body = json!({ "message": message }).to_string();
    let path = format!("/hook/{token}");
    http::send(server.front, "POST", &path, &[], body.as_bytes()).expect("an answer")
}

fn end(caller: &Caller, session: &str) {
    let ended = caller.call("DELETE", &format!("/v1/sessions/{session}"), None);
    ended.expect(200);
}

fn detail(caller: &Caller, id: &str) -> Value {
    caller.get(&format!("/v1/messages/{id}"))
}

/// What its life says last, and why.
fn last(detail: &Value) -> (String, String) {
    let life = detail["life"].as_array().expect("a life");
    let last = life.iter().rfind(|entry| entry["what"] != "rung");
    let last = last.expect("an entry");
    let text = |name: &str| last[name].as_str().unwrap_or_default().to_owned();
    (text("what"), text("reason"))
}

#[test]
fn what_waits_for_a_session_that_ends_wakes_whoever_waits_at_its_folder() {
    let home = Home::new();
    let mut server = home.serve();
    let eng = server.agent("acme/eng");
    let hook = eng.mint(json!({"source_label": "github"}));
    eng.make("/v1/sessions", json!({"id": "build"}));
    to_session(&eng, "build");
    let first = hook.deliver(b"1");
    let second = hook.deliver(b"2");
    let own = eng.clone().with("Doorbell-Session", "build");
    let held = own.receive(json!({"max": 1}));
    assert_eq!(ids(&held), [&first]);
    let waiting = {
        let eng = eng.clone();
        thread::spawn(move || eng.receive(json!({"wait_seconds": 50, "max": 1})))
    };
    end(&eng, "build");
    let woken = waiting.join().expect("answered");
    assert_eq!(ids(&woken), [&second]);
    assert_eq!(woken[0]["attempt"], 1);
    let moved = detail(&eng, &second);
    let life: Vec<_> = moved["life"].as_array().expect("a life").iter().collect();
    let rerouted = life.iter().find(|entry| entry["what"] == "rerouted");
    assert_eq!(
        rerouted.expect("told")["reason"],
        "session ended",
        "{moved}"
    );

    // What was held follows once it is given back, and all of it is so after a crash.
    assert_eq!(detail(&eng, &first)["state"], "leased");
    assert_eq!(own.nack(&held), ["nacked"]);
    let moved = wait_for("it to be routed anew", || {
        let moved = detail(&eng, &first);
        (last(&moved).0 == "rerouted").then_some(moved)
    });
    assert_eq!(
        (&moved["state"], &moved["attempt"]),
        (&json!("pending"), &json!(0))
    );
    server.crash_and_restart();
    let eng = server.agent("acme/eng");
    assert_eq!(ids(&eng.receive(json!({"max": 9}))), [&first]);
}

#[test]
fn a_text_dies_with_its_session_and_its_replay_is_a_conflict() {
    let home = Home::new();
    let server = home.serve();
    let acme = server.agent("acme");
    acme.make("/v1/sessions", json!({"id": "build"}));
    let token = expose(&acme, "build");
    let said = say(&server, &token, "deploy").expect(202);
    let said: Value = serde_json::from_slice(&said.body).expect("JSON");
    let id = said["message_id"].as_str().expect("an id");
    end(&acme, "build");
    let dead = detail(&acme, id);
    assert_eq!(dead["state"], "dead");
    assert_eq!(last(&dead), ("dead".into(), "session ended".into()));
    say(&server, &token, "again").expect(410);
    // One of that id which is made anew has nothing of it.
    acme.make("/v1/sessions", json!({"id": "build"}));
    say(&server, &token, "again").expect(410);
    let refused = acme.call("POST", &format!("/v1/messages/{id}/replay"), None);
    let refused: Value = serde_json::from_slice(&refused.expect(409).body).expect("JSON");
    assert!(refused.to_string().contains("has ended"), "{refused}");
    let many = acme.post("/v1/messages/replay", json!({"state": "dead"}));
    assert_eq!(many["replayed"], 0);
    let own = acme.clone().with("Doorbell-Session", "build");
    assert_eq!(own.receive(json!({})), Vec::<Value>::new());
}

#[test]
fn nothing_of_a_forgotten_session_is_a_later_ones_of_its_id_in_another_folder() {
    let home = Home::new();
    let mut server = home.serve_with(&["--retain", "1s"]);
    let acme = server.agent("acme");
    let hook = acme.mint(json!({"source_label": "github"}));
    acme.make("/v1/sessions", json!({"id": "build"}));
    let token = expose(&acme, "build");
    to_session(&acme, "build");
    let settled = hook.deliver(b"secret");
    let own = acme.clone().with("Doorbell-Session", "build");
    let leased = own.receive(json!({"max": 1}));
    assert_eq!(leased[0]["id"], json!(settled), "{leased:?}");
    assert_eq!(own.ack(&leased), ["acked"]);
    end(&acme, "build");
    say(&server, &token, "too late").expect(410);
    // As long as this waits, the file that both are in is kept.
    let waits = hook.deliver(&[b'x'; 4_000]);
    wait_for("the session to be forgotten", || {
        let sessions = server.operator().get("/v1/sessions");
        (sessions["sessions"] == json!([])).then_some(())
    });
    say(&server, &token, "too late").expect(404);

    let other = server.agent("b");
    other.make("/v1/sessions", json!({"id": "build"}));
    to_session(&other, "build");
    say(&server, &token, "stolen").expect(404);
    let replay = format!("/v1/messages/{settled}/replay");
    acme.call("POST", &replay, None).expect(200);
    let theirs = other.clone().with("Doorbell-Session", "build");
    assert_eq!(theirs.receive(json!({})), Vec::<Value>::new());
    server.crash_and_restart();
    say(&server, &token, "stolen").expect(404);
    let (acme, other) = (server.agent("acme"), server.agent("b"));
    let theirs = other.with("Doorbell-Session", "build");
    assert_eq!(theirs.receive(json!({})), Vec::<Value>::new());
    let back = acme.receive(json!({"max": 9}));
    assert_eq!(ids(&back), [&settled, &waits]);
}
