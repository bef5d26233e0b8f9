//! The session of an agent that a client starts.

use e2e::server::{Home, wait_for};
use serde_json::{Value, json};

use super::{agent::Agent, expose, knock};

/// How a session stands; null while it is unknown.
fn state(server: &e2e::server::Doorbell<'_>, id: &str) -> Value {
    let sessions = server.operator().get("/v1/sessions");
    let mut sessions = sessions["sessions"].as_array().expect("sessions").iter();
    let found = sessions.find(|session| session["id"] == id);
    found.map_or(Value::Null, |session| session["state"].clone())
}

#[test]
fn an_agent_gets_a_session_when_it_first_needs_one_and_it_ends_with_it() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme", "github");
    let mut agent = Agent::ready(&home, &[]);
    agent.call("receive_messages", json!({}));
    let none = server.operator().get("/v1/sessions");
    assert_eq!(none["sessions"], json!([]), "nobody needed one");
    let exposed = agent.call(
        "expose_channel",
        json!({"label": "nightly", "ttl_seconds": 600}),
    );
    let channel = exposed["channel"].as_str().expect("a channel");
    let id = channel
        .strip_prefix("doorbell:/sessions/")
        .expect("a session's");
    // It reads its inbox itself and is no attachment.
    assert_eq!(state(&server, id), "idle");
    let token = exposed["token"].as_str().expect("a token");
    knock(&server, token, "to the session").expect(202);
    hook.deliver(b"to the folder");
    let received = agent.call("receive_messages", json!({}));
    let messages = received["messages"].as_array().expect("messages");
    let mut kinds: Vec<&str> = messages.iter().filter_map(|m| m["kind"].as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["channel", "hook"], "{received}");
    let listed = agent.call("list_channel_grants", json!({}));
    assert_eq!(listed["grants"][0]["label"], "nightly");
    assert!(listed["grants"][0].get("token").is_none());
    let second = agent.call("expose_channel", json!({}));
    assert_eq!(
        second["channel"], exposed["channel"],
        "one session, two channels"
    );
    let revoked = agent.call(
        "revoke_channel_grant",
        json!({"grant_id": second["grant_id"]}),
    );
    assert_eq!(revoked["grants"][0]["grant_id"], second["grant_id"]);
    assert!(revoked["grants"][0]["revoked_at"].is_string());
    let second = second["token"].as_str().expect("a token");
    knock(&server, second, "no").expect(403);
    let id = id.to_owned();
    let token = token.to_owned();
    agent.end();
    assert_eq!(state(&server, &id), "ended");
    knock(&server, &token, "too late").expect(410);
}

#[test]
fn a_named_session_outlives_its_agent_and_is_found_again() {
    let home = Home::new();
    let server = home.serve();
    let mut agent = Agent::ready(&home, &["--session", "build"]);
    let exposed = agent.call("expose_channel", json!({}));
    assert_eq!(exposed["channel"], "doorbell:/sessions/build");
    let token = exposed["token"].as_str().expect("a token").to_owned();
    agent.end();
    assert_eq!(state(&server, "build"), "idle");
    knock(&server, &token, "while you were out").expect(202);
    let mut agent = Agent::ready(&home, &["--session", "build"]);
    let received = agent.call("receive_messages", json!({}));
    assert_eq!(received["messages"][0]["body"], "while you were out");
    agent.end();
    let mut pushed_to = Agent::ready(&home, &["--session", "build", "--channel"]);
    wait_for("it to attach", || {
        (state(&server, "build") == "live").then_some(())
    });
    knock(&server, &token, "now").expect(200);
    assert!(
        pushed_to.pushed()["content"]
            .as_str()
            .is_some_and(|content| content.contains("now"))
    );
    pushed_to.end();
}

#[test]
fn two_sessions_of_one_folder_never_hear_each_other() {
    let home = Home::new();
    let server = home.serve();
    let names = ["a", "b"];
    let mut pushed_to = names.map(|name| Agent::ready(&home, &["--channel", "--session", name]));
    for name in names {
        wait_for("both to attach", || {
            (state(&server, name) == "live").then_some(())
        });
    }
    let tokens = names.map(|name| expose(&server.operator(), name));
    for _ in 0..5 {
        for (name, token) in names.iter().zip(&tokens) {
            knock(&server, token, &format!("for {name} alone")).expect(200);
        }
    }
    for (agent, name) in pushed_to.iter_mut().zip(names) {
        for _ in 0..5 {
            let pushed = agent.pushed();
            let content = pushed["content"].as_str().expect("a content");
            assert!(content.contains(&format!("for {name} alone")), "{content}");
            let jid = format!("doorbell:/sessions/{name}");
            assert_eq!(pushed["meta"]["jid"], json!(jid));
        }
        // Everything pushed to it by now was its own.
        agent.ask("ping", json!({}));
        assert_eq!(agent.heard(), 0);
    }
    for agent in pushed_to {
        agent.end();
    }
    // Nor do those that read.
    let mut other = Agent::ready(&home, &["--session", "b"]);
    let received = other.call("receive_messages", json!({}));
    let messages = received["messages"].as_array().expect("messages");
    assert_eq!(messages.len(), 5);
    assert!(messages.iter().all(|m| m["jid"] == "doorbell:/sessions/b"));
    other.end();
}
