//! Route tokens on the wire.

use doorbell_core::{
    address::Jid,
    folder::Folder,
    grant::{Context, Grant, GrantId, MAX_TTL_SECONDS},
    label::{Label, Suffix},
    ports::GrantUse,
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::{Count, Text};

/// A time to live in seconds; 0 takes the server's default.
pub(super) type TtlSeconds = Count<0, MAX_TTL_SECONDS>;

/// Asks for a webhook URL.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueWebhook {
    /// The source's name; it becomes the sender of every message: github
    pub source_label: Text<Label>,
    /// An optional last segment of the address, to tell two of one source apart
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jid_suffix: Option<Text<Suffix>>,
    /// Whose inbox it fills: your folder (the default) or one below it. An operator must name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_folder: Option<Text<Folder>>,
    /// A note to your later self, shown beside each message: what this is and what to do with it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Text<Context>>,
    /// Seconds until the URL dies; 0 or absent: never
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<TtlSeconds>,
    /// Only tries something out: it dies in ten minutes at the latest, and is forgotten then with all
    /// that came of it. Operators alone
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schemars(skip)]
    pub probe: bool,
}

/// Asks for a browser chat's token.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueChat {
    /// An optional last segment of the address
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jid_suffix: Option<Text<Suffix>>,
    /// Whose inbox it fills: your folder (the default) or one below it. An operator must name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_folder: Option<Text<Folder>>,
    /// A note to your later self, shown beside each message
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Text<Context>>,
    /// Seconds until the token dies; 0 or absent: never
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<TtlSeconds>,
}

/// A new route token: the only time it is shown.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct IssuedToken {
    /// The raw token; whoever has it can post. It is not shown again.
    pub token: String,
    /// What to paste into the sender's settings
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The address its messages arrive at
    pub jid: Text<Jid>,
    /// Names the grant; not a secret
    pub grant_id: Text<GrantId>,
    /// When it dies, if ever
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Text<Timestamp>>,
    /// Where to paste the URL, step by step, for a human, and what to do then
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_steps: Option<String>,
    /// Says so where the URL can be reached from this machine or its own network only
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

impl std::fmt::Debug for IssuedToken {
    /// Without the token and the URL that holds it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedToken")
            .field("jid", &self.jid)
            .field("grant_id", &self.grant_id)
            .finish_non_exhaustive()
    }
}

/// Asks for live route tokens.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListTokens {
    /// Only those whose messages go to this folder or below it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<Text<Folder>>,
}

/// Live route tokens, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TokenList {
    /// Never a token itself
    pub tokens: Vec<TokenEntry>,
}

/// One live route token, without the token.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TokenEntry {
    /// Names the grant
    pub grant_id: Text<GrantId>,
    /// The address its messages arrive at
    pub jid: Text<Jid>,
    /// The folder of whoever minted it
    pub owner_folder: Text<Folder>,
    /// The note given at minting
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Text<Context>>,
    /// When it was minted
    pub created_at: Text<Timestamp>,
    /// When it dies, if ever
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Text<Timestamp>>,
    /// When a message last came through it, if one did
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Text<Timestamp>>,
    /// What its URL began with when it was shown; it may differ from what URLs begin with now
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
}

impl From<&GrantUse> for TokenEntry {
    fn from(entry: &GrantUse) -> Self {
        let grant: &Grant = &entry.grant;
        Self {
            grant_id: Text(grant.id),
            jid: Text(grant.jid()),
            owner_folder: Text(grant.owner_folder.clone()),
            context: grant.context.clone().map(Text),
            created_at: Text(grant.created_at),
            expires_at: grant.expires_at.map(Text),
            last_used_at: entry.last_used_at.map(Text),
            public_url: grant.public_url.as_deref().map(str::to_owned),
        }
    }
}

/// Asks for one URL to be revoked, or all of an address. Either is named, not both.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeToken {
    /// All of this address's URLs, as the list shows it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jid: Option<Text<Jid>>,
    /// This URL alone, as the list shows it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<Text<GrantId>>,
}

/// How many tokens were revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revoked {
    /// The address
    pub jid: Text<Jid>,
    /// How many of its tokens were live until now
    pub revoked: u64,
}
