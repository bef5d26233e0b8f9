//! `doorbell mcp`: a server is started when none runs.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout},
};

use super::house::{House, lines, next};

/// An MCP client by hand.
struct Client {
    _child: Child,
    stdin: ChildStdin,
    out: Lines<BufReader<ChildStdout>>,
}

impl Client {
    async fn begin(house: &House, folder: &str) -> Self {
        let mut child = house
            .command(&["mcp", "--folder", folder])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(house.log())
            .spawn()
            .expect("it starts");
        let mut client = Self {
            stdin: child.stdin.take().expect("piped"),
            out: lines(child.stdout.take().expect("piped")),
            _child: child,
        };
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": {"name": "test", "version": "0"}});
        client.ask("initialize", hello).await;
        client
            .send(json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
            .await;
        client
    }

    async fn send(&mut self, message: Value) {
        let line = format!("{message}\n");
        self.stdin.write_all(line.as_bytes()).await.expect("read");
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.send(json!({"jsonrpc": "2.0", "id": method, "method": method, "params": params}))
            .await;
        loop {
            let answer: Value = serde_json::from_str(&next(&mut self.out).await).expect("JSON");
            if answer["id"] == method {
                return answer["result"].clone();
            }
        }
    }

    async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let params = json!({"name": tool, "arguments": arguments});
        let result = self.ask("tools/call", params).await;
        assert_ne!(result["isError"], true, "{result}");
        result["structuredContent"].clone()
    }
}

/// Stops the server that was started in the background.
struct Background<'a>(&'a House);

impl Background<'_> {
    fn pid(&self) -> Option<i32> {
        let text = std::fs::read(self.0.data_dir().join("server.json")).ok()?;
        let server: Value = serde_json::from_slice(&text).ok()?;
        i32::try_from(server["pid"].as_i64()?).ok()
    }
}

impl Drop for Background<'_> {
    fn drop(&mut self) {
        if let Some(pid) = self.pid().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

/// Two ports that were free a moment ago: two servers on one of them cannot both live.
fn settings() -> String {
    let free = || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
        (listener.local_addr().expect("bound"), listener)
    };
    let ((listen, _one), (control, _two)) = (free(), free());
    format!("listen = \"{listen}\"\ncontrol = \"{control}\"\n")
}

#[tokio::test]
async fn two_agents_at_once_start_one_server_and_both_are_served() {
    let house = House::with_settings(&settings());
    let background = Background(&house);
    let (mut one, mut two) =
        tokio::join!(Client::begin(&house, "acme"), Client::begin(&house, "acme"));
    let ask = json!({"source_label": "github"});
    let (issued, listed) = tokio::join!(
        one.call("issue_webhook", ask),
        two.call("list_route_tokens", json!({}))
    );
    assert!(issued["url"].is_string(), "{issued}");
    assert!(listed["tokens"].is_array(), "{listed}");
    // Both stand at the same server: what one minted, the other sees.
    let listed = two.call("list_route_tokens", json!({})).await;
    assert_eq!(listed["tokens"][0]["jid"], "hook:acme/github", "{listed}");
    assert!(background.pid().is_some());
}

#[tokio::test]
async fn a_server_that_cannot_start_is_said_with_its_own_words() {
    let mut settings = settings();
    settings.push_str("hook_rat = 5\n");
    let house = House::with_settings(&settings);
    let mut client = Client::begin(&house, "acme").await;
    let params = json!({"name": "list_route_tokens", "arguments": {}});
    let result = client.ask("tools/call", params).await;
    assert_eq!(result["isError"], true, "{result}");
    assert!(result.to_string().contains("hook_rat"), "{result}");
}
