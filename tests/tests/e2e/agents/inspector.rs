//! MCP Inspector's command line, which sends every argument as text.

use std::process::Command;

use e2e::{
    agents::inspector,
    run,
    server::{Doorbell, Home},
};
use serde_json::{Value, json};

/// An agent's Inspector before a server.
struct Inspector<'a> {
    server: &'a Doorbell<'a>,
    key: String,
    // What it writes down is not searched for tokens.
    scratch: tempfile::TempDir,
}

impl Inspector<'_> {
    /// It, to be told a method; `None`: it cannot be had.
    fn command(&self) -> Option<Command> {
        let url = format!("http://{}/mcp", self.server.control);
        inspector(self.server.home, &url, &self.key, self.scratch.path())
    }

    #[track_caller]
    fn asked(&self, args: &[&str]) -> Value {
        let mut command = self.command().expect("it was there before");
        let output = command.args(args).output().expect("node can be started");
        let text = String::from_utf8_lossy(&output.stdout);
        run::register(&text);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {text}{said}");
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{args:?}: {text}{said}"))
    }

    /// Calls a tool that must do it, each argument as `name=value`: its structured result.
    #[track_caller]
    fn call(&self, called: &mut Vec<String>, tool: &str, args: &[&str]) -> Value {
        let mut all = vec!["--method", "tools/call", "--tool-name", tool];
        for arg in args {
            all.extend(["--tool-arg", arg]);
        }
        let answer = self.asked(&all);
        assert_ne!(answer["isError"], true, "{tool}: {answer}");
        called.push(tool.to_owned());
        answer["structuredContent"].clone()
    }
}

#[test]
fn every_tool_can_be_called_with_arguments_as_text_and_its_schemas_are_portable() {
    let home = Home::new();
    let server = home.serve();
    let it = Inspector {
        server: &server,
        key: server.agent("demo").key().to_owned(),
        scratch: tempfile::tempdir().expect("a temporary directory"),
    };
    if it.command().is_none() {
        return;
    }
    let listed = it.asked(&["--method", "tools/list", "--strict"]);
    let mut called = Vec::new();
    let done = &mut called;

    let minted = it.call(
        done,
        "issue_webhook",
        &["source_label=github", "jid_suffix=null", "ttl_seconds=3600"],
    );
    assert_eq!(minted["jid"], "hook:demo/github");
    let url = minted["url"].as_str().expect("a URL");
    let (_, token) = url.split_once("/hook/").expect("a token");
    let path = format!("/hook/{token}");
    let post = |body: &[u8]| {
        let reply = server.front("POST", &path, &[], body).expect(200);
        reply.header("x-message-id").expect("an id").to_owned()
    };
    let (one, two) = (post(b"one"), post(b"two"));

    let read = it.call(done, "read_messages", &["limit=1", "order=newest"]);
    assert_eq!(read["messages"][0]["id"], json!(two));
    let received = it.call(
        done,
        "receive_messages",
        &["max=1", "wait_seconds=5", "match=null", "max_body_bytes=2"],
    );
    assert_eq!(
        (
            &received["messages"][0]["id"],
            &received["messages"][0]["body"]
        ),
        (&json!(one), &json!("on"))
    );
    let ids = format!("ids={one}");
    let nacked = it.call(done, "nack_messages", &[&ids, "delay_seconds=0"]);
    assert_eq!(nacked["results"][0]["status"], "nacked");
    it.call(done, "receive_messages", &[]);
    let ids = format!("ids=[\"{one}\",\"{two}\"]");
    let acked = it.call(done, "ack_messages", &[&ids]);
    assert_eq!(acked["results"][1]["status"], "acked", "{acked}");
    if tools(&listed).iter().any(|tool| tool == "replay_messages") {
        let ids = format!("ids={one}");
        let replayed = it.call(done, "replay_messages", &[&ids]);
        assert_eq!(replayed["replayed"], 1);
    }

    let route = ["match=hook:demo/*", "target=demo#observe", "seq=7"];
    let set = it.call(done, "set_route", &route);
    let id = set["routes"][0]["route_id"].as_str().expect("its id");
    it.call(done, "list_routes", &[]);
    let id = format!("route_id={id}");
    it.call(done, "remove_route", &[&id]);

    let session = json!({"id": "build", "folder": "demo"});
    server.operator().make("/v1/sessions", session);
    let exposed = it.call(
        done,
        "expose_channel",
        &["session_id=build", "ttl_seconds=60", "label=ci"],
    );
    let grants = it.call(done, "list_channel_grants", &[]);
    assert_eq!(grants["grants"][0]["grant_id"], exposed["grant_id"]);
    let grant = exposed["grant_id"].as_str().expect("a grant");
    it.call(
        done,
        "revoke_channel_grant",
        &[&format!("grant_id={grant}")],
    );
    let tokens = it.call(done, "list_route_tokens", &[]);
    assert_eq!(tokens["tokens"][0]["grant_id"], minted["grant_id"]);
    let revoked = it.call(done, "revoke_route_token", &["jid=hook:demo/github"]);
    assert_eq!(revoked["revoked"], 1);

    for tool in tools(&listed) {
        assert!(called.contains(&tool), "nobody called {tool}");
    }
}

fn tools(listed: &Value) -> Vec<String> {
    let tools = listed["tools"].as_array().expect("tools").iter();
    tools
        .map(|tool| tool["name"].as_str().expect("a name").to_owned())
        .collect()
}
