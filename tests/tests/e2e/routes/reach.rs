//! A rule reaches only messages whose grant's folder its owner contains, and only targets that it
//! contains.

use e2e::server::Home;
use serde_json::{Value, json};

use super::{listed, route, went};

#[test]
fn a_rule_never_catches_another_folders_messages_whatever_their_jid_reads_like() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let eng = server.agent("acme/eng");
    // Reads hook:acme/eng/x, and is acme's.
    let acmes =
        operator.mint(json!({"target_folder": "acme", "source_label": "eng", "jid_suffix": "x"}));
    assert_eq!(acmes.jid, "hook:acme/eng/x");
    for pattern in [
        "hook:acme/eng/*",
        "hook:acme/eng/x",
        "hook:**",
        "hook:*/*/x",
    ] {
        route(&eng, pattern, "acme/eng");
    }
    let id = acmes.deliver(b"acme's");
    assert_eq!(went(&server, &id), ("acme".into(), "trigger".into(), None));
    assert_eq!(eng.log().len(), 0);
    let other = operator.hook("acme/engineering", "x").deliver(b"other's");
    assert_eq!(went(&server, &other).2, None);
    let own = operator.hook("acme/eng/web", "y").deliver(b"its own");
    assert_eq!(went(&server, &own).0, "acme/eng");
}

#[test]
fn patterns_targets_and_sessions_outside_the_owners_folder_are_refused() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    operator.make("/v1/sessions", json!({"id": "far", "folder": "other"}));
    let eng = server.agent("acme/eng");
    let narrowed = operator.clone().narrowed_to("acme/eng");
    let refused = |ask: Value, status: u16| {
        for caller in [&eng, &narrowed] {
            let reply = caller.call("POST", "/v1/routes", Some(&ask)).expect(status);
            let problem = reply.json();
            let detail = problem["detail"].as_str().expect("a detail");
            let field = if ask["target"] == "acme/eng" {
                "match"
            } else {
                "target"
            };
            if status == 403 {
                assert!(detail.contains(field), "{ask}: {detail}");
            }
        }
    };
    for pattern in [
        "hook:other/**",
        "hook:acme/**",
        "hook:acme/*",
        "web:acme",
        "hook:acme/engineering/x",
    ] {
        refused(json!({"match": pattern, "target": "acme/eng"}), 403);
    }
    for target in ["acme", "other#observe", "acme/engineering"] {
        refused(json!({"match": "hook:**", "target": target}), 403);
    }
    for id in ["far", "nobody"] {
        let target = format!("doorbell:/sessions/{id}");
        refused(json!({"match": "hook:**", "target": target}), 404);
    }
    operator.make("/v1/sessions", json!({"id": "over", "folder": "acme/eng"}));
    operator
        .call("DELETE", "/v1/sessions/over", None)
        .expect(200);
    refused(
        json!({"match": "hook:**", "target": "doorbell:/sessions/over"}),
        409,
    );
    assert_eq!(listed(&operator), [""; 0], "nothing was kept");
    for legal in [
        "hook:**",
        "hook:*/x",
        "web:acme/eng",
        "hook:acme/eng/web/**",
    ] {
        let id = route(&eng, legal, "acme/eng/web");
        assert!(listed(&operator).contains(&id));
    }
    route(&operator, "hook:other/**", "anywhere/at/all");
}

#[test]
fn what_breaks_a_rule_is_named() {
    let home = Home::new();
    let server = home.serve();
    let eng = server.agent("acme/eng");
    let long = "x".repeat(257);
    let many: serde_json::Map<_, _> = (0..9).map(|n| (format!("x-{n}"), json!("v"))).collect();
    for (field, ask) in [
        ("match", json!({"target": "acme/eng"})),
        ("target", json!({"match": "hook:**"})),
        (
            "match",
            json!({"match": "hook:a/**/b", "target": "acme/eng"}),
        ),
        (
            "match",
            json!({"match": "doorbell:/sessions/*", "target": "acme/eng"}),
        ),
        (
            "target",
            json!({"match": "hook:**", "target": "acme/eng#quiet"}),
        ),
        ("target", json!({"match": "hook:**", "target": ""})),
        (
            "sender",
            json!({"match": "hook:**", "target": "acme/eng", "sender": "a b"}),
        ),
        (
            "seq",
            json!({"match": "hook:**", "target": "acme/eng", "seq": -1}),
        ),
        (
            "sequence",
            json!({"match": "hook:**", "target": "acme/eng", "sequence": 1}),
        ),
        (
            "headers.x y",
            json!({"match": "hook:**", "target": "acme/eng", "headers": {"x y": "v"}}),
        ),
        (
            "headers.x-a",
            json!({"match": "hook:**", "target": "acme/eng", "headers": {"x-a": ""}}),
        ),
        (
            "headers.x-a",
            json!({"match": "hook:**", "target": "acme/eng", "headers": {"x-a": long}}),
        ),
        (
            "headers.x-a",
            json!({"match": "hook:**", "target": "acme/eng", "headers": {"x-a": 1}}),
        ),
        (
            "headers",
            json!({"match": "hook:**", "target": "acme/eng", "headers": many}),
        ),
    ] {
        let reply = eng.call("POST", "/v1/routes", Some(&ask)).expect(400);
        assert_eq!(reply.json()["field"], field, "{ask}: {}", reply.text());
    }
    let twins =
        json!({"match": "hook:**", "target": "acme/eng", "headers": {"x-a": "1", "X-A": "2"}});
    let reply = eng.call("POST", "/v1/routes", Some(&twins)).expect(400);
    assert!(reply.text().contains("given twice"), "{}", reply.text());
    eng.call("DELETE", "/v1/routes/nonsense", None).expect(404);
}
