//! Reading a request so that what is wrong with it can be named.

use std::fmt::Display;

use serde::de::DeserializeOwned;

use crate::refusal::Refusal;

/// Reads a request from a JSON text.
pub fn from_json<T: DeserializeOwned>(text: &[u8]) -> Result<T, Refusal> {
    // A byte order mark may stand before it; RFC 8259 section 8.1 lets a reader pass it by.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let text = if text.is_empty() { b"{}" } else { text };
    // serde would read an array as the fields in their order.
    if !text.trim_ascii_start().starts_with(b"{") {
        return Err(Refusal::invalid("request", "must be a JSON object"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let broken =
        |error: &serde_json::Error| Refusal::invalid("request", format!("is not JSON: {error}"));
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        // No field is at fault where the text is.
        match error.inner() {
            inner if inner.is_data() => name(error),
            inner => broken(inner),
        }
    })?;
    deserializer.end().map_err(|error| broken(&error))?;
    Ok(value)
}

/// Reads a request from a JSON value.
pub fn from_value<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Refusal> {
    serde_path_to_error::deserialize(value).map_err(name)
}

/// Reads a request from a query string, without its question mark.
pub fn from_query<T: DeserializeOwned>(query: &str) -> Result<T, Refusal> {
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(name)
}

/// Turns serde's message into a field and the rule it broke.
///
/// For a missing or unknown field the path ends at the object that lacks or holds it, and the
/// name stands in the message between backticks.
fn name<E: Display>(error: serde_path_to_error::Error<E>) -> Refusal {
    let path = error.path().to_string();
    let text = error.inner().to_string();
    let rule = match text.rfind(" at line ") {
        Some(cut) => &text[..cut],
        None => &text,
    };
    for (prefix, said) in [
        ("missing field `", "is required"),
        ("unknown field `", "is not known here"),
        ("duplicate field `", "is given more than once"),
    ] {
        if let Some((field, rest)) = rule.strip_prefix(prefix).and_then(|r| r.split_once('`')) {
            let field = match path.as_str() {
                "." => field.to_owned(),
                known if known.rsplit('.').next() == Some(field) => known.to_owned(),
                parent => format!("{parent}.{field}"),
            };
            return Refusal::invalid(field, format!("{said}{rest}"));
        }
    }
    Refusal::invalid(if path == "." { "request" } else { &path }, rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Count, IssueWebhook, Receive};

    fn refused<T: DeserializeOwned>(text: &str) -> (String, String) {
        match from_json::<T>(text.as_bytes()).err() {
            Some(Refusal::Invalid { field, rule }) => (field, rule),
            other => panic!("expected an invalid argument, got {other:?}"),
        }
    }

    #[test]
    fn the_field_and_the_rule_are_named() {
        let (field, rule) = refused::<IssueWebhook>("{}");
        assert_eq!(
            (field.as_str(), rule.as_str()),
            ("source_label", "is required")
        );
        let (field, rule) = refused::<IssueWebhook>(r#"{"source_label":"a b"}"#);
        assert_eq!(field, "source_label");
        assert!(rule.contains("' '"), "{rule}");
        let (field, _) = refused::<IssueWebhook>(r#"{"source_label":"a","jid_sufix":"x"}"#);
        assert_eq!(field, "jid_sufix");
        let (field, rule) = refused::<Receive>(r#"{"max":101}"#);
        assert_eq!(field, "max");
        assert!(rule.contains("1 to 100"), "{rule}");
        let (field, _) = refused::<Receive>(r#"{"max":"ten"}"#);
        assert_eq!(field, "max");
        let query = from_query::<crate::wire::Read>("limit=0").err();
        assert!(matches!(query, Some(Refusal::Invalid { field, .. }) if field == "limit"));
        let query = from_query::<crate::wire::Read>("limit=1&limit=2").err();
        assert!(matches!(query, Some(Refusal::Invalid { field, .. }) if field == "limit"));
        for broken in ["{", "{\"max\":", "{\"max\":1,}", "{\"max\":\"\u{1}\"}"] {
            let (field, rule) = refused::<Receive>(broken);
            assert_eq!(field, "request", "{broken}");
            assert!(rule.starts_with("is not JSON: "), "{rule}");
        }
        let marked = from_json::<Receive>("\u{feff}{\"max\":3}".as_bytes());
        assert_eq!(marked.map(|ask| ask.max.map(Count::get)), Ok(Some(3)));
        assert_eq!(refused::<Receive>("[").0, "request");
        assert_eq!(refused::<Receive>("{} x").0, "request");
        assert_eq!(refused::<Receive>("[1, 0]").0, "request");
    }
}
