//! What the log says of whoever came with a good token: a line each, with the same names in each.
//!
//! Addresses are written from grants and ids are ours, so a line holds nothing that a sender chose
//! but a trace's id, which is hexadecimal digits.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use doorbell_core::{
    message::{Kind, MessageId, Via},
    time::Timestamp,
};
use http::HeaderMap;
use tokio::time::Instant;

use crate::{rejection::Rejection, trace::TraceParent};

/// How many refusals of good tokens are told at INFO in one second. The rest are told at DEBUG:
/// whoever has a token may knock as often as they like, and must not fill a disk with it.
const REFUSALS_A_SECOND: u64 = 50;
/// How many bits count the refusals within a second.
const COUNT_BITS: u32 = 16;

/// One visit of someone with a good token.
pub(crate) struct Visit {
    via: Via,
    trace: Option<TraceParent>,
    began: Instant,
}

impl Visit {
    pub(crate) fn new(via: Via, headers: &HeaderMap, began: Instant) -> Self {
        Self {
            via,
            trace: TraceParent::read(headers),
            began,
        }
    }

    /// A message is durable; `delivered`: a live session took it, where it is for a session.
    pub(crate) fn accepted(
        &self,
        message: MessageId,
        kind: Kind,
        bytes: usize,
        delivered: Option<bool>,
    ) {
        tracing::info!(
            jid = %self.via.address(),
            grant = %self.via.id(),
            id = %message,
            kind = kind.as_str(),
            bytes,
            duration_ms = self.milliseconds(),
            delivered,
            trace = self.trace.map(tracing::field::display),
            "accepted"
        );
    }

    /// The sender's id came before, in that message.
    pub(crate) fn deduplicated(&self, message: MessageId, bytes: usize) {
        tracing::info!(
            jid = %self.via.address(),
            grant = %self.via.id(),
            id = %message,
            bytes,
            duration_ms = self.milliseconds(),
            trace = self.trace.map(tracing::field::display),
            "deduplicated"
        );
    }

    /// Nothing was stored; passes on why.
    pub(crate) fn refused(&self, journal: &Journal, no: Rejection, now: Timestamp) -> Rejection {
        let code = no.code();
        let (jid, grant) = (Late(&self.via), self.via.id());
        let duration_ms = self.milliseconds();
        let trace = self.trace.map(tracing::field::display);
        if journal.has_room(now) {
            tracing::info!(%jid, %grant, code, duration_ms, trace, "refused");
        } else {
            tracing::debug!(%jid, %grant, code, duration_ms, trace, "refused");
        }
        no
    }

    /// Since it began; to the microsecond, for people.
    fn milliseconds(&self) -> f64 {
        let micros = u32::try_from(self.began.elapsed().as_micros()).unwrap_or(u32::MAX);
        f64::from(micros) / 1e3
    }
}

/// An address that is written only if a line is.
struct Late<'a>(&'a Via);

impl fmt::Display for Late<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.address().fmt(f)
    }
}

/// How many refusals were told in the second that runs.
#[derive(Debug, Default)]
pub(crate) struct Journal(AtomicU64);

impl Journal {
    /// Takes one of this second's lines, if there is one left.
    fn has_room(&self, now: Timestamp) -> bool {
        let second = now.as_millis() / 1_000;
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |told| {
                let (of, count) = (told >> COUNT_BITS, told & ((1 << COUNT_BITS) - 1));
                if of != second {
                    Some(second << COUNT_BITS | 1)
                } else {
                    (count < REFUSALS_A_SECOND).then_some(told + 1)
                }
            });
        taken.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_good_tokens_cannot_fill_a_log() {
        let journal = Journal::default();
        let told = |millis| {
            let now = Timestamp::from_millis(millis);
            (0..1_000).filter(|_| journal.has_room(now)).count() as u64
        };
        assert_eq!(told(1_795_277_640_000), REFUSALS_A_SECOND);
        assert_eq!(told(1_795_277_640_999), 0);
        assert_eq!(told(1_795_277_641_000), REFUSALS_A_SECOND);
    }
}
