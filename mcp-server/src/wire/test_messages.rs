//! Test messages on the wire.

use std::collections::BTreeMap;

use doorbell_core::{address::Jid, grant::GrantId, message::MessageId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{messages::BodyEncoding, text::Text};

/// Asks for a message to be sent through a webhook, as a sender would.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SendTest {
    /// Through this webhook
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<Text<GrantId>>,
    /// Or through the newest live one of this address
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jid: Option<Text<Jid>>,
    /// Reserved: a sender whose sample is wanted; none is made yet
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Reserved: which of its events
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// What to post, in `body_encoding`; absent: nothing, or what `repeat_of` came with
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// How `body` is written; utf-8 if absent
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_encoding: Option<BodyEncoding>,
    /// With which headers; absent: none, or those that `repeat_of` came with
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, String>>,
    /// Of this message, as it came or edited
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat_of: Option<Text<MessageId>>,
}

/// What the sender would have read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TestSent {
    /// The status
    pub status: u16,
    /// Which message it became; of a repeat, the first
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<Text<MessageId>>,
    /// Why it was refused, where it was
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<TestRefused>,
}

/// A refusal of the front door's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TestRefused {
    /// Names it for programs
    pub code: String,
    /// What is wrong and what to do about it
    pub message: String,
}
