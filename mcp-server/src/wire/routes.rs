//! Routes on the wire.

use std::{borrow::Cow, collections::BTreeMap, str::FromStr};

use doorbell_core::{
    address::Jid,
    label::Label,
    message::RouteId,
    pattern::Pattern,
    route::{MAX_GLOB, MAX_HEADER_NAME, MAX_HEADERS, MAX_SEQ, Rule, Target},
    time::Timestamp,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::text::{Count, Text, TextShape};

/// How many headers a message that is tried has at the most: as many as the front door takes.
pub const MAX_TRIED_HEADERS: usize = 100;

/// A pattern over the addresses that are routed: those of webhooks and chats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutePattern(pub Pattern);

impl FromStr for RoutePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pattern: Pattern = text
            .parse()
            .map_err(|error: doorbell_core::pattern::PatternError| error.to_string())?;
        if pattern.is_of_jids() {
            Ok(Self(pattern))
        } else {
            Err(
                "a route's pattern begins with hook: or web:; what is said to a channel is not routed"
                    .to_owned(),
            )
        }
    }
}

impl TextShape for RoutePattern {
    const NAME: &'static str = "RoutePattern";

    fn schema() -> Schema {
        json_schema!({
            "type": "string",
            "description": "A glob over addresses: * is exactly one segment, a trailing ** is one or more: hook:acme/eng/*. What stands before the first * lies in your folder",
            "pattern": "^(hook:|web:)([A-Za-z0-9_-]{1,64}|\\*)(/([A-Za-z0-9_-]{1,64}|\\*)){0,13}(/\\*\\*)?$|^(hook:|web:)\\*\\*$"
        })
    }

    fn read(text: &str) -> Result<Self, String> {
        text.parse()
    }

    fn write(&self) -> Cow<'_, str> {
        self.0.as_str().into()
    }
}

/// What a rule asks of headers. No control character stands in a glob.
fn globs(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "description": "Header name, in any case, to glob over its value: * is any run of characters, ? is one. All must match; an absent header never does",
        "maxProperties": MAX_HEADERS,
        "propertyNames": {
            "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
            "maxLength": MAX_HEADER_NAME
        },
        "additionalProperties": {
            "type": "string",
            "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]+$",
            "maxLength": MAX_GLOB
        }
    })
}

/// Headers as a request would bring them.
fn brought(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "description": "Its headers: name, in any case, to value",
        "maxProperties": MAX_TRIED_HEADERS,
        "additionalProperties": { "type": "string" }
    })
}

/// Asks for a rule that routes messages.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRoute {
    /// Only messages at addresses that match this pattern, of hook: or web:
    #[serde(rename = "match")]
    pub pattern: Text<RoutePattern>,
    /// Only messages of this sender: the label of the URL they came through
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Text<Label>>,
    /// Only messages with all of these headers: name, in any case, to glob over the value, in which
    /// * is any run of characters and ? is one. At most 8
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "globs")]
    pub headers: BTreeMap<String, String>,
    /// Where they go: <folder>, <folder>#observe (kept as context, rings nobody) or
    /// doorbell:/sessions/<id>; at or below your folder
    pub target: Text<Target>,
    /// Its place among your folder's rules, the lowest first; absent: 10 behind the last
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Count<0, { MAX_SEQ as u64 }>>,
}

/// Asks for the rules in reach.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListRoutes {}

/// Rules, in the order in which they are tried.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RouteList {
    /// Containing folders' first, then by seq, then by age; the first that matches decides
    pub routes: Vec<RouteEntry>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RouteEntry {
    /// Names the rule
    pub route_id: Text<RouteId>,
    /// Only messages at addresses that match this pattern
    #[serde(rename = "match")]
    pub pattern: Text<Pattern>,
    /// Only messages of this sender
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Text<Label>>,
    /// Only messages with all of these headers: lower-case name to glob
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Where they go
    pub target: Text<Target>,
    /// Its place among its owner's rules
    pub seq: u32,
    /// Whose it is; * is the operators'. It applies to messages of this folder and below
    pub owner_folder: String,
    /// When it was set
    pub created_at: Text<Timestamp>,
}

impl From<&Rule> for RouteEntry {
    fn from(rule: &Rule) -> Self {
        let headers = rule.headers.iter();
        Self {
            route_id: Text(rule.id),
            pattern: Text(rule.pattern.clone()),
            sender: rule.sender.clone().map(Text),
            headers: headers
                .map(|(name, glob)| (name.to_owned(), glob.as_str().to_owned()))
                .collect(),
            target: Text(rule.target.clone()),
            seq: rule.seq,
            owner_folder: rule.owner.to_string(),
            created_at: Text(rule.created_at),
        }
    }
}

/// Asks for a rule to be removed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveRoute {
    /// Which, as the list shows it
    pub route_id: Text<RouteId>,
}

/// Asks where a message would go.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestRoute {
    /// The address it would arrive at: that of a live URL
    pub jid: Text<Jid>,
    /// Its headers
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "brought")]
    pub headers: BTreeMap<String, String>,
}

/// Where a message would go, and why.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RouteTested {
    /// The address
    pub jid: Text<Jid>,
    /// The rule that would decide; absent: none, or one that you may not see
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<RouteEntry>,
    /// The folder or the session that it would go to; absent where you may not see that
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// trigger or observe
    pub mode: String,
    /// Why
    pub why: String,
    /// Every rule that applies to messages of that URL's folder, in the order in which they are tried
    pub rules: Vec<RouteTried>,
}

/// One rule that was tried.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RouteTried {
    /// Names the rule; absent where you may not see it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route_id: Option<Text<RouteId>>,
    /// Its pattern, likewise
    #[serde(rename = "match", default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Text<Pattern>>,
    /// Its target, likewise
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Text<Target>>,
    /// Whether it is the one that would decide
    pub matched: bool,
    /// Why, or why not
    pub why: String,
}
