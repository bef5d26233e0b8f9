//! Sessions and the channels into them, on the wire.

use doorbell_core::{
    address::CHANNEL_PREFIX,
    capability::Verb,
    channel::{ChannelGrant, ChannelLabel},
    folder::Folder,
    grant::GrantId,
    label::SessionId,
    ports::ChannelUse,
    session::{Liveness, Session},
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{text::Text, tokens::TtlSeconds};

/// Asks for a channel token.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExposeChannel {
    /// The session it speaks to; over stdio your own if absent, over HTTP required
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Text<SessionId>>,
    /// Seconds until the token dies; 0 or absent: the server's default, 30 days unless its operator
    /// says otherwise
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<TtlSeconds>,
    /// What to call it in lists, and as the sender of its messages
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Text<ChannelLabel>>,
    /// What its holder may do; the only verb is send_input
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verb: Option<Text<Verb>>,
    /// Only tries something out: it dies in ten minutes at the latest, and is forgotten then with all
    /// that came of it. Operators alone
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schemars(skip)]
    pub probe: bool,
}

/// A new channel token: the only time it is shown.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct ExposedChannel {
    /// The session's address
    pub channel: String,
    /// Names the grant; not a secret
    pub grant_id: Text<GrantId>,
    /// The raw token; whoever has it can speak to the session. It is not shown again.
    pub token: String,
    /// Where to POST {"message": "…"}
    pub url: String,
    /// When it dies
    pub expires_at: Text<Timestamp>,
    /// Says so where the URL can be reached from this machine or its own network only
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

impl std::fmt::Debug for ExposedChannel {
    /// Without the token and the URL that holds it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExposedChannel")
            .field("channel", &self.channel)
            .field("grant_id", &self.grant_id)
            .finish_non_exhaustive()
    }
}

/// Asks for the channel grants in reach.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListChannels {}

/// Channel grants, oldest first, the revoked ones too while they are remembered.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ChannelList {
    /// Never a token itself
    pub grants: Vec<ChannelEntry>,
}

/// One channel grant, without its token.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ChannelEntry {
    /// Names the grant
    pub grant_id: Text<GrantId>,
    /// The session's address
    pub channel: String,
    /// What its holder may do
    pub verb: Text<Verb>,
    /// What it is called
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Text<ChannelLabel>>,
    /// The folder of whoever minted it
    pub owner_folder: Text<Folder>,
    /// When it was minted
    pub created_at: Text<Timestamp>,
    /// When it dies by itself
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Text<Timestamp>>,
    /// When it was revoked, if it was
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Text<Timestamp>>,
    /// When a message last came through it, if one did
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Text<Timestamp>>,
}

impl From<&ChannelUse> for ChannelEntry {
    fn from(entry: &ChannelUse) -> Self {
        let grant: &ChannelGrant = &entry.grant;
        Self {
            grant_id: Text(grant.id),
            channel: grant.address().to_string(),
            verb: Text(grant.verb),
            label: grant.label.clone().map(Text),
            owner_folder: Text(grant.owner_folder.clone()),
            created_at: Text(grant.created_at),
            expires_at: Some(Text(grant.expires_at)),
            revoked_at: grant.revoked_at.map(Text),
            last_used_at: entry.last_used_at.map(Text),
        }
    }
}

/// Asks for a channel grant to be revoked.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeChannel {
    /// Which, as the list shows it
    pub grant_id: Text<GrantId>,
}

/// Asks for a session.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenSession {
    /// What to call it; absent: an id is made up, and it ends with its last attachment
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text<SessionId>>,
    /// Whose it is: your folder (the default) or one below it. An operator must name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<Text<Folder>>,
    /// Only tries something out: it dies in ten minutes at the latest, and is forgotten then with all
    /// that came of it. Operators alone
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schemars(skip)]
    pub probe: bool,
}

/// How a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    /// Something is attached
    Live,
    /// Nothing is; what is said to it is kept
    Idle,
    /// Over, for good
    Ended,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionEntry {
    /// Its id
    pub id: Text<SessionId>,
    /// Its address
    pub channel: String,
    /// Whose it is
    pub folder: Text<Folder>,
    /// How it stands
    pub state: SessionState,
    /// Whether its caller named it; if not, it ends with its last attachment
    pub named: bool,
    /// When it was made
    pub created_at: Text<Timestamp>,
    /// When it ended, if it has
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Text<Timestamp>>,
}

impl SessionEntry {
    /// A session as it stands, with so many attached.
    pub fn new(session: &Session, attached: usize) -> Self {
        Self {
            id: Text(session.id.clone()),
            channel: format!("{CHANNEL_PREFIX}{}", session.id),
            folder: Text(session.folder.clone()),
            state: match session.liveness(attached) {
                Liveness::Live => SessionState::Live,
                Liveness::Idle => SessionState::Idle,
                Liveness::Ended => SessionState::Ended,
            },
            named: session.named,
            created_at: Text(session.created_at),
            ended_at: session.ended_at.map(Text),
        }
    }
}

/// Sessions, oldest first; ended ones while they are remembered.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SessionList {
    /// Each with how it stands
    pub sessions: Vec<SessionEntry>,
}

/// Asks for a new signing key.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateSigningKey {
    /// Forget the older keys at once: what they signed is no longer let in
    #[serde(default)]
    pub revoke_old: bool,
}

/// A new signing key signs from now on.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SigningKeyRotated {
    /// Names it; not a secret
    pub key_id: String,
    /// Whether the older keys were forgotten
    pub revoked_old: bool,
}
