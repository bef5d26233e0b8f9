//! What Codex shows its model of the tools' results.

use e2e::{
    agents::codex,
    model::{Model, Turn},
    server::Home,
};
use serde_json::{Value, json};

use super::{HOSTILE, minted_received_and_acked, say};

#[test]
fn the_model_reads_where_to_paste_a_url_and_that_what_comes_is_untrusted() {
    let home = Home::new();
    let server = home.serve();
    let id = server
        .operator()
        .hook("demo", "github")
        .deliver(HOSTILE.as_bytes());
    let call = |tool: &str, arguments: Value| Turn::Call {
        namespace: Some("mcp__doorbell".to_owned()),
        tool: tool.to_owned(),
        arguments,
    };
    let model = Model::playing([
        call("issue_webhook", json!({"source_label": "github"})),
        call("receive_messages", json!({})),
        call("ack_messages", json!({"ids": [id]})),
        say("Done."),
    ]);
    if codex(&home, &model, "demo", "Go on.").is_none() {
        return;
    }
    // It says how long the tool took, and then what it answered.
    let results: Vec<String> = model
        .results()
        .iter()
        .map(|text| {
            let answer = text.split_once("Output:\n").map(|(_, answer)| answer);
            answer.unwrap_or(text).to_owned()
        })
        .collect();
    minted_received_and_acked(&results, &id);
}
