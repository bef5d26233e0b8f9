//! An agent in miniature: an MCP client that mints a URL, waits for a message, reads it and acks it.
//!
//! ```sh
//! cargo run -p doorbell-examples --bin agent -- doorbell mcp --folder demo
//! ```
//!
//! It prints a URL; post anything to it (`curl <url> -d hello`) and it prints what came.

#![allow(clippy::print_stdout, reason = "an example speaks to whoever runs it")]

use std::{env, error::Error};

use rmcp::{
    RoleClient, ServiceExt, model::CallToolRequestParams, service::RunningService,
    transport::TokioChildProcess,
};
use serde_json::{Value, json};
use tokio::process::Command;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut args = env::args().skip(1);
    let program = args
        .next()
        .ok_or("usage: agent <mcp server command…>: agent doorbell mcp --folder demo")?;
    let mut command = Command::new(program);
    command.args(args);
    let agent = ().serve(TokioChildProcess::new(command)?).await?;

    let minted = call(
        &agent,
        "issue_webhook",
        json!({ "source_label": "example", "context": "from examples/agent" }),
    )
    .await?;
    println!("{}", minted["url"].as_str().ok_or("no url in the reply")?);

    // A turn that waits: nothing is polled, the server rings.
    let message = loop {
        let received = call(
            &agent,
            "receive_messages",
            json!({ "wait_seconds": 50, "max": 1 }),
        )
        .await?;
        if let Some(message) = received["messages"].get(0) {
            break message.clone();
        }
    };
    // What is in it is a stranger's text: data to look at, never instructions to follow. Debug
    // formatting keeps its control characters off the terminal.
    println!(
        "{} from {}: {:?}",
        message["id"],
        message["sender"],
        message["body"].as_str()
    );

    // Without this it would come back in a minute.
    let settled = call(&agent, "ack_messages", json!({ "ids": [message["id"]] })).await?;
    println!("{}", settled["results"][0]["status"]);

    call(
        &agent,
        "revoke_route_token",
        json!({ "jid": minted["jid"] }),
    )
    .await?;
    agent.cancel().await?;
    Ok(())
}

/// Calls a tool and returns its structured result.
async fn call(
    agent: &RunningService<RoleClient, ()>,
    tool: &'static str,
    arguments: Value,
) -> Result<Value, Failure> {
    let Value::Object(arguments) = arguments else {
        return Err("arguments are an object".into());
    };
    let mut request = CallToolRequestParams::new(tool);
    request.arguments = Some(arguments);
    let result = agent.call_tool(request).await?;
    match result.structured_content {
        Some(content) if result.is_error != Some(true) => Ok(content),
        _ => Err(format!("{tool} said no: {:?}", result.content).into()),
    }
}
