//! `/mcp` however a client sends, and what it answers to what is no message.

use std::{io::Write, process::Stdio};

use e2e::{
    http::Reply,
    server::{Doorbell, Home},
};
use serde_json::{Value, json};

use super::raw::{message, send};

const JSON: (&str, &str) = ("Content-Type", "application/json");

fn ping(id: u64) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "ping"})
}

fn post(server: &Doorbell<'_>, path: &str, more: &[(&str, &str)], body: &Value) -> Reply {
    let headers = [&[JSON], more].concat();
    let agent = server.operator();
    send(server, &agent, path, &headers, body.to_string().as_bytes())
}

#[test]
fn every_accept_and_a_slash_behind_the_path_are_served_in_a_kind_that_is_read() {
    let home = Home::new();
    let server = home.serve();
    const EVENTS: &str = "text/event-stream";
    for (accept, kind) in [
        (Some("application/json, text/event-stream"), EVENTS),
        (Some("text/event-stream"), EVENTS),
        (Some("Text/Event-Stream;q=0.9"), EVENTS),
        (Some("application/json"), "application/json"),
        (Some("*/*"), "application/json"),
        (Some("application/*"), "application/json"),
        (None, "application/json"),
    ] {
        for path in ["/mcp", "/mcp/"] {
            let headers: Vec<_> = accept.iter().map(|value| ("Accept", *value)).collect();
            let reply = post(&server, path, &headers, &ping(7)).expect(200);
            assert_eq!(reply.header("content-type"), Some(kind), "{accept:?}");
            let (_, answer) = message(&reply);
            assert_eq!(answer, json!({"jsonrpc": "2.0", "id": 7, "result": {}}));
        }
    }
}

#[test]
fn what_is_no_json_or_no_message_is_a_400_that_says_so_in_json_rpc() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let accept = ("Accept", "application/json, text/event-stream");
    for (body, code) in [
        (&b"{\"jsonrpc\":"[..], -32_700),
        (b"", -32_700),
        (b"hello", -32_700),
        (b"{\"a\":\"\xff\"}", -32_700),
        (b"7", -32_600),
        (b"{}", -32_600),
        (
            b"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}",
            -32_600,
        ),
        (b"[]", -32_600),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}",
            -32_600,
        ),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}",
            -32_600,
        ),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":[]}",
            -32_600,
        ),
    ] {
        let reply = send(&server, &operator, "/mcp", &[JSON, accept], body).expect(400);
        assert_eq!(reply.header("content-type"), Some("application/json"));
        let error = reply.json();
        assert_eq!(error["error"]["code"], code, "{error}");
        assert_eq!(error["jsonrpc"], "2.0");
        assert!(error["error"]["message"].is_string(), "{error}");
    }
    let marked = format!("\u{feff}{}", ping(1));
    let reply = send(
        &server,
        &operator,
        "/mcp",
        &[JSON, accept],
        marked.as_bytes(),
    );
    assert_eq!(message(&reply.expect(200)).1["result"], json!({}));
}

#[test]
fn what_is_refused_for_its_headers_is_told_in_json_rpc_too() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let accept = ("Accept", "application/json, text/event-stream");
    let unknown = ("MCP-Protocol-Version", "1999-01-01");
    let text = ("Content-Type", "text/plain");
    for (headers, status, said) in [
        ([JSON, accept, unknown].as_slice(), 400, "1999-01-01"),
        (&[text, accept], 415, "application/json"),
    ] {
        let body = ping(7).to_string();
        let reply = send(&server, &operator, "/mcp", headers, body.as_bytes());
        let error = reply.expect(status).json();
        assert_eq!(error["id"], 7, "{error}");
        assert_eq!(error["error"]["code"], -32_600, "{error}");
        let words = error["error"]["message"].as_str().expect("words");
        assert!(words.contains(said), "{words}");
    }
}

#[test]
fn a_batch_is_answered_in_the_revision_that_has_them_and_refused_in_others() {
    let home = Home::new();
    let server = home.serve();
    let read = json!({"jsonrpc": "2.0", "id": "r", "method": "tools/call",
        "params": {"name": "list_route_tokens", "arguments": {}}});
    let told = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let answer = json!({"jsonrpc": "2.0", "id": 9, "result": {}});
    let batch = json!([ping(1), told, read, 7, answer, ping(2)]);
    for version in [Some("2025-03-26"), None] {
        let headers: Vec<_> = version
            .iter()
            .map(|version| ("MCP-Protocol-Version", *version))
            .collect();
        let reply = post(&server, "/mcp", &headers, &batch).expect(200);
        let answers = reply.json();
        let answers = answers.as_array().expect("an array");
        assert_eq!(answers.len(), 4, "{answers:?}");
        let of = |id: Value| answers.iter().find(|answer| answer["id"] == id);
        for id in [1, 2] {
            assert_eq!(of(json!(id)).expect("an answer")["result"], json!({}));
        }
        let tokens = &of(json!("r")).expect("an answer")["result"]["structuredContent"];
        assert_eq!(tokens["tokens"], json!([]));
        assert_eq!(of(Value::Null).expect("an error")["error"]["code"], -32_600);
        let silent = json!([{"jsonrpc": "2.0", "method": "notifications/initialized"}]);
        let reply = post(&server, "/mcp", &headers, &silent).expect(202);
        assert_eq!(reply.text(), "");
    }
    for version in ["2025-06-18", "2025-11-25"] {
        let headers = [("MCP-Protocol-Version", version)];
        let reply = post(&server, "/mcp", &headers, &batch).expect(400);
        assert_eq!(reply.json()["error"]["code"], -32_600);
    }
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-03-26", "capabilities": {},
        "clientInfo": {"name": "old", "version": "1"}}});
    let reply = post(&server, "/mcp", &[], &hello).expect(200);
    assert_eq!(message(&reply).1["result"]["protocolVersion"], "2025-03-26");
}

