//! Every endpoint of the control listener.

use std::{collections::BTreeSet, fs, path::Path};

use e2e::{binary, http::Reply, server::Home};
use serde_json::{Value, json};

use super::{Scene, no_credentials};

/// What the agent of another folder is told.
enum Other {
    /// This status, whatever it is about.
    Status(u16),
    /// 200, and of what it asked for nothing: this member is an empty list.
    Nothing(&'static str),
    /// 200, and every id is unknown.
    Unknown,
    /// 200, and this member counts none.
    Untouched(&'static str),
    /// 200 and a stream in which nothing comes.
    Silence,
    /// 200: it tells whoever has a credential the same.
    Anyones,
    /// 200, and this is not in it.
    Without(&'static str),
    /// It needs no credential at all.
    Open,
    /// It is not there, for whoever asks.
    Nowhere,
    /// A page for people, who are asked to sign in; held to by the dashboard's tests.
    Page,
    /// Held to by the tests of the tools.
    Tools,
}

/// An endpoint, how it is asked for what is not ours, and what is answered.
struct Row {
    endpoint: &'static str,
    target: fn(&Scene) -> String,
    ask: fn(&Scene) -> Value,
    other: Other,
}

fn none(_: &Scene) -> Value {
    Value::Null
}

fn theirs(scene: &Scene) -> Value {
    json!({"ids": [scene.message]})
}

const TABLE: &[Row] = &[
    Row {
        endpoint: "GET /healthz",
        target: |_| "/healthz".into(),
        ask: none,
        other: Other::Open,
    },
    Row {
        endpoint: "GET /readyz",
        target: |_| "/readyz".into(),
        ask: none,
        other: Other::Open,
    },
    Row {
        endpoint: "GET /proof",
        target: |_| format!("/proof?nonce={}", "0".repeat(64)),
        ask: none,
        other: Other::Open,
    },
    // Of a server without an issuer, like any path that is not there; of one with, see `oidc`.
    Row {
        endpoint: "GET /.well-known/oauth-protected-resource",
        target: |_| "/.well-known/oauth-protected-resource".into(),
        ask: none,
        other: Other::Nowhere,
    },
    Row {
        endpoint: "GET /.well-known/oauth-protected-resource/mcp",
        target: |_| "/.well-known/oauth-protected-resource/mcp".into(),
        ask: none,
        other: Other::Nowhere,
    },
    Row {
        endpoint: "GET /.well-known/{*path}",
        target: |_| "/.well-known/oauth-authorization-server".into(),
        ask: none,
        other: Other::Nowhere,
    },
    Row {
        endpoint: "GET /openapi.json",
        target: |_| "/openapi.json".into(),
        ask: none,
        other: Other::Anyones,
    },
    Row {
        endpoint: "GET /",
        target: |_| "/".into(),
        ask: none,
        other: Other::Page,
    },
    Row {
        endpoint: "POST /",
        target: |_| "/".into(),
        ask: none,
        other: Other::Page,
    },
    Row {
        endpoint: "GET /assets/{file}",
        target: |_| "/assets/app.js".into(),
        ask: none,
        other: Other::Page,
    },
    Row {
        endpoint: "GET /sign-in",
        target: |_| "/sign-in".into(),
        ask: none,
        other: Other::Page,
    },
    Row {
        endpoint: "POST /sign-in",
        target: |_| "/sign-in".into(),
        ask: none,
        other: Other::Page,
    },
    Row {
        endpoint: "GET /oidc/login",
        target: |_| "/oidc/login".into(),
        ask: none,
        other: Other::Page,
    },
    Row {
        endpoint: "GET /oidc/callback",
        target: |_| "/oidc/callback?state=x&code=x".into(),
        ask: none,
        other: Other::Page,
    },
    Row {
        endpoint: "POST /sign-out",
        target: |_| "/sign-out".into(),
        ask: none,
        other: Other::Page,
    },
    Row {
        endpoint: "GET /v1/whoami",
        target: |_| "/v1/whoami".into(),
        ask: none,
        other: Other::Without("\"acme/eng\""),
    },
    Row {
        endpoint: "GET /v1/folders",
        target: |_| "/v1/folders?folder=acme/eng".into(),
        ask: none,
        other: Other::Nothing("folders"),
    },
    Row {
        endpoint: "GET /v1/rates",
        target: |_| "/v1/rates?folder=acme/eng".into(),
        ask: none,
        other: Other::Without("\"messages\":1"),
    },
    Row {
        endpoint: "GET /v1/sources",
        target: |_| "/v1/sources".into(),
        ask: none,
        other: Other::Without("acme/eng"),
    },
    Row {
        endpoint: "ANY /mcp",
        target: |_| "/mcp".into(),
        ask: none,
        other: Other::Tools,
    },
    Row {
        endpoint: "ANY /mcp/",
        target: |_| "/mcp/".into(),
        ask: none,
        other: Other::Tools,
    },
    Row {
        endpoint: "GET /v1/route_tokens",
        target: |_| "/v1/route_tokens?folder=acme/eng".into(),
        ask: none,
        other: Other::Nothing("tokens"),
    },
    Row {
        endpoint: "POST /v1/route_tokens/hook",
        target: |_| "/v1/route_tokens/hook".into(),
        ask: |_| json!({"source_label": "x", "target_folder": "acme/eng"}),
        other: Other::Status(403),
    },
    Row {
        endpoint: "POST /v1/route_tokens/chat",
        target: |_| "/v1/route_tokens/chat".into(),
        ask: |_| json!({"target_folder": "acme/eng"}),
        other: Other::Status(403),
    },
    Row {
        endpoint: "DELETE /v1/route_tokens/{*jid}",
        target: |scene| format!("/v1/route_tokens/{}", scene.hook.jid),
        ask: none,
        other: Other::Status(404),
    },
    Row {
        endpoint: "DELETE /v1/grants/{grant_id}",
        target: |scene| format!("/v1/grants/{}", scene.hook.grant_id),
        ask: none,
        other: Other::Status(404),
    },
    Row {
        endpoint: "GET /v1/messages",
        target: |_| "/v1/messages?match=hook:**".into(),
        ask: none,
        other: Other::Nothing("messages"),
    },
    Row {
        endpoint: "POST /v1/messages/receive",
        target: |_| "/v1/messages/receive".into(),
        ask: |_| json!({"folder": "acme/eng"}),
        other: Other::Status(403),
    },
    Row {
        endpoint: "POST /v1/messages/ack",
        target: |_| "/v1/messages/ack".into(),
        ask: theirs,
        other: Other::Unknown,
    },
    Row {
        endpoint: "POST /v1/messages/nack",
        target: |_| "/v1/messages/nack".into(),
        ask: theirs,
        other: Other::Unknown,
    },
    Row {
        endpoint: "POST /v1/messages/replay",
        target: |_| "/v1/messages/replay".into(),
        ask: theirs,
        other: Other::Untouched("replayed"),
    },
    Row {
        endpoint: "GET /v1/messages/{id}",
        target: |scene| format!("/v1/messages/{}", scene.message),
        ask: none,
        other: Other::Status(404),
    },
    Row {
        endpoint: "POST /v1/messages/{id}/replay",
        target: |scene| format!("/v1/messages/{}/replay", scene.message),
        ask: none,
        other: Other::Status(404),
    },
    Row {
        endpoint: "POST /v1/test_messages",
        target: |_| "/v1/test_messages".into(),
        ask: |scene| json!({"grant_id": scene.hook.grant_id, "body": "private"}),
        other: Other::Status(404),
    },
    Row {
        endpoint: "POST /v1/test_messages",
        target: |_| "/v1/test_messages".into(),
        ask: |scene| json!({"jid": scene.hook.jid}),
        other: Other::Status(404),
    },
    Row {
        endpoint: "GET /v1/stream",
        target: |scene| format!("/v1/stream?timeout_seconds=1&cursor={}", scene.before),
        ask: none,
        other: Other::Silence,
    },
    Row {
        endpoint: "GET /v1/stream",
        target: |scene| {
            format!(
                "/v1/stream?session={}&attach=true&timeout_seconds=1",
                scene.session
            )
        },
        ask: none,
        other: Other::Status(404),
    },
    Row {
        endpoint: "GET /v1/channels",
        target: |_| "/v1/channels".into(),
        ask: none,
        other: Other::Nothing("grants"),
    },
    Row {
        endpoint: "POST /v1/channels",
        target: |_| "/v1/channels".into(),
        ask: |scene| json!({"session_id": scene.session}),
        other: Other::Status(404),
    },
    Row {
        endpoint: "DELETE /v1/channels/{grant_id}",
        target: |scene| format!("/v1/channels/{}", scene.channel_grant),
        ask: none,
        other: Other::Status(404),
    },
    Row {
        endpoint: "GET /v1/sessions",
        target: |_| "/v1/sessions".into(),
        ask: none,
        other: Other::Nothing("sessions"),
    },
    Row {
        endpoint: "POST /v1/sessions",
        target: |_| "/v1/sessions".into(),
        ask: |_| json!({"folder": "acme/eng"}),
        other: Other::Status(403),
    },
    Row {
        endpoint: "POST /v1/sessions",
        target: |_| "/v1/sessions".into(),
        // Its id is taken elsewhere.
        ask: |scene| json!({"id": scene.session, "folder": "acme/engineering"}),
        other: Other::Status(409),
    },
    Row {
        endpoint: "DELETE /v1/sessions/{id}",
        target: |scene| format!("/v1/sessions/{}", scene.session),
        ask: none,
        other: Other::Status(404),
    },
    Row {
        endpoint: "GET /v1/routes",
        target: |_| "/v1/routes".into(),
        ask: none,
        other: Other::Nothing("routes"),
    },
    Row {
        endpoint: "POST /v1/routes",
        target: |_| "/v1/routes".into(),
        ask: |_| json!({"match": "hook:**", "target": "acme/eng"}),
        other: Other::Status(403),
    },
    Row {
        endpoint: "POST /v1/routes",
        target: |_| "/v1/routes".into(),
        // Their messages to itself.
        ask: |_| json!({"match": "hook:acme/eng/*", "target": "acme/engineering"}),
        other: Other::Status(403),
    },
    Row {
        endpoint: "POST /v1/routes",
        target: |_| "/v1/routes".into(),
        ask: |scene| {
            let target = format!("doorbell:/sessions/{}", scene.session);
            json!({"match": "hook:**", "target": target})
        },
        other: Other::Status(404),
    },
    Row {
        endpoint: "POST /v1/routes/test",
        target: |_| "/v1/routes/test".into(),
        ask: |scene| json!({"jid": scene.hook.jid}),
        other: Other::Status(404),
    },
    Row {
        endpoint: "DELETE /v1/routes/{route_id}",
        target: |scene| format!("/v1/routes/{}", scene.route_id),
        ask: none,
        other: Other::Status(404),
    },
    Row {
        endpoint: "POST /v1/signing_keys/rotate",
        target: |_| "/v1/signing_keys/rotate".into(),
        ask: none,
        other: Other::Status(403),
    },
    Row {
        endpoint: "GET /v1/keys",
        target: |_| "/v1/keys".into(),
        ask: none,
        other: Other::Status(403),
    },
    Row {
        endpoint: "POST /v1/keys",
        target: |_| "/v1/keys".into(),
        ask: |_| json!({"folder": "acme/engineering"}),
        other: Other::Status(403),
    },
    Row {
        endpoint: "DELETE /v1/keys/{key_id}",
        target: |scene| format!("/v1/keys/{}", scene.key_id),
        ask: none,
        other: Other::Status(403),
    },
    Row {
        endpoint: "POST /v1/sign_in_links",
        target: |_| "/v1/sign_in_links".into(),
        ask: none,
        other: Other::Status(403),
    },
    Row {
        endpoint: "GET /v1/backup",
        target: |_| "/v1/backup".into(),
        ask: none,
        other: Other::Status(403),
    },
    Row {
        endpoint: "GET /metrics",
        target: |_| "/metrics".into(),
        ask: none,
        other: Other::Status(403),
    },
];

fn body(ask: &Value) -> Vec<u8> {
    if ask.is_null() {
        Vec::new()
    } else {
        ask.to_string().into_bytes()
    }
}

/// A refusal of the control listener's: problem details that show nothing of the scene.
#[track_caller]
fn problem(reply: Reply, status: u16, what: &str) -> Value {
    assert_eq!(reply.status, status, "{what}: {}", reply.text());
    assert_eq!(
        reply.header("content-type"),
        Some("application/problem+json"),
        "{what}"
    );
    let document = reply.json();
    assert_eq!(document["status"], status, "{what}");
    for member in ["title", "detail", "code"] {
        assert!(document[member].is_string(), "{what}: {document}");
    }
    assert!(!reply.text().contains("private"), "{what}");
    document
}

#[test]
fn no_endpoint_lets_a_stranger_or_a_dead_key_in() {
    let home = Home::new();
    let server = home.serve();
    let scene = Scene::set(&server);
    for credential in no_credentials(&server, &scene.hook) {
        let headers: Vec<_> = credential
            .iter()
            .map(|value| ("Authorization", value.as_str()))
            .collect();
        let mut told = BTreeSet::new();
        for row in TABLE {
            let (method, _) = row.endpoint.split_once(' ').expect("method and path");
            let method = if method == "ANY" { "POST" } else { method };
            let body = body(&(row.ask)(&scene));
            let reply = e2e::http::send(
                server.control,
                method,
                &(row.target)(&scene),
                &headers,
                &body,
            )
            .expect("the control listener answers");
            match row.other {
                Other::Open => assert_eq!(reply.status, 200, "{}", row.endpoint),
                Other::Nowhere => _ = problem(reply, 404, row.endpoint),
                Other::Page => {
                    assert_eq!(reply.status, 401, "{}: {}", row.endpoint, reply.text());
                    assert!(!reply.text().contains("acme"), "{}", row.endpoint);
                }
                _ => _ = told.insert(problem(reply, 401, row.endpoint).to_string()),
            }
        }
        assert_eq!(told.len(), 1, "refusals tell what exists: {told:?}");
    }
    scene.is_untouched();
}

#[test]
fn no_endpoint_shows_or_changes_anything_of_another_folder() {
    let home = Home::new();
    let server = home.serve();
    let scene = Scene::set(&server);
    let narrowed = server.operator().narrowed_to("acme/engineering");
    for caller in [&scene.other, &narrowed] {
        for row in TABLE {
            let (method, _) = row.endpoint.split_once(' ').expect("method and path");
            let ask = Some((row.ask)(&scene)).filter(|ask| !ask.is_null());
            let reply = match row.other {
                Other::Open | Other::Tools | Other::Page => continue,
                _ => caller.call(method, &(row.target)(&scene), ask.as_ref()),
            };
            match row.other {
                Other::Status(status) => _ = problem(reply, status, row.endpoint),
                Other::Nowhere => _ = problem(reply, 404, row.endpoint),
                Other::Nothing(member) => {
                    assert_eq!(
                        reply.expect(200).json()[member],
                        json!([]),
                        "{}",
                        row.endpoint
                    );
                }
                Other::Unknown => {
                    assert_eq!(
                        reply.expect(200).json()["results"][0]["status"],
                        "not_found",
                        "{}",
                        row.endpoint
                    );
                }
                Other::Untouched(member) => {
                    let counted = &reply.expect(200).json()[member];
                    assert_eq!(counted, 0, "{}", row.endpoint);
                }
                Other::Silence => assert!(
                    !reply.expect(200).text().contains("data:"),
                    "{}",
                    row.endpoint
                ),
                Other::Anyones => {
                    reply.expect(200);
                }
                Other::Without(text) => {
                    let reply = reply.expect(200);
                    assert!(!reply.text().contains(text), "{}", row.endpoint);
                }
                Other::Open | Other::Tools | Other::Page => unreachable!("passed by"),
            }
        }
    }
    scene.is_untouched();
}

#[test]
fn every_endpoint_of_the_program_stands_in_the_table() {
    let mut have = BTreeSet::new();
    routes_in(&binary::workspace().join("mcp-server/src"), &mut have);
    assert!(
        have.len() > 15,
        "the sources do not read as they did: {have:?}"
    );
    let table: BTreeSet<String> = TABLE.iter().map(|row| row.endpoint.to_owned()).collect();
    assert_eq!(have, table, "left: the program's, right: the table's");
}

#[test]
fn every_endpoint_under_v1_is_described_but_the_chats_which_is_not_served_yet() {
    let home = Home::new();
    let server = home.serve();
    let document = server.operator().get("/openapi.json");
    let described: BTreeSet<String> = document["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("a path's methods");
            methods
                .keys()
                .map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let table: BTreeSet<String> = TABLE
        .iter()
        .map(|row| row.endpoint.replace("{*", "{"))
        .filter(|endpoint| {
            let beside = ["GET /openapi.json", "GET /metrics"];
            let offered = endpoint != "POST /v1/route_tokens/chat";
            offered && (endpoint.contains(" /v1/") || beside.contains(&endpoint.as_str()))
        })
        .collect();
    assert_eq!(described, table, "left: the document's, right: the table's");
    let words = document.to_string().to_lowercase();
    assert!(!words.contains("chat"), "the document speaks of chats");
}

/// Every `.route("path", get(…).post(…))` and `.route_service("path", …)` in the sources below.
fn routes_in(dir: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).expect("the sources are here") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            routes_in(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            let text = fs::read_to_string(&path).expect("UTF-8");
            let program = text.split("#[cfg(test)]").next().unwrap_or_default();
            for way in [".nest(", ".nest_service(", ".route_layer(", "::any("] {
                assert!(
                    !program.contains(way),
                    "{}: teach this test to read {way}",
                    path.display()
                );
            }
            routes_of(program, found);
        }
    }
}

fn routes_of(program: &str, found: &mut BTreeSet<String>) {
    // A described endpoint reads `.api_route("path", get_with(…).post_with(…))`.
    for call in program.split(".api_route(").skip(1) {
        let (path, rest) = quoted(call).expect("a described path is written out");
        let own = rest.split(".route").next().unwrap_or_default();
        let methods = methods_in(own, |name| vec![format!("{name}_with(")]);
        assert!(!methods.is_empty(), "no method of {path} reads: {own}");
        found.extend(methods.iter().map(|method| format!("{method} {path}")));
    }
    for call in program.split(".route").skip(1) {
        let (service, rest) = match call.strip_prefix("_service") {
            Some(rest) => (true, rest),
            None => (false, call),
        };
        let Some((path, rest)) = rest.strip_prefix('(').and_then(quoted) else {
            continue;
        };
        if service {
            found.insert(format!("ANY {path}"));
            continue;
        }
        let handlers = rest
            .split(".method_not_allowed_fallback")
            .next()
            .unwrap_or_default();
        let methods = methods_in(handlers, |name| {
            [" ", ".", "\n"]
                .map(|before| format!("{before}{name}("))
                .into()
        });
        assert!(!methods.is_empty(), "no method of {path} reads: {rest}");
        found.extend(methods.iter().map(|method| format!("{method} {path}")));
    }
}

/// The text between quotes that something begins with, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    text.trim_start().strip_prefix('"')?.split_once('"')
}

fn methods_in(handlers: &str, calls: impl Fn(&str) -> Vec<String>) -> Vec<String> {
    ["get", "post", "put", "patch", "delete", "head", "options"]
        .into_iter()
        .filter(|name| {
            calls(name)
                .iter()
                .any(|call| handlers.contains(call.as_str()))
        })
        .map(str::to_uppercase)
        .collect()
}
