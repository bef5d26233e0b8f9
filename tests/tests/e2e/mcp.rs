//! MCP through the official SDKs: HTTP and stdio, both revisions.

mod bounds;
mod raw;
mod restart;
mod stdio;
mod transport;
mod walk;

use e2e::foreign::Sdk;
use serde_json::{Value, json};

/// Every SDK with every revision it speaks.
const CLIENTS: [(Sdk, &str); 5] = [
    (Sdk::TypeScript, "2025-11-25"),
    (Sdk::TypeScript, "2026-07-28"),
    (Sdk::TypeScript1, "2025-11-25"),
    (Sdk::Python, "2025-11-25"),
    (Sdk::Python, "2026-07-28"),
];

fn call(tool: &str, arguments: Value) -> Value {
    json!({"call": tool, "arguments": arguments})
}

/// The structured result of a call that went well.
#[track_caller]
fn good(answer: &Value) -> &Value {
    assert_eq!(answer["isError"], false, "{answer}");
    &answer["structuredContent"]
}
