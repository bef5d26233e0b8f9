//! A line: what is said to a session, as its sender writes it.

use std::fmt;

use http::{HeaderMap, HeaderName};
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::{json::without_mark, rejection::Rejection};

/// The longest name a caller may claim, in characters.
const MAX_FROM: usize = 64;
/// The longest idempotency key, in bytes.
const MAX_KEY: usize = 255;

/// Where the key may stand too (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A line that keeps the rules.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) message: String,
    /// Who its sender claims to be.
    pub(crate) from: Option<String>,
    /// What makes a repeat harmless.
    pub(crate) key: Option<Vec<u8>>,
}

impl Line {
    /// Reads one from a body and the headers beside it, whatever those call it.
    pub(crate) fn read(body: &[u8], headers: &HeaderMap) -> Result<Self, Rejection> {
        let fields: Fields = serde_json::from_slice(without_mark(body)).map_err(|error| {
            Rejection::Knock(match error.is_data() {
                true => "The body is not a JSON object",
                false => "The body is not JSON",
            })
        })?;
        let message = match fields.message {
            Field::Absent => return Err(Rejection::Knock("message is missing")),
            Field::Wrong => return Err(Rejection::Knock("message is not a text")),
            Field::Text(text) if text.is_empty() => {
                return Err(Rejection::Knock("message is empty"));
            }
            Field::Text(text) => text,
        };
        let from = match fields.from {
            Field::Absent => None,
            Field::Wrong => return Err(Rejection::Knock("from is not a text")),
            Field::Text(text) => Some(text).filter(|text| !text.is_empty()),
        };
        if from.as_deref().is_some_and(|from| !is_name(from)) {
            return Err(Rejection::Knock(
                "from is one line of at most 64 characters without ]",
            ));
        }
        let key = match fields.idempotency_key {
            Field::Absent => header_key(headers)?,
            Field::Text(text) if (1..=MAX_KEY).contains(&text.len()) => Some(text.into_bytes()),
            Field::Wrong | Field::Text(_) => {
                return Err(Rejection::Knock(
                    "idempotency_key is a text of 1 to 255 bytes",
                ));
            }
        };
        Ok(Self { message, from, key })
    }
}

/// The key in the header; an empty one is none.
fn header_key(headers: &HeaderMap) -> Result<Option<Vec<u8>>, Rejection> {
    let value = headers.get(IDEMPOTENCY_KEY).filter(|key| !key.is_empty());
    match value {
        Some(key) if key.len() > MAX_KEY => Err(Rejection::Knock(
            "The header Idempotency-Key is at most 255 bytes long",
        )),
        value => Ok(value.map(|key| key.as_bytes().to_vec())),
    }
}

/// A name that stands in `[…]` before a message and cannot be mistaken for its end.
fn is_name(from: &str) -> bool {
    from.chars().count() <= MAX_FROM
        && !from
            .chars()
            .any(|c| c.is_control() || c == ']' || c == '\u{2028}' || c == '\u{2029}')
}

/// What stands in the body, so that a refusal can name the field. Fields that are not ours are let
/// pass: senders add their own. Of a field that stands twice the last counts.
#[derive(Default)]
struct Fields {
    message: Field,
    from: Field,
    idempotency_key: Field,
}

