//! Schemas as every client reads them.
//!
//! Clients hand them to models whose makers know less of JSON Schema than its authors do: Cursor
//! sends no optional value that may be `null`, Gemini's API refuses a list of types and names it
//! does not know. So a property has one type, an optional one is just not required, and everything
//! stands where it is used.

use std::sync::Arc;

use rmcp::model::JsonObject;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// The schema of what a tool is called with.
pub(super) fn of_input<T: JsonSchema>() -> Arc<JsonObject> {
    let settings = SchemaSettings::draft2020_12();
    root::<T>(settings)
}

/// The schema of a tool's structured result.
pub(super) fn of_output<T: JsonSchema>() -> Arc<JsonObject> {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    root::<T>(settings)
}

fn root<T: JsonSchema>(settings: SchemaSettings) -> Arc<JsonObject> {
    let settings = settings.with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let Value::Object(mut schema) = plain(schema.to_value()) else {
        unreachable!("what a tool takes and gives is an object");
    };
    // What goes together is checked when it is read.
    for name in ["title", "description", "oneOf", "anyOf", "allOf"] {
        schema.remove(name);
    }
    let properties = schema.entry("properties").or_insert_with(|| json!({}));
    debug_assert!(properties.is_object());
    Arc::new(schema)
}

/// The same in fewer words.
fn plain(schema: Value) -> Value {
    match schema {
        Value::Object(schema) => Value::Object(plain_object(schema)),
        other => other,
    }
}

fn plain_object(mut schema: Map<String, Value>) -> Map<String, Value> {
    for way in ["anyOf", "oneOf"] {
        if let Some(Value::Array(variants)) = schema.remove(way) {
            match one_of(variants) {
                // What the property says of itself stands before what its type says.
                Ok(only) => only.into_iter().for_each(|(name, value)| {
                    schema.entry(name).or_insert(value);
                }),
                Err(variants) => _ = schema.insert(way.to_owned(), Value::Array(variants)),
            }
        }
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|one| one != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    // An optional constant allows `null` here as well as in its type.
    if let Some(Value::Array(constants)) = schema.get_mut("enum") {
        constants.retain(|one| !one.is_null());
    }
    // How Rust calls a number, and what a client's form would be filled with.
    let number = |name: &str| name.starts_with("uint") || name.starts_with("int");
    schema.retain(|name, value| match name.as_str() {
        "format" => !value.as_str().is_some_and(number),
        "default" => !value.is_null(),
        "propertyNames" | "title" | "$schema" => false,
        _ => true,
    });
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.values_mut().for_each(plain_in_place);
    }
    for name in ["items", "additionalProperties"] {
        schema.get_mut(name).map(plain_in_place);
    }
    schema
}

fn plain_in_place(schema: &mut Value) {
    *schema = plain(schema.take());
}

/// Alternatives as one schema: one of them beside `null`, or constants that are texts.
fn one_of(variants: Vec<Value>) -> Result<Map<String, Value>, Vec<Value>> {
    let null = json!({"type": "null"});
    let mut some: Vec<Value> = variants;
    some.retain(|variant| *variant != null);
    let texts: Option<Vec<Vec<Value>>> = some.iter().map(constants).collect();
    if let Some(texts) = texts.filter(|texts| !texts.is_empty()) {
        let mut schema = Map::new();
        schema.insert("type".to_owned(), json!("string"));
        schema.insert("enum".to_owned(), texts.concat().into());
        return Ok(schema);
    }
    match <[Value; 1]>::try_from(some) {
        Ok([Value::Object(only)]) => Ok(plain_object(only)),
        Ok(other) => Err(other.into()),
        Err(several) => Err(several),
    }
}

/// The texts that an alternative allows, if it allows those alone.
fn constants(variant: &Value) -> Option<Vec<Value>> {
    let texts = match (variant.get("const"), variant.get("enum")) {
        (Some(text), _) => vec![text.clone()],
        (None, Some(Value::Array(texts))) => texts.clone(),
        _ => return None,
    };
    texts.iter().all(Value::is_string).then_some(texts)
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::faces::mcp::table::published;

    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Way {
        /// This one
        Up,
        /// Or this
        Down,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Inner {
        way: Way,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Sample {
        /// How many
        count: Option<u32>,
        /// Which way
        way: Option<Way>,
        inner: Option<Vec<Inner>>,
        name: String,
    }

    #[test]
    fn an_optional_property_has_one_type_and_is_not_required() {
        let schema = Value::Object(Arc::unwrap_or_clone(of_input::<Sample>()));
        let way = json!({"type": "string", "enum": ["up", "down"]});
        let inner = json!({"type": "object", "required": ["way"], "properties": {"way": way}});
        assert_eq!(
            schema,
            json!({
                "type": "object",
                "required": ["name"],
                "properties": {
                    "count": {"type": "integer", "minimum": 0, "description": "How many"},
                    "way": {"type": "string", "enum": ["up", "down"], "description": "Which way"},
                    "inner": {"type": "array", "items": inner},
                    "name": {"type": "string"},
                }
            })
        );
    }

    /// Every schema within a schema.
    fn walk(schema: &Value, path: &str, visit: &mut dyn FnMut(&str, &Map<String, Value>)) {
        let Value::Object(map) = schema else { return };
        visit(path, map);
        for (name, value) in map
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            walk(value, &format!("{path}.{name}"), visit);
        }
        for name in ["items", "additionalProperties"] {
            if let Some(value) = map.get(name) {
                walk(value, &format!("{path}.{name}"), visit);
            }
        }
    }

    #[test]
    fn no_published_schema_asks_more_of_a_client_than_plain_types() {
        const KNOWN: [&str; 17] = [
            "type",
            "description",
            "properties",
            "required",
            "items",
            "enum",
            "additionalProperties",
            "minimum",
            "maximum",
            "minLength",
            "maxLength",
            "minItems",
            "maxItems",
            "maxProperties",
            "pattern",
            "format",
            "default",
        ];
        let mut seen = 0;
        for tool in published() {
            let schemas = [Some(&tool.input_schema), tool.output_schema.as_ref()];
            for schema in schemas.into_iter().flatten() {
                let schema = Value::Object((**schema).clone());
                walk(&schema, &tool.name, &mut |path, map| {
                    seen += 1;
                    assert!(map["type"].is_string(), "{path}: {map:?}");
                    for name in map.keys() {
                        assert!(KNOWN.contains(&name.as_str()), "{path}: {name}");
                    }
                    if let Some(constants) = map.get("enum").and_then(Value::as_array) {
                        assert!(constants.iter().all(Value::is_string), "{path}: {map:?}");
                    }
                    if let Some(format) = map.get("format") {
                        assert_eq!(format, "date-time", "{path}");
                    }
                });
            }
        }
        assert!(seen > 100, "{seen}");
    }
}
