//! What happened to messages after they were stored, as a journal: 32 bytes each.
//!
//! Leases, attempts, acks and deaths are rebuilt from it at open. It is written to the newest
//! file whichever file the message is in: a batch then costs one fsync however many files its
//! messages are in, and a sealed file is never written again. Every event has a number, and a
//! file that goes hands the events of messages that stay on to the newest under their old ones.

use doorbell_core::{
    message::{Happening, LifeEvent},
    time::Timestamp,
};

use super::codec::{In, Out, Unreadable};

/// How long an event is, in bytes.
pub(super) const EVENT_LEN: usize = 32;
/// How many events a row holds at the most: with its key and its length it then fits a page.
pub(super) const EVENTS_PER_ROW: usize = 127;

/// One thing that happened to one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) seq: u64,
    pub(super) what: Happening,
    pub(super) attempt: u8,
    pub(super) at: Timestamp,
    /// Of a lease: how long it lasts, of a nack: how long the rest; in milliseconds.
    pub(super) lasts: u32,
    /// Of a lease: who holds it.
    pub(super) receiver: u64,
}

impl Event {
    /// When the lease or the rest ends.
    pub(super) fn until(&self) -> Timestamp {
        self.at
            .plus(std::time::Duration::from_millis(u64::from(self.lasts)))
    }

    pub(super) fn life(&self) -> LifeEvent {
        LifeEvent {
            what: self.what,
            at: self.at,
            attempt: self.attempt,
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut to = Out(std::mem::take(out));
        to.u64(self.seq);
        to.u64(self.at.as_millis());
        to.u64(self.receiver);
        to.0.extend_from_slice(&self.lasts.to_le_bytes());
        to.u8(match self.what {
            Happening::Leased => 0,
            Happening::Acked => 1,
            Happening::Nacked => 2,
            Happening::Died => 3,
            Happening::Replayed => 4,
            Happening::Observed => 5,
        });
        to.u8(self.attempt);
        to.u8(0);
        to.u8(0);
        *out = to.0;
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut from = In(bytes);
        let seq = from.u64()?;
        let at = from.time()?;
        let receiver = from.u64()?;
        let lasts = u32::from_le_bytes(from.array()?);
        let what = match from.u8()? {
            0 => Happening::Leased,
            1 => Happening::Acked,
            2 => Happening::Nacked,
            3 => Happening::Died,
            4 => Happening::Replayed,
            5 => Happening::Observed,
            _ => return Err(Unreadable),
        };
        let attempt = from.u8()?;
        from.bytes(2)?;
        from.end()?;
        Ok(Self {
            seq,
            what,
            attempt,
            at,
            lasts,
            receiver,
        })
    }
}

/// The events of a row with their numbers; `first` is the row's key.
pub(super) fn decode_row(
    first: u64,
    row: &[u8],
) -> impl Iterator<Item = Result<(u64, Event), Unreadable>> {
    (first..)
        .zip(row.chunks(EVENT_LEN))
        .map(|(n, bytes)| Ok((n, Event::decode(bytes)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_32_bytes_and_reads_back() {
        let event = Event {
            seq: 1 << 40,
            what: Happening::Nacked,
            attempt: 5,
            at: Timestamp::from_millis(1_795_277_640_000),
            lasts: u32::MAX,
            receiver: u64::MAX,
        };
        let mut bytes = Vec::new();
        event.encode(&mut bytes);
        assert_eq!(bytes.len(), EVENT_LEN);
        assert_eq!(Event::decode(&bytes), Ok(event));
    }
}
