//! API keys on the wire.

use doorbell_core::{folder::Folder, key::KeyId, time::Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::Text;

/// Asks for an agent's API key.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueKey {
    /// The folder its holder is the agent of
    pub folder: Text<Folder>,
    /// What you call it; shown in the list
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200))]
    pub name: Option<String>,
}

/// A new API key: the only time it is shown.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct IssuedKey {
    /// The raw key. It is not shown again.
    pub key: String,
    /// What the list shows of it
    #[serde(flatten)]
    pub entry: KeyEntry,
}

impl std::fmt::Debug for IssuedKey {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedKey")
            .field("entry", &self.entry)
            .finish_non_exhaustive()
    }
}

/// One API key, without the key.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct KeyEntry {
    /// Names the key; not a secret
    pub key_id: Text<KeyId>,
    /// The folder its holder is the agent of; `*` for an operator's
    pub folder: String,
    /// What the operator called it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it was issued
    pub created_at: Text<Timestamp>,
    /// When it was revoked, if it was
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Text<Timestamp>>,
}

/// Every API key, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct KeyList {
    /// Never a key itself
    pub keys: Vec<KeyEntry>,
}

/// A key that lets nobody in any more.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct KeyRevoked {
    /// Which
    pub key_id: Text<KeyId>,
    /// Always true
    pub revoked: bool,
}
