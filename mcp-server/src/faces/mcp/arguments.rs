//! Arguments as clients send them.
//!
//! Some send `null` or an empty text for what was left out, forms and command lines send every
//! value as text, and one that reads text as JSON makes a number of a label. What is meant is plain
//! from the tool's own schema, so it is read so; what is not plain is left as it is and refused by
//! name.

use rmcp::model::JsonObject;
use serde::de::DeserializeOwned;
use serde_json::{Number, Value};

use crate::{refusal::Refusal, wire};

/// Reads what a tool is called with.
pub(super) fn read<T: DeserializeOwned>(
    schema: &JsonObject,
    arguments: JsonObject,
) -> Result<T, Refusal> {
    let required = |name: &str| {
        let names = schema.get("required").and_then(Value::as_array);
        names.is_some_and(|names| names.iter().any(|one| one == name))
    };
    let mut meant = JsonObject::new();
    for (name, value) in arguments {
        let absent = value.is_null() || (!required(&name) && value == "");
        if absent {
            continue;
        }
        let property = schema
            .get("properties")
            .and_then(|properties| properties.get(&name));
        let value = match property.and_then(kind_of) {
            Some(kind) => as_meant(kind, value),
            None => value,
        };
        let members = property.and_then(|property| kind_of(property.get("additionalProperties")?));
        let value = match (members, value) {
            (Some(kind), Value::Object(object)) => members_as_meant(kind, object),
            (_, value) => value,
        };
        meant.insert(name, value);
    }
    wire::from_value(Value::Object(meant))
}

fn kind_of(schema: &Value) -> Option<&str> {
    schema.get("type")?.as_str()
}

/// An object whose members are all of one kind.
fn members_as_meant(kind: &str, object: JsonObject) -> Value {
    let members = object.into_iter().filter(|(_, value)| !value.is_null());
    members
        .map(|(name, value)| (name, as_meant(kind, value)))
        .collect()
}

/// A value as its property's type has it, where it can only mean that.
fn as_meant(kind: &str, value: Value) -> Value {
    match (kind, value) {
        ("integer" | "number", Value::String(text)) => match text.trim().parse::<Number>() {
            Ok(number) => Value::Number(number),
            Err(_) => Value::String(text),
        },
        ("boolean", Value::String(text)) => match text.trim() {
            "true" | "True" | "TRUE" => Value::Bool(true),
            "false" | "False" | "FALSE" => Value::Bool(false),
            _ => Value::String(text),
        },
        ("array", Value::String(text)) => list(text),
        ("array", one @ (Value::Number(_) | Value::Bool(_))) => Value::Array(vec![one]),
        ("object", Value::String(text)) => match serde_json::from_str(&text) {
            Ok(object @ Value::Object(_)) => object,
            _ => Value::String(text),
        },
        ("string", Value::Number(number)) => Value::String(number.to_string()),
        ("string", Value::Bool(truth)) => Value::String(truth.to_string()),
        (_, value) => value,
    }
}

