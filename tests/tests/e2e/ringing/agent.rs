//! An MCP client by hand: one line of JSON-RPC at a time.

use std::collections::VecDeque;

use e2e::{foreign::Dialogue, server::Home};
use serde_json::{Value, json};

/// What a client that is pushed to hears.
const PUSH: &str = "notifications/claude/channel";

/// `doorbell mcp` and whoever talks to it.
pub(crate) struct Agent {
    talk: Dialogue,
    pushed: VecDeque<Value>,
    asked: u32,
}

impl Agent {
    /// Starts `doorbell mcp --folder acme` with further arguments, and says nothing yet.
    pub(crate) fn start(home: &Home, more: &[&str]) -> Self {
        let args = [&["mcp", "--folder", "acme"], more].concat();
        Self {
            talk: Dialogue::begin(home, &mut home.doorbell(&args)),
            pushed: VecDeque::new(),
            asked: 0,
        }
    }

    /// The same, as far as a client is before it is ready; and what the server said of itself.
    pub(crate) fn greeted(home: &Home, more: &[&str]) -> (Self, Value) {
        let mut agent = Self::start(home, more);
        let hello = agent.initialize("2025-11-25");
        (agent, hello)
    }

    /// The same, ready.
    pub(crate) fn ready(home: &Home, more: &[&str]) -> Self {
        let (mut agent, _) = Self::greeted(home, more);
        agent.initialized();
        agent
    }

    pub(crate) fn initialize(&mut self, version: &str) -> Value {
        let hello = json!({
            "protocolVersion": version, "capabilities": {},
            "clientInfo": {"name": "by-hand", "version": "0"},
        });
        self.ask("initialize", hello)["result"].clone()
    }

    pub(crate) fn initialized(&mut self) {
        let done = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        self.talk.say(&done);
    }

    /// Asks, and waits for the answer; what is pushed meanwhile is kept.
    #[track_caller]
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let id = json!(self.asked);
        self.talk
            .say(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let said = self.talk.hear();
            if said["id"] == id {
                return said;
            }
            self.keep(said);
        }
    }

    /// Calls a tool that must do it: its structured result.
    #[track_caller]
    pub(crate) fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let params = json!({"name": tool, "arguments": arguments});
        let mut said = self.ask("tools/call", params);
        assert_eq!(said["result"]["isError"], false, "{said}");
        said["result"]["structuredContent"].take()
    }

    /// Settles a message that must be there to be settled.
    #[track_caller]
    pub(crate) fn ack(&mut self, id: &str) {
        let acked = self.call("ack_messages", json!({"ids": [id]}));
        assert_eq!(acked["results"][0]["status"], "acked", "{acked}");
    }

    /// The next push: content and meta.
    #[track_caller]
    pub(crate) fn pushed(&mut self) -> Value {
        while self.pushed.is_empty() {
            let said = self.talk.hear();
            self.keep(said);
        }
        self.pushed.pop_front().expect("just kept")
    }

    /// How many pushes were heard and not looked at.
    pub(crate) fn heard(&self) -> usize {
        self.pushed.len()
    }

    #[track_caller]
    fn keep(&mut self, mut said: Value) {
        assert_eq!(said["method"], PUSH, "{said}");
        self.pushed.push_back(said["params"].take());
    }

    /// Closes its standard input: it has to end well.
    #[track_caller]
    pub(crate) fn end(self) {
        assert_eq!(self.talk.end(), 0);
    }
}
