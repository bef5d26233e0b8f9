//! How much waits where, and since when: what an operator watches.

use crate::{address::Inbox, time::Timestamp};

/// What waits in an inbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Pending and ready to be leased.
    pub ready: u64,
    /// Pending, resting after a nack.
    pub resting: u64,
    /// Held under a lease.
    pub leased: u64,
    /// The next moment at which a lease or a rest ends.
    pub next_ready_at: Option<Timestamp>,
}

/// What is unsettled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Messages that are pending: ready to be leased, or resting after a nack.
    pub pending: u64,
    /// Messages that someone holds under a lease.
    pub leased: u64,
    /// When the oldest of both arrived; none, if there are none.
    pub oldest: Option<Timestamp>,
}

impl Backlog {
    /// How many messages are unsettled.
    pub fn unsettled(&self) -> u64 {
        self.pending + self.leased
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            pending: self.pending + other.pending,
            leased: self.leased + other.leased,
            oldest: [self.oldest, other.oldest].into_iter().flatten().min(),
        }
    }
}

/// What is unsettled in all inboxes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlogs {
    /// The inboxes with the most, in their order; none of them is empty.
    pub inboxes: Vec<(Inbox, Backlog)>,
    /// What the other inboxes hold together.
    pub rest: Backlog,
    /// Messages that are dead, wherever they are.
    pub dead: u64,
}