/// A field that may be anything, as its sender wrote it.
#[derive(Default)]
enum Field {
    /// Not there, or null.
    #[default]
    Absent,
    Text(String),
    /// There, and no text.
    Wrong,
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields, M::Error> {
        let mut fields = Fields::default();
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "message" => fields.message = map.next_value()?,
                "from" => fields.from = map.next_value()?,
                "idempotency_key" => fields.idempotency_key = map.next_value()?,
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(fields)
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Field, E> {
        Ok(Field::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Field, E> {
        Ok(Field::Text(text))
    }

    fn visit_unit<E: Error>(self) -> Result<Field, E> {
        Ok(Field::Absent)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Field, E> {
        Ok(Field::Wrong)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Field, E> {
        Ok(Field::Wrong)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Field, E> {
        Ok(Field::Wrong)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Field, E> {
        Ok(Field::Wrong)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Field, S::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Wrong)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Field, M::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::Wrong)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(body: &str) -> Result<Line, Rejection> {
        Line::read(body.as_bytes(), &HeaderMap::new())
    }

    fn rule(body: &str) -> &'static str {
        match read(body) {
            Err(Rejection::Knock(rule)) => rule,
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn a_message_alone_is_enough_and_strangers_fields_do_no_harm() {
        for body in [
            r#"{"message":"hi","via":"cron"}"#,
            r#"{"message":"hi","from":null,"idempotency_key":null}"#,
            r#"{"message":"hi","from":""}"#,
            r#"{"a":[{"message":1}],"message":"no","message":"\u0068i"}"#,
            "\u{feff}{\"message\":\"hi\"}\n",
        ] {
            let line = read(body).expect(body);
            assert_eq!(
                (line.message.as_str(), line.from, line.key),
                ("hi", None, None)
            );
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, named) in [
            ("", "not JSON"),
            ("hi", "not JSON"),
            ("{\"message\":\"m\"} x", "not JSON"),
            ("{\"message\":\"m\"", "not JSON"),
            ("message=m", "not JSON"),
            ("\u{feff}", "not JSON"),
            ("[]", "object"),
            ("\"message\"", "object"),
            ("null", "object"),
            ("{}", "message is missing"),
            (r#"{"Message":"m"}"#, "message is missing"),
            (r#"{"message":null}"#, "message is missing"),
            (r#"{"message":""}"#, "message is empty"),
            (r#"{"message":1}"#, "message is not a text"),
            (r#"{"message":-1.5}"#, "message is not a text"),
            (r#"{"message":true}"#, "message is not a text"),
            (r#"{"message":["m"]}"#, "message is not a text"),
            (r#"{"message":{"a":{}}}"#, "message is not a text"),
            (r#"{"message":"m","from":7}"#, "from is not a text"),
            (r#"{"message":"m","from":"a]"}"#, "from is one line"),
            (r#"{"message":"m","idempotency_key":7}"#, "idempotency_key"),
            (r#"{"message":"m","idempotency_key":""}"#, "idempotency_key"),
        ] {
            assert!(rule(body).contains(named), "{body}: {}", rule(body));
        }
    }

    #[test]
    fn a_from_that_could_close_its_bracket_or_break_its_line_is_refused() {
        for bad in ["a]b", "a\\nb", "a\\u001bb", "\\u2028", &"x".repeat(65)] {
            let body = format!(r#"{{"message":"m","from":"{bad}"}}"#);
            assert!(rule(&body).starts_with("from "), "{bad}");
        }
        let good = read(r#"{"message":"m","from":"CI [prod"}"#).expect("a name");
        assert_eq!(good.from.as_deref(), Some("CI [prod"));
    }

    #[test]
    fn the_header_holds_the_key_where_the_field_does_not() {
        let with = |body: &str, value: &str| {
            let value = HeaderValue::from_str(value).expect("legal");
            let headers = HeaderMap::from_iter([(IDEMPOTENCY_KEY, value)]);
            Line::read(body.as_bytes(), &headers).map(|line| line.key)
        };
        let (bare, keyed) = (
            r#"{"message":"m"}"#,
            r#"{"message":"m","idempotency_key":"f"}"#,
        );
        assert_eq!(with(bare, "h"), Ok(Some(b"h".to_vec())));
        assert_eq!(with(keyed, "h"), Ok(Some(b"f".to_vec())));
        assert_eq!(with(bare, ""), Ok(None));
        assert_eq!(with(bare, &"k".repeat(255)), Ok(Some(vec![b'k'; 255])));
        assert!(with(bare, &"k".repeat(256)).is_err());
        assert!(with(keyed, &"k".repeat(256)).is_ok());
    }
}
