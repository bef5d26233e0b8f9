//! JSON-RPC as either revision has it.

use serde_json::{Value, json};

/// A revision of MCP.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Revision {
    /// 2025-11-25: begins with `initialize`.
    Old,
    /// 2026-07-28: every request says everything about itself.
    New,
}

pub(super) const BOTH: [Revision; 2] = [Revision::Old, Revision::New];

impl Revision {
    pub(super) fn version(self) -> &'static str {
        match self {
            Self::Old => "2025-11-25",
            Self::New => "2026-07-28",
        }
    }

    /// What a client sends first.
    pub(super) fn hello(self) -> Value {
        match self {
            Self::Old => self.request(
                "initialize",
                json!({
                    "protocolVersion": self.version(),
                    "capabilities": {},
                    "clientInfo": {"name": "test", "version": "0"}
                }),
            ),
            Self::New => self.request("server/discover", json!({})),
        }
    }

    pub(super) fn call(self, tool: &str, arguments: Value) -> Value {
        self.request("tools/call", json!({"name": tool, "arguments": arguments}))
    }

    pub(super) fn request(self, method: &str, mut params: Value) -> Value {
        if self == Self::New {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": self.version(),
                "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "0"},
                "io.modelcontextprotocol/clientCapabilities": {}
            });
        }
        json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    }
}

/// A tool result's readable text.
pub(super) fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_default()
}
