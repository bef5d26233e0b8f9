//! MCP over HTTP without an SDK, so that what is answered is seen as it is written.

use e2e::{
    api::Caller,
    http::{self, Reply},
    server::Doorbell,
};
use serde_json::{Value, json};

/// A tool's result: as it was written, and read.
pub(super) struct Told {
    pub(super) written: String,
    pub(super) result: Value,
}

impl Told {
    /// The structured result of a call that went well.
    #[track_caller]
    pub(super) fn good(&self) -> &Value {
        assert_ne!(self.result["isError"], true, "{}", self.result);
        &self.result["structuredContent"]
    }

    /// What is said in words.
    #[track_caller]
    pub(super) fn text(&self) -> &str {
        self.result["content"][0]["text"].as_str().expect("a text")
    }
}

/// How many characters a value takes as JSON.
pub(super) fn length(value: &Value) -> usize {
    value.to_string().encode_utf16().count()
}

/// Sends something to `/mcp` with these headers instead of the usual ones.
#[track_caller]
pub(super) fn send(
    server: &Doorbell<'_>,
    caller: &Caller,
    path: &str,
    more: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let bearer = format!("Bearer {}", caller.key());
    let headers = [&[("Authorization", bearer.as_str())], more].concat();
    http::send(server.control, "POST", path, &headers, body).expect("an answer")
}

/// The message in an answer, be it JSON or events.
#[track_caller]
pub(super) fn message(reply: &Reply) -> (String, Value) {
    let text = reply.text();
    let mut data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let written = data.find(|data| data.contains("jsonrpc")).unwrap_or(&text);
    let value = serde_json::from_str(written).unwrap_or_else(|error| panic!("{error}: {text}"));
    (written.trim().to_owned(), value)
}

/// Calls a tool.
#[track_caller]
pub(super) fn tool(server: &Doorbell<'_>, caller: &Caller, name: &str, arguments: Value) -> Told {
    let params = json!({"name": name, "arguments": arguments});
    let ask = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let headers = [
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
        ("MCP-Protocol-Version", "2025-11-25"),
    ];
    let reply = send(server, caller, "/mcp", &headers, ask.to_string().as_bytes()).expect(200);
    let (written, mut value) = message(&reply);
    assert!(value["error"].is_null(), "{value}");
    Told {
        written,
        result: value["result"].take(),
    }
}