/// A list that came as text: as JSON, else as its one element.
fn list(text: String) -> Value {
    if text.trim().is_empty() {
        return Value::Array(Vec::new());
    }
    match serde_json::from_str(&text) {
        Ok(list @ Value::Array(_)) => list,
        _ => Value::Array(vec![Value::String(text)]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::faces::mcp::schema;

    fn read_as<T: DeserializeOwned + schemars::JsonSchema + serde::Serialize>(
        arguments: Value,
    ) -> Result<Value, Refusal> {
        let Value::Object(arguments) = arguments else {
            panic!("arguments are an object")
        };
        let value: T = read(&schema::of_input::<T>(), arguments)?;
        Ok(serde_json::to_value(value).expect("wire types serialise"))
    }

    fn field<T: DeserializeOwned + schemars::JsonSchema + serde::Serialize>(
        arguments: Value,
    ) -> (String, String) {
        match read_as::<T>(arguments) {
            Err(Refusal::Invalid { field, rule }) => (field, rule),
            other => panic!("expected an invalid argument, got {other:?}"),
        }
    }

    #[test]
    fn null_and_for_an_optional_text_an_empty_one_are_as_absent() {
        let bare = json!({"source_label": "gh"});
        for more in [json!(null), json!("")] {
            let mut arguments = bare.clone();
            for name in ["jid_suffix", "target_folder", "context", "ttl_seconds"] {
                arguments[name] = more.clone();
            }
            let read = read_as::<wire::IssueWebhook>(arguments).expect("as absent");
            assert_eq!(read, bare, "{more}");
        }
        let (name, rule) = field::<wire::IssueWebhook>(json!({"source_label": null}));
        assert_eq!((&*name, &*rule), ("source_label", "is required"));
        let (name, rule) = field::<wire::IssueWebhook>(json!({"source_label": ""}));
        assert_eq!(name, "source_label");
        assert!(rule.contains("empty"), "{rule}");
    }

    #[test]
    fn numbers_and_booleans_that_come_as_text_are_read() {
        let read = read_as::<wire::Receive>(json!({
            "max": "5", "wait_seconds": " 0 ", "max_body_bytes": "64.0", "observed": "false"
        }));
        let meant = json!({
            "max": 5, "wait_seconds": 0, "max_body_bytes": 64, "observed": false
        });
        assert_eq!(read, Ok(meant));
        for (arguments, name, said) in [
            (json!({"max": "ten"}), "max", "1 to 100"),
            (json!({"max": "101"}), "max", "1 to 100"),
            (json!({"max": "0x5"}), "max", "1 to 100"),
            (json!({"max": [5]}), "max", "1 to 100"),
            (json!({"observed": "yes"}), "observed", "boolean"),
            (json!({"mx": "5"}), "mx", "not known here"),
        ] {
            let (at, rule) = field::<wire::Receive>(arguments);
            assert_eq!(at, name);
            assert!(rule.contains(said), "{rule}");
        }
    }

    #[test]
    fn a_text_that_a_client_took_for_a_number_is_a_text_again() {
        let read = read_as::<wire::IssueWebhook>(json!({"source_label": 42, "context": true}));
        assert_eq!(read, Ok(json!({"source_label": "42", "context": "true"})));
    }

    #[test]
    fn a_list_is_read_from_json_in_a_text_or_is_that_text_alone() {
        for (ids, meant) in [
            (json!("[\"a\", \"b\"]"), json!(["a", "b"])),
            (json!(" [] "), json!([])),
            (json!(""), json!([])),
            (json!("a"), json!(["a"])),
            (json!("[a"), json!(["[a"])),
            (json!(["a"]), json!(["a"])),
        ] {
            let read = read_as::<wire::Ack>(json!({"ids": ids}));
            assert_eq!(read, Ok(json!({"ids": meant})));
        }
        let (name, rule) = field::<wire::Ack>(json!({"ids": "[1]"}));
        assert_eq!(name, "ids[0]");
        assert!(rule.contains("a string"), "{rule}");
        assert_eq!(field::<wire::Ack>(json!({"ids": {"a": 1}})).0, "ids");
        assert_eq!(field::<wire::Ack>(json!({})).0, "ids");
    }

    #[test]
    fn an_object_is_read_from_json_in_a_text() {
        let rule = |headers: Value| json!({"match": "hook:**", "target": "a", "headers": headers});
        let read = read_as::<wire::SetRoute>(rule(json!("{\"x-a\": \"b*\"}")));
        assert_eq!(read, Ok(rule(json!({"x-a": "b*"}))));
        assert_eq!(field::<wire::SetRoute>(rule(json!("x-a: b"))).0, "headers");
    }

    #[test]
    fn the_members_of_an_object_are_read_as_arguments_are() {
        let rule = |headers: Value| json!({"match": "hook:**", "target": "a", "headers": headers});
        let sent = json!({"x-id": 12, "x-on": true, "x-off": null, "x-a": "b"});
        let meant = json!({"x-id": "12", "x-on": "true", "x-a": "b"});
        let read = read_as::<wire::SetRoute>(rule(sent));
        assert_eq!(read, Ok(rule(meant)));
        let (name, _) = field::<wire::SetRoute>(rule(json!({"x-a": ["b"]})));
        assert_eq!(name, "headers.x-a");
    }
}
