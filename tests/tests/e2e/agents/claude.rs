//! What Claude Code shows its model of the tools' results.

use e2e::{
    agents::{ClaudeCode, Session},
    model::Model,
    server::Home,
};
use serde_json::json;

use super::{HOSTILE, call, json_of, minted_received_and_acked, say};

/// One prompt, answered to its end.
fn one_prompt(session: &Session<'_>) {
    let mut command = session.served(&["--folder", "demo"]);
    let output = command.args(["--print", "Go on."]).output();
    let output = output.expect("node can be started");
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&said)
    );
}

#[test]
fn the_model_reads_where_to_paste_a_url_and_that_what_comes_is_untrusted() {
    let Some(claude) = ClaudeCode::found() else {
        return;
    };
    let home = Home::new();
    let server = home.serve();
    let id = server
        .operator()
        .hook("demo", "github")
        .deliver(HOSTILE.as_bytes());
    let model = Model::playing([
        call(
            "mcp__doorbell",
            "issue_webhook",
            json!({"source_label": "github"}),
        ),
        call("mcp__doorbell", "receive_messages", json!({})),
        call("mcp__doorbell", "ack_messages", json!({"ids": [id]})),
        say("Done."),
    ]);
    one_prompt(&claude.with(&home, &model));
    minted_received_and_acked(&model.results(), &id);
}

#[test]
fn ten_large_messages_reach_the_model_in_pieces_that_it_is_let_read() {
    let Some(claude) = ClaudeCode::found() else {
        return;
    };
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("demo", "github");
    for _ in 0..10 {
        hook.deliver(&[b'x'; 50_000]);
    }
    let receive = || call("mcp__doorbell", "receive_messages", json!({}));
    let model = Model::playing([receive(), receive(), say("Done.")]);
    one_prompt(&claude.with(&home, &model));
    let results = model.results();
    assert_eq!(results.len(), 2);
    // Claude Code puts what is too large into a file, and shows where: that is no JSON.
    for result in json_of(&results) {
        assert!(result.to_string().chars().count() <= 40_000);
        let brought = result["messages"].as_array().expect("messages").len();
        assert!((1..10).contains(&brought), "{brought}");
    }
    let left = server.agent("demo").receive(json!({"max": 100}));
    assert!(!left.is_empty(), "what was not brought was not leased");
}
