//! What somebody who looks wants to see at once, on the wire: who they are, the folders in reach
//! and what is in them, how much came lately, and where URLs can be pasted.

use doorbell_core::{folder::Folder, time::Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{text::Text, tokens::TokenEntry};

/// Who may be asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// The whole instance
    Operator,
    /// One folder and everything below it
    Agent,
}

/// Who is asking.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct WhoAmI {
    /// What kind of principal the credential stands for
    pub principal: Who,
    /// The agent's folder
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<Text<Folder>>,
    /// What printed URLs begin with
    pub public_url: String,
    /// Says so where such a URL is reached from this machine or its own network only
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// Says how many live URLs were printed with another address, if any were
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_urls: Option<String>,
    /// What can be typed on the server's machine; an operator is told
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commands: Option<Commands>,
}

/// Commands as they can be typed on the server's machine, to begin with.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Commands {
    /// Prints a webhook URL to try
    pub mint: String,
    /// Serves an agent over stdio
    pub mcp: String,
}

/// Narrows a question to a folder.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InFolder {
    /// Only this folder and those below it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<Text<Folder>>,
}

/// The folders in reach in which there is anything, in the order of their names.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FolderList {
    /// An agent's own is always among them
    pub folders: Vec<FolderEntry>,
    /// Says how many of the live URLs were printed with another address than today's, if any were
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// A folder and what is in it; what lies below it has entries of its own.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FolderEntry {
    /// Its path
    pub folder: Text<Folder>,
    /// The live route tokens whose messages go to it, oldest first, never a token itself
    pub tokens: Vec<TokenEntry>,
    /// Sessions of it that have not ended
    pub sessions: u64,
    /// Messages in its inbox that wait to be leased
    pub ready: u64,
    /// Messages that rest after a nack
    pub resting: u64,
    /// Messages that a receiver holds
    pub leased: u64,
}

/// How many messages came in each minute of the last hour.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Rates {
    /// 60 of them, oldest first; the last is the minute that has begun
    pub minutes: Vec<Minute>,
}

/// One minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Minute {
    /// When it began
    pub at: Text<Timestamp>,
    /// How many messages were stored in it
    pub messages: u64,
}

/// The senders whose settings are known.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SourceList {
    /// Each by the label that is best given to it
    pub sources: Vec<SourceEntry>,
    /// What holds for any other
    pub other: SourceEntry,
}

/// Where to paste a webhook URL in one sender's settings.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SourceEntry {
    /// A label that means it; empty for any other
    pub label: String,
    /// What the sender is called
    pub title: String,
    /// What to do there, in order
    pub steps: Vec<String>,
}
