//! CONTRACT section 4: the inbox and the log.

mod lease;
mod log;
mod replay;

use serde_json::Value;

fn bodies(messages: &[Value]) -> Vec<&str> {
    let bodies = messages.iter();
    bodies
        .map(|message| message["body"].as_str().expect("a body"))
        .collect()
}
