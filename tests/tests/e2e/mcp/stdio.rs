//! Agents that a client starts: several at once, and before there is a server.

use std::time::Duration;

use e2e::{
    binary,
    foreign::{Dialogue, Sdk, mcp_client},
    http,
    pace::assert_within,
    server::{Home, signal, wait_for},
};
use serde_json::{Value, json};

use super::{call, good};

fn agent(home: &Home, sdk: Sdk, folder: &str, env: &[(&str, &str)]) -> Dialogue {
    let mut client = mcp_client(home, sdk, "auto");
    client.envs(env.iter().copied());
    client
        .arg("stdio")
        .arg(binary::doorbell())
        .args(["mcp", "--folder", folder]);
    Dialogue::begin(home, &mut client)
}

#[test]
fn two_agents_of_one_folder_share_its_inbox_and_never_a_message() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme", "github");
    let mut agents = [
        agent(&home, Sdk::TypeScript, "acme", &[]),
        agent(&home, Sdk::Python, "acme", &[]),
    ];
    for agent in &mut agents {
        agent.hear();
        agent.say(&call(
            "receive_messages",
            json!({"wait_seconds": 30, "max": 1}),
        ));
    }
    server.until_waited_at(2);
    let mut sent = [hook.deliver(b"one"), hook.deliver(b"two")];
    let mut got = agents.each_mut().map(|agent| {
        let received = agent.hear();
        let messages = good(&received)["messages"]
            .as_array()
            .expect("messages")
            .clone();
        assert_eq!(messages.len(), 1);
        messages[0]["id"].as_str().expect("an id").to_owned()
    });
    // Each settles its own and not the other's.
    for (mine, theirs) in [(0, 1), (1, 0)] {
        let ids = json!({"ids": [got[theirs]]});
        let refused = agents[mine].ask(&call("ack_messages", ids));
        assert_eq!(good(&refused)["results"][0]["status"], "not_found");
    }
    for (agent, id) in agents.iter_mut().zip(&got) {
        let acked = agent.ask(&call("ack_messages", json!({"ids": [id]})));
        assert_eq!(good(&acked)["results"][0]["status"], "acked");
    }
    got.sort_unstable();
    sent.sort_unstable();
    assert_eq!(got, sent);
}

#[test]
fn the_operators_key_does_not_make_an_agent_more_than_its_folders() {
    let home = Home::new();
    let server = home.serve();
    server.operator().hook("other", "x").deliver(b"private");
    let mut agent = agent(&home, Sdk::TypeScript, "acme", &[]);
    agent.hear();
    let read = agent.ask(&call("read_messages", json!({"match": "hook:**"})));
    assert_eq!(good(&read)["messages"], json!([]));
    let outside = agent.ask(&call("receive_messages", json!({"folder": "other"})));
    assert_eq!(outside["isError"], true);
}

/// A server that was started in the background; stopped when dropped.
struct Background(u32);

impl Drop for Background {
    fn drop(&mut self) {
        signal(self.0, "TERM");
    }
}

#[test]
fn an_agent_starts_the_server_when_none_runs_and_two_at_once_start_one() {
    let home = Home::new();
    let anywhere = [
        ("DOORBELL_LISTEN", "127.0.0.1:0"),
        ("DOORBELL_CONTROL", "127.0.0.1:0"),
    ];
    let mut agents = [
        agent(&home, Sdk::TypeScript, "acme", &anywhere),
        agent(&home, Sdk::Python, "acme/eng", &anywhere),
    ];
    for agent in &mut agents {
        agent.say(&call("issue_webhook", json!({"source_label": "github"})));
    }
    let minted = agents.each_mut().map(|agent| {
        agent.hear();
        agent.hear()
    });
    let file = home.server_file().expect("a server runs");
    let pid = u32::try_from(file["pid"].as_u64().expect("a pid")).expect("a pid");
    let background = Background(pid);
    let front = file["listen"]
        .as_str()
        .and_then(|url| url.strip_prefix("http://"))
        .expect("a URL");
    let front = front.parse().expect("an address");
    for minted in &minted {
        let url = good(minted)["url"].as_str().expect("a url");
        let (base, token) = url.split_once("/hook/").expect("a hook's url");
        assert_eq!(
            base,
            format!("http://{front}"),
            "both stand at the same server"
        );
        http::send(front, "POST", &format!("/hook/{token}"), &[], b"{}")
            .expect("an answer")
            .expect(200);
    }
    for mut agent in agents {
        let received = agent.ask(&call("receive_messages", json!({})));
        assert_eq!(
            good(&received)["messages"].as_array().map(Vec::len),
            Some(1)
        );
        assert_eq!(agent.end(), 0);
    }
    // It outlives those who started it.
    http::send(front, "GET", "/healthz", &[], b"")
        .expect("it still runs")
        .expect(200);
    drop(background);
    wait_for("the server's end", || {
        http::send(front, "GET", "/healthz", &[], b"")
            .is_err()
            .then_some(())
    });
    wait_for("server.json to go", || {
        home.server_file().is_none().then_some(())
    });
}

#[test]
fn nothing_but_mcp_goes_to_standard_output_and_its_end_is_the_clients_to_choose() {
    let home = Home::new();
    let _server = home.serve();
    let mut agent = Dialogue::begin(&home, &mut home.doorbell(&["mcp", "--folder", "acme"]));
    let hello = json!({
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": {"name": "by-hand", "version": "0"},
    });
    let ask = |id: u32, method: &str, params: Value| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    let hello = agent.ask(&ask(1, "initialize", hello));
    assert_eq!(hello["result"]["serverInfo"]["name"], "doorbell");
    assert!(
        hello["result"]["instructions"]
            .as_str()
            .is_some_and(|text| text.contains("untrusted"))
    );
    agent.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    let listed = agent.ask(&ask(2, "tools/list", json!({})));
    assert_eq!(
        (
            &listed["id"],
            listed["result"]["tools"].as_array().is_some()
        ),
        (&json!(2), true)
    );
    let unknown = agent.ask(&ask(
        3,
        "tools/call",
        json!({"name": "no_such_tool", "arguments": {}}),
    ));
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    // Whoever closes standard input wants it to end, a waiting call or not.
    let wait = json!({"name": "receive_messages", "arguments": {"wait_seconds": 50}});
    agent.say(&ask(4, "tools/call", wait));
    let began = std::time::Instant::now();
    assert_eq!(agent.end(), 0);
    assert_within(Duration::from_secs(10), began.elapsed());
}
