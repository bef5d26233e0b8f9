//! Where a message goes, and how loudly: ordered rules decide, the first that matches.
//!
//! A rule belongs to the folder of whoever set it, an operator's to the root, and applies only to
//! messages whose grant's target folder that folder contains; its pattern only filters them. Rules
//! of containing folders come first, then the lower `seq`, then the older. Without a rule that
//! matches a message goes to its grant's target folder and rings.

mod explain;
mod glob;
mod headers;
mod index;
mod owned;
mod table;
#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr, sync::Arc};

use crate::{
    acl::Scope,
    address::{CHANNEL_PREFIX, Inbox, SessionRef},
    folder::{Folder, FolderError},
    grant::Grant,
    label::{Label, SessionId},
    message::{Destination, Headers, Matched, Message, Mode, RouteId, State},
    pattern::Pattern,
    principal::Principal,
    segment::SegmentError,
    time::Timestamp,
};

pub use explain::{Considered, Verdict};
pub use glob::{Glob, GlobError, MAX_GLOB, MAX_WILD_VALUE};
pub use headers::{HeaderGlobError, HeaderGlobs, HeaderRuleError, MAX_HEADER_NAME, MAX_HEADERS};
pub use table::{MAX_OWNED, MAX_RULES, MAX_WITHIN, Table, TooManyRules};

/// The highest place a rule may be given.
pub const MAX_SEQ: u32 = 999_999_999;

/// How far behind its owner's last a rule stands unless it is told where.
pub const SEQ_STEP: u32 = 10;

/// What routing decided about one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Where it goes.
    pub to: Destination,
    /// How loudly.
    pub mode: Mode,
    /// The rule that says so, if one does.
    pub rule: Option<Arc<Matched>>,
}

/// No rule: the grant's own target folder, trigger.
pub fn default_outcome(grant: &Grant) -> Outcome {
    Outcome {
        to: Destination::folder(grant.target_folder.clone()),
        mode: Mode::Trigger,
        rule: None,
    }
}

/// Where a message goes that was for a session which has ended: the rules decide again, by a grant that
/// may be forgotten by now. Then it stays in the folder that the session was of.
pub fn reroute(
    rules: &Table,
    grant: Option<&Grant>,
    headers: &Headers,
    was: &Message,
    sessions: Sessions<'_>,
) -> Outcome {
    let mut outcome = match grant {
        Some(grant) => rules.decide(grant, headers, sessions),
        None => Outcome {
            to: Destination::folder(was.to.folder.clone()),
            mode: Mode::Trigger,
            rule: None,
        },
    };
    // What rang nobody because of what it is, rings nobody elsewhere.
    if was.mode == Mode::Observe && was.state == State::Observed {
        outcome.mode = Mode::Observe;
    }
    outcome
}

/// Whose a rule is. In their order an owner comes before those it contains.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The operators': it contains every folder.
    Root,
    /// The agent's of a folder.
    Folder(Folder),
}

impl Owner {
    /// Whether messages of this folder, and sessions of it, are the owner's to route.
    pub fn contains(&self, folder: &Folder) -> bool {
        match self {
            Self::Root => true,
            Self::Folder(own) => own.contains(folder),
        }
    }

    /// Whether the owner's rules are within reach.
    pub fn is_within(&self, scope: &Scope) -> bool {
        match self {
            Self::Root => scope.covers_everything(),
            Self::Folder(own) => scope.covers(own),
        }
    }

    /// The folder, unless it is the root.
    pub fn folder(&self) -> Option<&Folder> {
        match self {
            Self::Root => None,
            Self::Folder(own) => Some(own),
        }
    }
}

impl From<&Principal> for Owner {
    fn from(principal: &Principal) -> Self {
        match principal {
            Principal::Operator => Self::Root,
            Principal::Agent(own) => Self::Folder(own.clone()),
        }
    }
}

impl fmt::Display for Owner {
    /// As lists show it: the root is `*`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("*"),
            Self::Folder(own) => own.fmt(f),
        }
    }
}

