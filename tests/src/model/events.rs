//! Turns as the two APIs stream them, and results of tools as clients send them back.

use serde_json::{Value, json};

use super::Turn;

fn event(data: &Value) -> String {
    let name = data["type"].as_str().expect("each event has a type");
    format!("event: {name}\ndata: {data}\n\n")
}

/// As Anthropic's Messages API streams it.
pub(super) fn messages(count: usize, turn: &Turn) -> String {
    let (begun, piece, why) = match turn {
        Turn::Say(text) => (
            json!({"type": "text", "text": ""}),
            json!({"type": "text_delta", "text": text}),
            "end_turn",
        ),
        Turn::Call {
            tool, arguments, ..
        } => (
            json!({"type": "tool_use", "id": format!("toolu_{count}"), "name": tool, "input": {}}),
            json!({"type": "input_json_delta", "partial_json": arguments.to_string()}),
            "tool_use",
        ),
    };
    let message = json!({
        "id": format!("msg_{count}"), "type": "message", "role": "assistant", "model": "stand-in",
        "content": [], "stop_reason": null, "stop_sequence": null,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    });
    [
        json!({"type": "message_start", "message": message}),
        json!({"type": "content_block_start", "index": 0, "content_block": begun}),
        json!({"type": "content_block_delta", "index": 0, "delta": piece}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({
            "type": "message_delta", "usage": {"output_tokens": 2},
            "delta": {"stop_reason": why, "stop_sequence": null},
        }),
        json!({"type": "message_stop"}),
    ]
    .iter()
    .map(event)
    .collect()
}

/// As OpenAI's Responses API streams it.
pub(super) fn responses(count: usize, turn: &Turn) -> String {
    let id = format!("resp_{count}");
    let item = match turn {
        Turn::Say(text) => json!({
            "type": "message", "role": "assistant", "id": format!("msg_{count}"),
            "content": [{"type": "output_text", "text": text}],
        }),
        Turn::Call {
            namespace,
            tool,
            arguments,
        } => json!({
            "type": "function_call", "id": format!("fc_{count}"), "call_id": format!("call_{count}"),
            "namespace": namespace, "name": tool, "arguments": arguments.to_string(),
        }),
    };
    let usage = json!({
        "input_tokens": 1, "input_tokens_details": null, "output_tokens": 1,
        "output_tokens_details": null, "total_tokens": 2,
    });
    [
        json!({"type": "response.created", "response": {"id": id}}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
        json!({"type": "response.completed", "response": {"id": id, "usage": usage}}),
    ]
    .iter()
    .map(event)
    .collect()
}

/// What tools answered, in a request of either API.
pub(super) fn results(request: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut results = Vec::new();
    for message in list(&request["messages"]) {
        for block in list(&message["content"]) {
            if block["type"] == "tool_result" {
                results.push(text(&block["content"]));
            }
        }
    }
    for item in list(&request["input"]) {
        if item["type"] == "function_call_output" {
            results.push(text(&item["output"]));
        }
    }
    results
}

/// A text, or blocks of text.
fn text(content: &Value) -> String {
    match content {
        Value::Array(blocks) => {
            let texts = blocks.iter().filter_map(|block| block["text"].as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}
