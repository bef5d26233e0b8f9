//! What happened to messages after they were stored, as a journal: some thirty bytes each.
//!
//! Leases, attempts, acks and deaths are rebuilt from it at open. It is written to the newest
//! file whichever file the message is in: a batch then costs one fsync however many files its
//! messages are in, and a sealed file is never written again. Every event has a number, and a
//! file that goes hands the events of messages that stay on to the newest under their old ones.
//!
//! An event begins with its length and ends with its CRC32; in between stand what every event has,
//! what its flags say it has, and fields. In format 1 an event was 32 bytes and had no reason.

use doorbell_core::{
    message::{Happening, LifeEvent, Mode, Reason},
    time::Timestamp,
};

use super::{
    codec::{In, Out, Unreadable},
    segment::Layout,
};

/// How long an event of format 1 is, in bytes.
const EVENT_LEN_1: usize = 32;
/// How long a row of events is at the most, unless one event alone is longer: with its key and its
/// length it then fits a page.
pub(super) const ROW_LEN: usize = 4064;

/// Lasts some time.
const LASTS: u8 = 1;
/// Somebody's.
const RECEIVER: u8 = 2;
/// Somebody said why.
const REASON: u8 = 4;
/// Its attempt was taken back.
const UNATTEMPTED: u8 = 8;

/// The field of where it went that was routed anew.
const ROUTED: u8 = 1;

/// One thing that happened to one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) seq: u64,
    pub(super) what: Happening,
    /// How many attempts there were, this one included if it counts.
    pub(super) attempt: u8,
    /// False: the lease that this ends counts no attempt.
    pub(super) attempted: bool,
    pub(super) at: Timestamp,
    /// Of a lease: how long it lasts, of a nack: how long the rest; in milliseconds. Of a repeat: how
    /// many there were with it, so that to be told twice does no harm.
    pub(super) lasts: u32,
    /// Of a lease: who holds it.
    pub(super) receiver: u64,
    /// Of a nack or a death: why; of a replay: that nobody asked for it, but a repeat.
    pub(super) reason: Option<Reason>,
    /// Where it went that was routed anew: an origin's number, and how loudly.
    pub(super) routed: Option<(u32, Mode)>,
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
            attempt: self.attempt + u8::from(!self.attempted),
            attempted: self.attempted,
            reason: self.reason.clone(),
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut event = Out(Vec::with_capacity(64));
        let flags = [
            (LASTS, self.lasts > 0),
            (RECEIVER, self.receiver > 0),
            (REASON, self.reason.is_some()),
            (UNATTEMPTED, !self.attempted),
        ];
        let set = flags.into_iter().filter(|(_, set)| *set);
        event.u8(match self.what {
            Happening::Leased => 0,
            Happening::Acked => 1,
            Happening::Nacked => 2,
            Happening::Died => 3,
            Happening::Replayed => 4,
            Happening::Observed => 5,
            Happening::Repeated => 6,
            Happening::Rerouted => 7,
        });
        event.u8(set.fold(0, |flags, (flag, _)| flags | flag));
        event.u8(self.attempt);
        event.u64(self.seq);
        event.u64(self.at.as_millis());
        if self.lasts > 0 {
            event.0.extend_from_slice(&self.lasts.to_le_bytes());
        }
        if self.receiver > 0 {
            event.u64(self.receiver);
        }
        if let Some(reason) = &self.reason {
            event.text(reason.as_str());
        }
        if let Some((origin, mode)) = self.routed {
            event.field(ROUTED, |out| {
                out.0.extend_from_slice(&origin.to_le_bytes());
                out.u8(u8::from(mode == Mode::Observe));
            });
        }
        let check = crc32fast::hash(&event.0);
        event.0.extend_from_slice(&check.to_le_bytes());
        let mut to = Out(std::mem::take(out));
        to.len(event.0.len());
        to.0.extend_from_slice(&event.0);
        *out = to.0;
    }

    /// Takes an event off the front.
    pub(super) fn decode(layout: Layout, from: &mut In<'_>) -> Result<Self, Unreadable> {
        match layout {
            Layout::V1 => Self::decode_1(&mut In(from.bytes(EVENT_LEN_1)?)),
            Layout::V2 => {
                let len = from.len()?;
                let bytes = from.bytes(len)?;
                let cut = len.checked_sub(4).ok_or(Unreadable)?;
                let (event, check) = bytes.split_at(cut);
                if crc32fast::hash(event).to_le_bytes() != *check {
                    return Err(Unreadable);
                }
                Self::decode_2(&mut In(event))
            }
        }
    }

    fn decode_2(from: &mut In<'_>) -> Result<Self, Unreadable> {
        let what = happening(from.u8()?)?;
        let flags = from.u8()?;
        let has = |flag| flags & flag != 0;
        let attempt = from.u8()?;
        let (seq, at) = (from.u64()?, from.time()?);
        let mut event = Self {
            seq,
            what,
            attempt,
            attempted: !has(UNATTEMPTED),
            at,
            lasts: if has(LASTS) {
                u32::from_le_bytes(from.array()?)
            } else {
                0
            },
            receiver: if has(RECEIVER) { from.u64()? } else { 0 },
            reason: has(REASON).then(|| from.parsed()).transpose()?,
            routed: None,
        };
        from.fields(|tag, from| {
            if tag == ROUTED {
                let origin = u32::from_le_bytes(from.array()?);
                let mode = match from.u8()? {
                    0 => Mode::Trigger,
                    1 => Mode::Observe,
                    _ => return Err(Unreadable),
                };
                event.routed = Some((origin, mode));
            }
            Ok(())
        })?;
        Ok(event)
    }

    fn decode_1(from: &mut In<'_>) -> Result<Self, Unreadable> {
        let seq = from.u64()?;
        let at = from.time()?;
        let receiver = from.u64()?;
        let lasts = u32::from_le_bytes(from.array()?);
        let what = happening(from.u8()?)?;
        let attempt = from.u8()?;
        Ok(Self {
            seq,
            what,
            attempt,
            attempted: true,
            at,
            lasts,
            receiver,
            reason: None,
            routed: None,
        })
    }
}