/// Where a rule sends what it matches: `acme/eng`, `acme/eng#observe` or `doorbell:/sessions/build`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A folder's inbox.
    Folder {
        /// Which.
        folder: Folder,
        /// How loudly.
        mode: Mode,
    },
    /// A session's inbox, and it rings. Once that session has ended, or is unknown, or is of a
    /// folder that the rule's owner does not contain, the rule matches nothing.
    Session(SessionId),
}

/// Why a text is no target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// What stands before the `#` is no folder.
    #[error("a target is <folder>, <folder>#observe or {CHANNEL_PREFIX}<id>: {0}")]
    Folder(#[from] FolderError),
    /// What stands behind the prefix is no session's id.
    #[error("a target is <folder>, <folder>#observe or {CHANNEL_PREFIX}<id>: {0}")]
    Session(#[from] SegmentError),
    /// Something else than `observe` stands behind the `#`.
    #[error("behind the # of a target only observe may stand; without it the message triggers")]
    Mode,
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(id) = text.strip_prefix(CHANNEL_PREFIX) {
            return Ok(Self::Session(id.parse()?));
        }
        let (folder, mode) = match text.split_once('#') {
            None => (text, Mode::Trigger),
            Some((folder, "observe")) => (folder, Mode::Observe),
            Some(_) => return Err(TargetError::Mode),
        };
        let folder = folder.parse()?;
        Ok(Self::Folder { folder, mode })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder { folder, mode } => {
                folder.fmt(f)?;
                match mode {
                    Mode::Trigger => Ok(()),
                    Mode::Observe => f.write_str("#observe"),
                }
            }
            Self::Session(id) => write!(f, "{CHANNEL_PREFIX}{id}"),
        }
    }
}

/// A rule that is to be set.
#[derive(Clone, Debug)]
pub struct NewRule {
    /// Names it.
    pub id: RouteId,
    /// Whose it is.
    pub owner: Owner,
    /// Only messages at addresses that match.
    pub pattern: Pattern,
    /// Only messages of this sender.
    pub sender: Option<Label>,
    /// Only messages with headers that match all of these.
    pub headers: HeaderGlobs,
    /// Where it sends them.
    pub target: Target,
    /// When the session was made that it sends them to: a later one of the same id has nothing of it.
    pub session_made: Option<Timestamp>,
    /// Its place among its owner's rules; `None`: behind the last.
    pub seq: Option<u32>,
    /// When it was set.
    pub created_at: Timestamp,
}

/// A rule. It is set once and never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Names it.
    pub id: RouteId,
    /// Whose it is.
    pub owner: Owner,
    /// Only messages at addresses that match.
    pub pattern: Pattern,
    /// Only messages of this sender.
    pub sender: Option<Label>,
    /// Only messages with headers that match all of these.
    pub headers: HeaderGlobs,
    /// Where it sends them.
    pub target: Target,
    /// When the session was made that it sends them to: a later one of the same id has nothing of it.
    pub session_made: Option<Timestamp>,
    /// Its place among its owner's rules.
    pub seq: u32,
    /// When it was set.
    pub created_at: Timestamp,
}

impl Rule {
    /// What a message that it matches says of it.
    pub fn matched(&self) -> Matched {
        Matched {
            id: self.id,
            said: format!("{} -> {}", self.pattern, self.target).into(),
        }
    }

    /// Rules of one owner stand by `seq`, then by age.
    fn place(&self) -> (u32, Timestamp, RouteId) {
        (self.seq, self.created_at, self.id)
    }

    /// Where a message goes that it matches: nowhere, if its session is not open, or is another's.
    ///
    /// The owner's reach is asked each time, and not only when it was set.
    fn destination(&self, sessions: Sessions<'_>) -> Option<(Destination, Mode)> {
        match &self.target {
            Target::Folder { folder, mode } => Some((Destination::folder(folder.clone()), *mode)),
            Target::Session(id) => {
                let session = SessionRef {
                    id: id.clone(),
                    made: self.session_made?,
                };
                let folder = sessions(&session).filter(|folder| self.owner.contains(folder))?;
                let inbox = Inbox::Session(session);
                Some((Destination { inbox, folder }, Mode::Trigger))
            }
        }
    }
}

/// Tells the folder of a session that is there and has not ended.
pub type Sessions<'a> = &'a dyn Fn(&SessionRef) -> Option<Folder>;
