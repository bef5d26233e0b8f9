//! What a client notices of a restart: nothing.

use e2e::{
    foreign::{Dialogue, Sdk, mcp_client},
    server::Home,
};
use serde_json::json;

use super::{CLIENTS, call, good};

#[test]
fn a_client_over_http_goes_on_after_the_server_was_stopped_and_started() {
    let home = Home::new();
    let mut server = home.serve();
    let url = format!("http://{}/mcp", server.control);
    let key = server.operator().issue_key("acme");
    let mut agents: Vec<_> = CLIENTS
        .into_iter()
        .map(|(sdk, protocol)| {
            let mut client = mcp_client(&home, sdk, protocol);
            let mut agent = Dialogue::begin(&home, client.args(["http", &url, &key]));
            assert_eq!(agent.hear()["protocolVersion"], protocol);
            (agent, sdk, protocol)
        })
        .collect();
    let minted = agents[0]
        .0
        .ask(&call("issue_webhook", json!({"source_label": "github"})));
    let jid = good(&minted)["jid"].clone();
    for crash in [false, true] {
        if crash {
            server.crash_and_restart()
        } else {
            server.stop_and_restart()
        };
        for (agent, sdk, protocol) in &mut agents {
            let listed = agent.ask(&call("list_route_tokens", json!({})));
            assert_eq!(
                listed["structuredContent"]["tokens"][0]["jid"], jid,
                "{sdk:?} {protocol}: {listed}"
            );
        }
    }
}

#[test]
fn a_stdio_agent_goes_on_and_keeps_its_leases_after_the_server_was_killed() {
    let home = Home::new();
    let mut server = home.serve();
    let hook = server.operator().hook("acme", "github");
    let id = hook.deliver(b"before");
    let mut client = mcp_client(&home, Sdk::TypeScript, "2025-11-25");
    client
        .arg("stdio")
        .arg(e2e::binary::doorbell())
        .args(["mcp", "--folder", "acme"]);
    let mut agent = Dialogue::begin(&home, &mut client);
    agent.hear();
    let received = agent.ask(&call("receive_messages", json!({})));
    assert_eq!(good(&received)["messages"][0]["id"], id.as_str());
    server.crash_and_restart();
    hook.deliver(b"after");
    let acked = agent.ask(&call("ack_messages", json!({"ids": [id]})));
    assert_eq!(good(&acked)["results"][0]["status"], "acked");
    let received = agent.ask(&call("receive_messages", json!({"wait_seconds": 5})));
    assert_eq!(good(&received)["messages"][0]["body"], "after");
}
