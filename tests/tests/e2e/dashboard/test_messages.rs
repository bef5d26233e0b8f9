//! `POST /v1/test_messages`: the way of every request, behind the token's check.

use e2e::server::Home;
use serde_json::json;

#[test]
fn a_test_goes_the_way_of_every_request_and_says_what_its_sender_would_have_read() {
    let home = Home::new();
    let server = home.serve_with(&["--max-body", "100", "--hook-rate", "1", "--hook-burst", "4"]);
    let operator = server.operator();
    let agent = server.agent("acme");
    let hook = operator.hook("acme/eng", "github");
    agent.make(
        "/v1/routes",
        json!({"match": "hook:acme/**", "target": "acme", "headers": {"x-github-event": "push"}}),
    );
    let ask = json!({
        "grant_id": hook.grant_id,
        "body": "aGkg/w==", "body_encoding": "base64",
        "headers": {"X-GitHub-Event": "push", "x-github-delivery": "1", "x-token": hook.token},
    });
    let sent = agent.post("/v1/test_messages", ask.clone());
    assert_eq!(sent["status"], 200, "{sent}");
    let id = sent["message_id"].as_str().expect("an id").to_owned();
    let message = agent.get(&format!("/v1/messages/{id}"));
    assert_eq!(message["test"], true, "{message}");
    assert_eq!(message["folder"], "acme", "routed");
    assert_eq!(message["body"], "aGkg/w==");
    assert_eq!(message["headers"]["x-token"], "[token]");
    // The agent meets it as it meets any other, and is told.
    let leased = agent.receive(json!({"folder": "acme"}));
    assert_eq!(
        (&leased[0]["id"], &leased[0]["test"]),
        (&json!(id), &json!(true))
    );
    // A provider's id is known again; what a stranger sends is no test.
    let again = agent.post("/v1/test_messages", ask);
    assert_eq!(again, json!({"status": 200, "message_id": id}));
    let real = hook.deliver(b"real");
    let real = operator.get(&format!("/v1/messages/{real}"));
    assert_eq!(real.get("test"), None, "{real}");
    let by_jid = operator.post("/v1/test_messages", json!({"jid": hook.jid, "body": "x"}));
    assert_eq!(by_jid["status"], 200);
    // Four at once were let in: the fifth is one too many, whoever asks.
    let ask = json!({"grant_id": hook.grant_id});
    let over = operator.post("/v1/test_messages", ask.clone());
    assert_eq!(
        (&over["status"], &over["error"]["code"]),
        (&json!(429), &json!("rate_limited")),
        "{over}"
    );
    assert!(over.get("message_id").is_none());
    let other = operator.hook("acme/eng", "big");
    let large = json!({"grant_id": other.grant_id, "body": "x".repeat(101)});
    let large = operator.post("/v1/test_messages", large);
    assert_eq!(large["error"]["code"], "body_too_large", "{large}");
    operator
        .call("DELETE", &format!("/v1/route_tokens/{}", hook.jid), None)
        .expect(200);
    let gone = operator.call("POST", "/v1/test_messages", Some(&ask));
    assert!(gone.expect(404).text().contains("no live webhook"));
}

#[test]
fn a_test_may_repeat_a_message_as_it_came_or_edited_and_says_of_which() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "github");
    let first = hook
        .post(&[("X-GitHub-Delivery", "1"), ("X-Kind", "a")], b"one")
        .expect(200);
    let first = first.header("x-message-id").expect("an id").to_owned();
    for (body, expected) in [(None, "one"), (Some("two"), "two")] {
        let mut ask = json!({"grant_id": hook.grant_id, "repeat_of": first});
        if let Some(body) = body {
            ask["body"] = json!(body);
        }
        let sent = operator.post("/v1/test_messages", ask);
        let id = sent["message_id"].as_str().expect("an id").to_owned();
        assert_ne!(id, first, "it is one of its own");
        let message = operator.get(&format!("/v1/messages/{id}"));
        assert_eq!(message["repeat_of"], json!(first), "{message}");
        assert_eq!(message["test"], true);
        assert_eq!(message["body"], expected);
        assert_eq!(message["headers"]["x-kind"], "a");
    }
    // Another folder's message is none, whatever webhook it would go through.
    let agent = server.agent("other");
    let own = operator.hook("other", "github");
    let ask = json!({"grant_id": own.grant_id, "repeat_of": first});
    agent
        .call("POST", "/v1/test_messages", Some(&ask))
        .expect(404);
}

#[test]
fn what_is_wrong_with_a_test_is_said_by_field() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "github");
    for (ask, field) in [
        (json!({}), "grant_id"),
        (
            json!({"grant_id": hook.grant_id, "jid": hook.jid}),
            "grant_id",
        ),
        (json!({"grant_id": "nonsense"}), "grant_id"),
        (json!({"jid": hook.jid, "source": "github"}), "source"),
        (json!({"jid": hook.jid, "event": "push"}), "event"),
        (
            json!({"jid": hook.jid, "body": "!", "body_encoding": "base64"}),
            "body",
        ),
        (json!({"jid": hook.jid, "headers": {"a b": "x"}}), "headers"),
        (
            json!({"jid": hook.jid, "headers": {"a": "x\r\ny: z"}}),
            "headers",
        ),
    ] {
        let reply = operator.call("POST", "/v1/test_messages", Some(&ask));
        assert_eq!(reply.expect(400).json()["field"], field, "{ask}");
    }
    assert!(operator.log().is_empty());
}
