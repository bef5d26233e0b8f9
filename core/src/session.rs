//! One running agent: live while something is attached, idle while nothing is, ended for good.

use std::time::Duration;

use crate::{
    address::SessionRef, folder::Folder, grant::PROBE_TTL, label::SessionId, time::Timestamp,
};

/// The record of a session. Whether it is live is not in it: that is who is attached just now, and
/// after a restart nobody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Unique in an instance among those that have not ended.
    pub id: SessionId,
    /// Whose it is.
    pub folder: Folder,
    /// Named by its caller: it goes idle, and does not end, with its last attachment.
    pub named: bool,
    /// Whether something is only tried out in it: once it is over, it is forgotten.
    pub probe: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
}

/// How a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Liveness {
    /// Something is attached.
    Live,
    /// Nothing is.
    Idle,
    /// Over, for good.
    Ended,
}

impl Liveness {
    /// As it is written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Idle => "idle",
            Self::Ended => "ended",
        }
    }
}

impl Session {
    /// Whether something was tried out in it and is over: nothing is shown of it any more.
    pub fn is_forgotten(&self, now: Timestamp) -> bool {
        self.probe && (self.ended_at.is_some() || now >= self.created_at.plus(PROBE_TTL))
    }

    /// This one, and no other of its id.
    pub fn reference(&self) -> SessionRef {
        SessionRef {
            id: self.id.clone(),
            made: self.created_at,
        }
    }

    /// When it was made, if that has to be later than when another was.
    pub fn created_after(&self, before: &Self) -> Timestamp {
        let next = before.created_at.plus(Duration::from_millis(1));
        self.created_at.max(next)
    }

    /// How it stands, with so many attached.
    pub fn liveness(&self, attached: usize) -> Liveness {
        match (self.ended_at, attached) {
            (Some(_), _) => Liveness::Ended,
            (None, 0) => Liveness::Idle,
            (None, _) => Liveness::Live,
        }
    }
}
