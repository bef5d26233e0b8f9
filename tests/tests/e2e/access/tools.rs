//! Every tool.

use std::collections::BTreeSet;

use e2e::{
    api::Caller,
    http::{self, Reply},
    server::{Doorbell, Home},
};
use serde_json::{Value, json};

use super::{Scene, no_credentials};

/// What a tool of another folder's answers.
enum Other {
    /// A tool error with this in its text.
    Error(&'static str),
    /// This member of the result is an empty list.
    Nothing(&'static str),
    /// Every id is unknown.
    Unknown,
    /// This member of the result counts none.
    Untouched(&'static str),
}

type Arguments = fn(&Scene) -> Value;

const TABLE: &[(&str, Arguments, Other)] = &[
    (
        "issue_webhook",
        |_| json!({"source_label": "x", "target_folder": "acme/eng"}),
        Other::Error("target_folder"),
    ),
    (
        "revoke_route_token",
        |scene| json!({"jid": scene.hook.jid}),
        Other::Error("no live grant"),
    ),
    (
        "list_route_tokens",
        |_| json!({"folder": "acme/eng"}),
        Other::Nothing("tokens"),
    ),
    (
        "receive_messages",
        |_| json!({"folder": "acme/eng"}),
        Other::Error("folder"),
    ),
    (
        "ack_messages",
        |scene| json!({"ids": [scene.message]}),
        Other::Unknown,
    ),
    (
        "nack_messages",
        |scene| json!({"ids": [scene.message]}),
        Other::Unknown,
    ),
    (
        "read_messages",
        |_| json!({"match": "hook:acme/eng/**"}),
        Other::Nothing("messages"),
    ),
    (
        "replay_messages",
        |scene| json!({"ids": [scene.message]}),
        Other::Untouched("replayed"),
    ),
    (
        "set_route",
        |_| json!({"match": "hook:**", "target": "acme/eng"}),
        Other::Error("target"),
    ),
    ("list_routes", |_| json!({}), Other::Nothing("routes")),
    (
        "remove_route",
        |scene| json!({"route_id": scene.route_id}),
        Other::Error("no route"),
    ),
    (
        "expose_channel",
        |scene| json!({"session_id": scene.session}),
        Other::Error("no session build"),
    ),
    (
        "list_channel_grants",
        |_| json!({}),
        Other::Nothing("grants"),
    ),
    (
        "revoke_channel_grant",
        |scene| json!({"grant_id": scene.channel_grant}),
        Other::Error("no live channel grant"),
    ),
];

fn post(server: &Doorbell<'_>, more: &[(&str, &str)], message: &Value) -> Reply {
    let headers = [
        &[
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
            ("MCP-Protocol-Version", "2025-11-25"),
        ],
        more,
    ]
    .concat();
    http::send(
        server.control,
        "POST",
        "/mcp",
        &headers,
        message.to_string().as_bytes(),
    )
    .expect("the control listener answers")
}

/// Asks one thing over `/mcp` and reads the answer out of its events.
fn ask(server: &Doorbell<'_>, caller: &Caller, method: &str, params: Value) -> Value {
    let bearer = format!("Bearer {}", caller.key());
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let reply = post(server, &[("Authorization", &bearer)], &message).expect(200);
    let text = reply.text();
    let mut data = text
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .map(str::trim);
    let answer = data.find(|data| data.contains("\"result\"") || data.contains("\"error\""));
    serde_json::from_str(answer.unwrap_or(&text)).expect("JSON")
}

#[test]
fn every_tool_of_the_program_stands_in_the_table() {
    let home = Home::new();
    let server = home.serve();
    let listed = ask(&server, &server.agent("acme"), "tools/list", json!({}));
    let tools = listed["result"]["tools"].as_array().expect("tools");
    let names: BTreeSet<&str> = tools
        .iter()
        .map(|tool| tool["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, TABLE.iter().map(|(name, ..)| *name).collect());
}

#[test]
fn no_tool_lets_a_stranger_or_a_dead_key_in() {
    let home = Home::new();
    let server = home.serve();
    let scene = Scene::set(&server);
    for credential in no_credentials(&server, &scene.hook) {
        let headers: Vec<_> = credential
            .iter()
            .map(|value| ("Authorization", value.as_str()))
            .collect();
        for (name, arguments, _) in TABLE {
            let params = json!({"name": name, "arguments": arguments(&scene)});
            let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
            let reply = post(&server, &headers, &call).expect(401);
            assert!(!reply.text().contains("private"), "{name}");
        }
        for method in ["initialize", "tools/list", "server/discover"] {
            let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {}});
            post(&server, &headers, &call).expect(401);
        }
    }
    scene.is_untouched();
}

#[test]
fn no_tool_shows_or_changes_anything_of_another_folder() {
    let home = Home::new();
    let server = home.serve();
    let scene = Scene::set(&server);
    for (name, arguments, other) in TABLE {
        let params = json!({"name": name, "arguments": arguments(&scene)});
        let answer = ask(&server, &scene.other, "tools/call", params);
        let result = &answer["result"];
        assert!(!answer.to_string().contains("private"), "{name}");
        match other {
            Other::Error(text) => {
                assert_eq!(result["isError"], true, "{name}: {answer}");
                let said = result["content"][0]["text"].as_str().expect("a text");
                assert!(said.contains(text), "{name}: {said}");
            }
            Other::Nothing(member) => {
                assert_eq!(
                    result["structuredContent"][member],
                    json!([]),
                    "{name}: {answer}"
                );
            }
            Other::Untouched(member) => {
                let counted = &result["structuredContent"][member];
                assert_eq!(counted, 0, "{name}: {answer}");
            }
            Other::Unknown => {
                let results = &result["structuredContent"]["results"];
                assert_eq!(results[0]["status"], "not_found", "{name}: {answer}");
            }
        }
    }
    scene.is_untouched();
}
