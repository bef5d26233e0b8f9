//! Where messages arrive: JIDs and channel URIs.

use std::{fmt, str::FromStr, sync::Arc};

use crate::{
    folder::{Folder, MAX_DEPTH},
    label::{Label, SessionId, Suffix},
    segment::{self, SegmentError},
    time::Timestamp,
};

/// The scheme and path that every channel URI begins with.
pub const CHANNEL_PREFIX: &str = "doorbell:/sessions/";

/// The address messages arrive at: `hook:acme/eng/github` or `web:acme/eng`.
///
/// A JID is written from a grant. It has no accessors for folder, label or suffix on purpose:
/// `hook:a/b/c` could split two ways, and the grant is what holds the three. Reading one back
/// ([`FromStr`]) checks its shape and nothing else; it serves to name what to revoke or show.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Jid(Arc<str>);

/// Why a text cannot be a JID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JidError {
    /// Neither `hook:` nor `web:`.
    #[error("a jid begins with hook: or web:")]
    Scheme,
    /// One of its segments is not one.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// Too few or too many segments for the scheme.
    #[error(
        "a jid has a folder of 1 to {MAX_DEPTH} segments, a label for hook:, and at most one suffix"
    )]
    Length,
}

impl Jid {
    /// The address of a webhook: `hook:<folder>/<label>[/<suffix>]`.
    pub fn hook(folder: &Folder, label: &Label, suffix: Option<&Suffix>) -> Self {
        Self(match suffix {
            None => format!("hook:{folder}/{label}").into(),
            Some(suffix) => format!("hook:{folder}/{label}/{suffix}").into(),
        })
    }

    /// The address of a browser chat: `web:<folder>[/<suffix>]`.
    pub fn web(folder: &Folder, suffix: Option<&Suffix>) -> Self {
        Self(match suffix {
            None => format!("web:{folder}").into(),
            Some(suffix) => format!("web:{folder}/{suffix}").into(),
        })
    }

    /// The text, as it is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Jid {
    type Err = JidError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, path) = text.split_once(':').ok_or(JidError::Scheme)?;
        let legal = match scheme {
            "hook" => 2..=MAX_DEPTH + 2,
            "web" => 1..=MAX_DEPTH + 1,
            _ => return Err(JidError::Scheme),
        };
        let mut count = 0;
        for part in path.split('/') {
            segment::check(part)?;
            count += 1;
        }
        if !legal.contains(&count) {
            return Err(JidError::Length);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jid({})", self.0)
    }
}

/// Anything a message can be addressed to: a JID or one session's channel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// A webhook's or a chat's address.
    Jid(Jid),
    /// One running agent, `doorbell:/sessions/<id>`.
    Channel(SessionId),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jid(jid) => jid.fmt(f),
            Self::Channel(session) => write!(f, "{CHANNEL_PREFIX}{session}"),
        }
    }
}

impl FromStr for Address {
    type Err = JidError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix(CHANNEL_PREFIX) {
            Some(id) => Ok(Self::Channel(id.parse()?)),
            None => Ok(Self::Jid(text.parse()?)),
        }
    }
}

/// One session and no other of its id: the id may be given anew once it has ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionRef {
    /// What it is called.
    pub id: SessionId,
    /// When it was made.
    pub made: Timestamp,
}

impl fmt::Display for SessionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

/// A pile of messages that is leased from: every folder and every session has one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Inbox {
    /// What was routed to a folder.
    Folder(Folder),
    /// What was sent or routed to one session.
    Session(SessionRef),
}

impl fmt::Display for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.fmt(f),
            Self::Session(session) => write!(f, "{CHANNEL_PREFIX}{session}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jid_reads_back_as_it_was_written() {
        let folder: Folder = "acme/eng".parse().expect("legal");
        let label: Label = "linear".parse().expect("legal");
        let suffix: Suffix = "comments".parse().expect("legal");
        for jid in [
            Jid::hook(&folder, &label, None),
            Jid::hook(&folder, &label, Some(&suffix)),
            Jid::web(&folder, None),
            Jid::web(&folder, Some(&suffix)),
        ] {
            assert_eq!(jid.as_str().parse(), Ok(jid.clone()));
        }
        assert_eq!(
            Jid::hook(&folder, &label, None).as_str(),
            "hook:acme/eng/linear"
        );
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for bad in [
            "",
            "acme/eng",
            "hook:",
            "hook:acme",
            "ftp:a/b",
            "hook:a/*",
            "web:",
            "hook:a b/c",
        ] {
            assert!(bad.parse::<Jid>().is_err(), "{bad:?}");
        }
        assert!("hook:1/2/3/4/5/6/7/8/l/s".parse::<Jid>().is_ok());
        assert_eq!(
            "hook:1/2/3/4/5/6/7/8/l/s/x".parse::<Jid>(),
            Err(JidError::Length)
        );
        assert!("doorbell:/sessions/build".parse::<Address>().is_ok());
        assert!("doorbell:/sessions/a/b".parse::<Address>().is_err());
    }
}