#[test]
fn over_stdio_broken_lines_are_answered_batches_too_and_a_last_line_without_its_end() {
    let home = Home::new();
    let _server = home.serve();
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-03-26", "capabilities": {},
        "clientInfo": {"name": "old", "version": "1"}}});
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let list = json!({"jsonrpc": "2.0", "id": 5, "method": "tools/call",
        "params": {"name": "list_route_tokens", "arguments": {}}});
    let batch = json!([ping(2), ping(3)]);
    let input = format!("{hello}\n{ready}\n{{broken\n\n{batch}\r\n[]\n{list}");
    let mut client = home
        .doorbell(&["mcp", "--folder", "acme"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(home.log("mcp.err"))
        .spawn()
        .expect("the binary can be started");
    let mut pipe = client.stdin.take().expect("a pipe");
    pipe.write_all(input.as_bytes()).expect("it reads");
    drop(pipe);
    let ended = client.wait_with_output().expect("it ends");
    let text = String::from_utf8(ended.stdout).expect("UTF-8");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let with = |id: Value| lines.iter().find(|line| line.get("id") == Some(&id));
    let hello = with(json!(1)).expect("an answer to initialize");
    assert_eq!(hello["result"]["protocolVersion"], "2025-03-26");
    let codes: Vec<_> = lines
        .iter()
        .map(|line| line["error"]["code"].clone())
        .collect();
    assert!(codes.contains(&json!(-32_700)), "{lines:?}");
    assert!(codes.contains(&json!(-32_600)), "{lines:?}");
    let answered = lines.iter().find_map(Value::as_array).expect("a batch");
    assert_eq!(answered.len(), 2);
    let last = with(json!(5)).expect("an answer to the last line");
    assert_eq!(last["result"]["structuredContent"]["tokens"], json!([]));
}

#[test]
fn a_page_of_an_allowed_origin_may_ask_mcp_alone_and_read_its_answers() {
    let home = Home::new();
    let page = "https://app.example.com:8443";
    let server = home.serve_with(&["--allowed-origin", page]);
    let operator = server.operator();
    let bearer = format!("Bearer {}", operator.key());
    let send = |method: &str, path: &str, more: &[(&str, &str)], body: &[u8]| {
        e2e::http::send(server.control, method, path, more, body).expect("an answer")
    };
    let asks = [
        ("Origin", page),
        ("Access-Control-Request-Method", "POST"),
        (
            "Access-Control-Request-Headers",
            "authorization, mcp-protocol-version",
        ),
    ];
    for path in ["/mcp", "/mcp/"] {
        let reply = send("OPTIONS", path, &asks, b"").expect(204);
        let header = |name: &str| reply.header(name).map(str::to_owned);
        assert_eq!(header("access-control-allow-origin").as_deref(), Some(page));
        let methods = header("access-control-allow-methods").expect("methods");
        assert!(methods.contains("POST"), "{methods}");
        let headers = header("access-control-allow-headers").expect("headers");
        assert!(headers.contains("mcp-protocol-version"), "{headers}");
        assert_eq!(header("access-control-allow-credentials"), None);
    }
    let ping = ping(1).to_string();
    let with_key = [("Origin", page), ("Authorization", &bearer), JSON];
    for (headers, status) in [(&with_key[..], 200), (&with_key[..1], 401)] {
        let reply = send("POST", "/mcp", headers, ping.as_bytes()).expect(status);
        assert_eq!(reply.header("access-control-allow-origin"), Some(page));
        let exposed = reply
            .header("access-control-expose-headers")
            .expect("exposed");
        for name in ["Mcp-Session-Id", "WWW-Authenticate"] {
            assert!(exposed.contains(name), "{exposed}");
        }
        assert_eq!(reply.header("access-control-allow-credentials"), None);
    }
    // Nothing else is for it, and no other page is.
    let elsewhere = [("Origin", page), ("Authorization", bearer.as_str())];
    let reply = send("GET", "/v1/messages", &elsewhere, b"").expect(403);
    assert_eq!(reply.header("access-control-allow-origin"), None);
    for other in [
        "https://app.example.com",
        "http://app.example.com:8443",
        "https://evil.app.example.com:8443",
        "null",
    ] {
        let headers = [("Origin", other), ("Authorization", &bearer), JSON];
        let reply = send("POST", "/mcp", &headers, ping.as_bytes()).expect(403);
        assert_eq!(reply.header("access-control-allow-origin"), None, "{other}");
    }
    drop(server);
    for wrong in [
        "*",
        "https://*.example.com",
        "null",
        "https://a.example/path",
        "a.example",
    ] {
        let ran = home.cli(&["serve", "--allowed-origin", wrong]).expect(1);
        assert!(ran.stderr.contains("--allowed-origin"), "{}", ran.stderr);
    }
}

#[test]
fn events_are_not_held_back_by_a_proxy() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let stream = operator
        .call("GET", "/v1/stream?timeout_seconds=0", None)
        .expect(200);
    assert_eq!(stream.header("x-accel-buffering"), Some("no"));
    let events = [("Accept", "text/event-stream")];
    let reply = post(&server, "/mcp", &events, &ping(1)).expect(200);
    assert_eq!(reply.header("x-accel-buffering"), Some("no"));
}
