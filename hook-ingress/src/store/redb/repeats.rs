//! What came before: a provider's id with the same content, or with other content.
//!
//! The set in memory knows the first of an id by the id, and every other message of it by id and
//! content together: an id that comes with ten thousand contents costs two look-ups each time.

use doorbell_core::{
    message::{ContentHash, Kind, MessageId, Mode},
    time::Timestamp,
};

use super::{
    decide::Target,
    entry::{Dedupe, Entry, seq_of},
    fault::Fault,
    load::Open,
    record,
    segment::{self, View},
    shared::Shared,
    turn::Turn,
};

/// What a provider's id came with before, within the window.
pub(super) enum Seen {
    /// The same.
    Same(Known),
    /// Something else; this message was the first of that id.
    Other(MessageId),
}

/// A message that came before.
pub(super) struct Known {
    pub(super) id: MessageId,
    /// Its origin and its mode, as long as it is kept.
    kept: Option<(u32, Mode)>,
    /// Its id and content; unknown of one that is gone and came in format 1.
    exact: Option<[u8; 16]>,
}

impl Turn {
    /// What an id came with before.
    pub(super) fn seen(
        &self,
        shared: &Shared,
        open: &Open,
        dedupe: &Dedupe,
        kind: Kind,
        now: Timestamp,
    ) -> Result<Option<Seen>, Fault> {
        let window = |at: Timestamp| now.since(at) < kind.dedupe_window();
        let exact = dedupe.exact.unwrap_or(dedupe.id);
        let first = self.look_up(shared, open, &dedupe.id, false, window)?;
        let is_same = |known: &Known| match known.exact {
            Some(known) => known == exact,
            // A text that may be the same is not said twice; a webhook that may be another is kept.
            None => kind == Kind::Channel,
        };
        if let Some(first) = first {
            if is_same(&first) {
                return Ok(Some(Seen::Same(first)));
            }
            let variant = self.look_up(shared, open, &exact, true, window)?;
            return Ok(Some(variant.map_or(Seen::Other(first.id), Seen::Same)));
        }
        let variant = self.look_up(shared, open, &exact, true, window)?;
        Ok(variant.map(Seen::Same))
    }

    /// The newest message in its window that stands under a key.
    fn look_up(
        &self,
        shared: &Shared,
        open: &Open,
        key: &[u8; 16],
        variant: bool,
        window: impl Fn(Timestamp) -> bool,
    ) -> Result<Option<Known>, Fault> {
        let fits = |entry: &Entry| {
            entry
                .dedupe
                .is_some_and(|dedupe| dedupe.variant == variant && dedupe.key() == *key)
                && window(entry.received_at)
        };
        if let Some(entry) = self.fresh.get(key).filter(|entry| fits(entry)) {
            return Ok(Some(Known::of(entry)));
        }
        let mut newest: Option<Known> = None;
        let mut gone = false;
        for seq in open.seen.candidates(key) {
            let found = match shared.segment_of(seq) {
                Some(segment) => segment.read(|txn| {
                    let Some(entry) = segment::entry(txn, seq)? else {
                        return Ok(None);
                    };
                    let known = fits(&entry).then(|| Known::read(txn, &entry));
                    Ok(Some(known.transpose()?))
                })?,
                None => None,
            };
            match found {
                Some(Some(known)) if newest.as_ref().is_none_or(|n| n.id < known.id) => {
                    newest = Some(known);
                }
                Some(_) => {}
                None => gone = true,
            }
        }
        if gone
            && newest.is_none()
            && let Some(row) = open.control.seen(key)?
            && window(row.at)
        {
            newest = Some(Known {
                id: row.id,
                kept: None,
                // What stands under id and content is that.
                exact: row.exact.or(variant.then_some(*key)),
            });
        }
        Ok(newest)
    }

    /// It came again: it counts, and is pending again if it was dead.
    pub(super) fn repeated(&mut self, shared: &Shared, known: &Known, kind: Kind, now: Timestamp) {
        let Some((origin, mode)) = known.kept else {
            return;
        };
        let routed = shared.rerouted.get(seq_of(known.id));
        let (origin, mode) = routed.unwrap_or((origin, mode));
        let target = Target {
            id: known.id,
            origin,
            mode,
        };
        let mut events = Vec::new();
        let revivable = kind != Kind::Channel;
        let revived = shared.index().repeat(target, revivable, now, &mut events);
        self.note(events);
        if revived {
            self.lingering.extend(self.outlived(shared, origin));
            self.replayed.push((known.id, origin));
        }
    }
}

impl Known {
    fn of(entry: &Entry) -> Self {
        Self {
            id: entry.id,
            kept: Some((entry.origin, entry.mode)),
            exact: entry.dedupe.and_then(|dedupe| dedupe.exact),
        }
    }

    /// The same of one in a file: in format 1 the content was not hashed, but it is there.
    fn read(txn: &View, entry: &Entry) -> Result<Self, Fault> {
        let mut known = Self::of(entry);
        if known.exact.is_none()
            && let Some(dedupe) = entry.dedupe
        {
            let len = usize::try_from(entry.record_len()).unwrap_or(usize::MAX);
            let bytes = segment::bytes(txn, u64::from(entry.at), len)?;
            let (front, body) = bytes.split_at(entry.head_len as usize);
            let head = record::decode_front(front)?.head;
            let content = ContentHash::of(entry.kind, &head, body);
            known.exact = Some(Dedupe::exact(&dedupe.id, content));
        }
        Ok(known)
    }
}

/// What is kept of a message's provider's id once its file is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SeenRow {
    pub(super) id: MessageId,
    pub(super) at: Timestamp,
    /// Unknown where the message came in format 1.
    pub(super) exact: Option<[u8; 16]>,
}

impl SeenRow {
    /// The row of a message, if its provider's id may come again, and what it is looked for by.
    pub(super) fn of(entry: &Entry, now: Timestamp) -> Option<([u8; 16], Self)> {
        let dedupe = entry.dedupe?;
        let row = Self {
            id: entry.id,
            at: entry.received_at,
            exact: dedupe.exact,
        };
        let matters = entry.received_at > now.minus(entry.kind.dedupe_window());
        matters.then(|| (dedupe.key(), row))
    }

    /// Its number.
    pub(super) fn seq(&self) -> u64 {
        seq_of(self.id)
    }
}
