//! JSON-RPC 2.0 as far as it is looked at before a message is given on.

use rmcp::model::ClientJsonRpcMessage;
use serde_json::{Value, json};

/// What some editors and senders put before a text.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Not JSON.
const PARSE_ERROR: i32 = -32_700;
/// JSON, and no message.
const INVALID_REQUEST: i32 = -32_600;

/// What was sent without the byte order mark before it, which RFC 8259 section 8.1 lets a reader
/// pass by.
pub(super) fn unmarked(text: &[u8]) -> &[u8] {
    text.strip_prefix(MARK).unwrap_or(text)
}

/// Reads what was sent. The error is an answer.
pub(super) fn parse(text: &[u8]) -> Result<Value, Value> {
    serde_json::from_slice(unmarked(text))
        .map_err(|broken| error(None, PARSE_ERROR, &format!("not JSON: {broken}")))
}

/// Whether a value is a message: a request, a notification or an answer. The error is an answer.
pub(super) fn check(message: &Value) -> Result<(), Value> {
    let id = message
        .get("id")
        .filter(|id| id.is_string() || id.is_number());
    let wrong = |rule| Err(invalid(id.cloned(), rule));
    let Some(object) = message.as_object() else {
        return wrong("a message is a JSON object");
    };
    if message["jsonrpc"] != "2.0" {
        return wrong("a message has \"jsonrpc\": \"2.0\"");
    }
    match object.get("method") {
        Some(Value::String(_)) => {
            let whole = |id: &Value| id.is_string() || id.is_i64() || id.is_u64();
            if object.get("id").is_some_and(|id| !whole(id)) {
                return wrong("an id is a text or a whole number; a notification has none");
            }
            match object.get("params") {
                None | Some(Value::Null | Value::Object(_)) => Ok(()),
                Some(_) => wrong("params is an object"),
            }
        }
        Some(_) => wrong("a method is a text"),
        None if object.contains_key("result") || object.contains_key("error") => Ok(()),
        None => wrong("a message has a method, a result or an error"),
    }
}

/// A message, or nothing where there is nothing to do about it. The error is an answer.
pub(super) fn read(message: Value) -> Result<Option<ClientJsonRpcMessage>, Value> {
    check(&message)?;
    let id = message.get("id").cloned();
    let notification = id.is_none();
    match serde_json::from_value(message) {
        Ok(message) => Ok(Some(message)),
        // One that is not known is nobody's.
        Err(_) if notification => Ok(None),
        Err(wrong) => Err(invalid(id, &wrong.to_string())),
    }
}

/// The answer to what is no message.
pub(super) fn invalid(id: Option<Value>, rule: &str) -> Value {
    error(id, INVALID_REQUEST, rule)
}

/// An id that could not be read is `null` (JSON-RPC 2.0 section 5).
fn error(id: Option<Value>, code: i32, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_json_and_what_is_no_message_are_told_apart() {
        for broken in [&b""[..], b"{", b"nonsense", b"{\"a\":\xff}", b"{} {}"] {
            let answer = parse(broken).expect_err("broken");
            assert_eq!(answer["error"]["code"], PARSE_ERROR);
            assert_eq!(answer["id"], Value::Null);
        }
        let ping = json!({"jsonrpc": "2.0", "id": 7, "method": "ping"});
        let marked = format!("\u{feff}{ping}");
        assert_eq!(parse(marked.as_bytes()), Ok(ping.clone()));
        assert_eq!(check(&ping), Ok(()));
        assert_eq!(
            check(&json!({"jsonrpc": "2.0", "id": 1, "result": {}})),
            Ok(())
        );
        for (wrong, id) in [
            (json!(7), Value::Null),
            (json!({}), Value::Null),
            (json!({"id": 7, "method": "ping"}), json!(7)),
            (json!({"jsonrpc": "2.0", "id": "a"}), json!("a")),
            (
                json!({"jsonrpc": "2.0", "id": [], "method": 1}),
                Value::Null,
            ),
            (
                json!({"jsonrpc": "2.0", "id": null, "method": "ping"}),
                Value::Null,
            ),
            (
                json!({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}),
                json!(1.5),
            ),
            (
                json!({"jsonrpc": "2.0", "id": 7, "method": "ping", "params": []}),
                json!(7),
            ),
        ] {
            let answer = check(&wrong).expect_err("no message");
            assert_eq!(
                (&answer["error"]["code"], &answer["id"]),
                (&json!(INVALID_REQUEST), &id)
            );
        }
    }
}