fn happening(byte: u8) -> Result<Happening, Unreadable> {
    Ok(match byte {
        0 => Happening::Leased,
        1 => Happening::Acked,
        2 => Happening::Nacked,
        3 => Happening::Died,
        4 => Happening::Replayed,
        5 => Happening::Observed,
        6 => Happening::Repeated,
        7 => Happening::Rerouted,
        _ => return Err(Unreadable),
    })
}

/// The events of a row with their numbers; `first` is the row's key.
pub(super) fn decode_row(
    layout: Layout,
    first: u64,
    row: &[u8],
) -> impl Iterator<Item = Result<(u64, Event), Unreadable>> {
    let mut from = In(row);
    (first..).map_while(move |number| {
        (from.end().is_err()).then(|| {
            let event = Event::decode(layout, &mut from).map(|event| (number, event));
            if event.is_err() {
                // Where the next one begins is not known.
                from = In(&[]);
            }
            event
        })
    })
}

/// Cuts events into rows, each handed on with how many events stand in it.
pub(super) fn encode_rows<E>(
    events: &[Event],
    mut put: impl FnMut(u64, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut row = Vec::with_capacity(ROW_LEN);
    let mut one = Vec::new();
    let mut count = 0;
    for event in events {
        one.clear();
        event.encode(&mut one);
        if count > 0 && row.len() + one.len() > ROW_LEN {
            put(count, &row)?;
            row.clear();
            count = 0;
        }
        row.extend_from_slice(&one);
        count += 1;
    }
    if count > 0 { put(count, &row) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(what: Happening, reason: Option<&str>) -> Event {
        Event {
            seq: 1 << 40,
            what,
            attempt: 4,
            attempted: false,
            at: Timestamp::from_millis(1_795_277_640_000),
            lasts: u32::MAX,
            receiver: u64::MAX,
            reason: reason.map(|why| why.parse().unwrap()),
            routed: (what == Happening::Rerouted).then_some((7, Mode::Observe)),
        }
    }

    #[test]
    fn events_read_back_one_after_another_and_the_rows_fit_a_page() {
        let long = "\u{1f514}".repeat(500);
        let events: Vec<_> = (0..500)
            .map(|n| match n % 5 {
                0 => event(Happening::Nacked, Some("exit status 1")),
                1 if n == 101 => event(Happening::Died, Some(&long)),
                1 => event(Happening::Died, Some("x")),
                2 => Event::new(7, Happening::Acked, 1, Timestamp::from_millis(1)),
                _ => event(Happening::Leased, None),
            })
            .collect();
        let mut rows = Vec::new();
        encode_rows(&events, |count, row| {
            assert!(row.len() <= ROW_LEN || count == 1);
            rows.push((count, row.to_vec()));
            Ok::<_, Unreadable>(())
        })
        .unwrap();
        let mut back = Vec::new();
        for (count, row) in &rows {
            let first = back.len() as u64;
            for read in decode_row(Layout::V2, first, row) {
                back.push(read.unwrap());
            }
            assert_eq!(back.len() as u64, first + count);
        }
        assert_eq!(
            back.iter().map(|(n, _)| *n).collect::<Vec<_>>(),
            (0..500).collect::<Vec<_>>()
        );
        assert!(back.into_iter().map(|(_, event)| event).eq(events));
    }

    #[test]
    fn a_turned_bit_anywhere_in_an_event_is_noticed() {
        let mut row = Vec::new();
        event(Happening::Nacked, Some("why")).encode(&mut row);
        for bit in 0..row.len() * 8 {
            let mut bent = row.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            let read: Vec<_> = decode_row(Layout::V2, 1, &bent).collect();
            assert!(read.iter().any(Result::is_err), "bit {bit}");
        }
    }

    #[test]
    fn an_event_of_format_1_reads_as_it_was_meant() {
        let mut out = Out::default();
        out.u64(1 << 40);
        out.u64(1_795_277_640_000);
        out.u64(9);
        out.0.extend_from_slice(&60_000_u32.to_le_bytes());
        out.0.extend_from_slice(&[0, 3, 0, 0]);
        let row = [out.0.clone(), out.0].concat();
        let read: Vec<_> = decode_row(Layout::V1, 5, &row)
            .map(Result::unwrap)
            .collect();
        assert_eq!((read[0].0, read[1].0, read.len()), (5, 6, 2));
        let expected = Event {
            attempt: 3,
            attempted: true,
            lasts: 60_000,
            receiver: 9,
            ..event(Happening::Leased, None)
        };
        assert_eq!(read[1].1, expected);
    }
}
