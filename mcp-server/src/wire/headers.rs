//! A message's headers on the wire: an object of strings.

use std::{borrow::Cow, collections::BTreeMap};

use doorbell_core::message;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Headers as the store keeps them, all in one text: a leased message is written out with no copy
/// of its own for each name and value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(pub message::Headers);

/// What they are to whoever reads JSON.
type Object = BTreeMap<String, String>;

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter())
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Through a map, in which no name stands twice whatever was sent.
        let object = Object::deserialize(deserializer)?;
        Ok(Self(message::Headers::from_pairs(
            object.into_iter().collect(),
        )))
    }
}

impl JsonSchema for Headers {
    fn schema_name() -> Cow<'static, str> {
        Object::schema_name()
    }

    fn inline_schema() -> bool {
        Object::inline_schema()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Object::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_read_and_write_as_an_object_of_strings() {
        let json = r#"{"a":"1","content-type":"a \"b\"","x-empty":""}"#;
        let headers: Headers = serde_json::from_str(json).expect("an object of strings");
        assert_eq!(headers.0.get("content-type"), Some("a \"b\""));
        assert_eq!(serde_json::to_string(&headers).expect("text"), json);
        let twice: Headers = serde_json::from_str(r#"{"b":"1","a":"2","b":"3"}"#).expect("read");
        assert_eq!(
            serde_json::to_string(&twice).expect("text"),
            r#"{"a":"2","b":"3"}"#
        );
        assert!(serde_json::from_str::<Headers>(r#"{"a":1}"#).is_err());
    }

    #[test]
    fn their_schema_is_that_of_a_map() {
        assert_eq!(
            schemars::schema_for!(Headers),
            schemars::schema_for!(BTreeMap<String, String>)
        );
    }
}
