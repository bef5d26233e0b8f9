//! What is kept about each message besides its bytes: 96 bytes in `heads`.
//!
//! In format 1 it was the first 64 of them, without the checks and without what is compared where
//! a provider's id comes again.

use doorbell_core::{
    grant::GrantId,
    message::{ContentHash, DedupeId, Kind, MessageId, Mode},
    time::Timestamp,
};

use super::{
    codec::{In, Out, Unreadable},
    segment::Layout,
};

/// How long an entry is, in bytes.
pub(super) const ENTRY_LEN: usize = 96;
/// How long it was in format 1.
const ENTRY_LEN_1: usize = 64;
/// How many entries a row holds at the most: with its key and its length it then fits a page.
pub(super) const ENTRIES_PER_ROW: usize = 42;

const HAS_DEDUPE: u8 = 1;
const HAS_EXACT: u8 = 2;
const VARIANT: u8 = 4;
const TEST: u8 = 8;
const CHECKED: u8 = 16;

/// A provider's id and what came with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dedupe {
    /// The provider's id, mixed with the grant.
    pub(super) id: [u8; 16],
    /// The same, mixed with the content too; unknown of messages of format 1.
    pub(super) exact: Option<[u8; 16]>,
    /// Whether the id had come before, with other content.
    pub(super) variant: bool,
}

impl Dedupe {
    /// A provider's id within a grant: it can only ever hide what came through the same URL.
    pub(super) fn new(grant: GrantId, id: DedupeId, content: ContentHash) -> Self {
        let id = short(&[&grant.as_u128().to_le_bytes(), id.as_bytes()]);
        Self {
            id,
            exact: Some(Self::exact(&id, content)),
            variant: false,
        }
    }

    /// An id of ours mixed with the content.
    pub(super) fn exact(id: &[u8; 16], content: ContentHash) -> [u8; 16] {
        short(&[id, content.as_bytes()])
    }

    /// What it is looked for by: the first of an id by the id alone, so that an id with many
    /// contents costs no more than with one.
    pub(super) fn key(&self) -> [u8; 16] {
        match self.exact {
            Some(exact) if self.variant => exact,
            _ => self.id,
        }
    }
}

fn short(parts: &[&[u8; 16]]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(*part);
    }
    let mut short = [0; 16];
    short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    short
}

/// One message: who, when, and where its bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: MessageId,
    pub(super) received_at: Timestamp,
    /// The number of its origin.
    pub(super) origin: u32,
    pub(super) kind: Kind,
    pub(super) mode: Mode,
    /// Whether its operator sent it to try the URL.
    pub(super) test: bool,
    /// Where its record begins in the file's stream.
    pub(super) at: u32,
    /// How long the record's head is.
    pub(super) head_len: u32,
    /// How long the body behind it is.
    pub(super) body_len: u32,
    /// The record's checksum, see [`super::record::check`]; none of messages of format 1.
    pub(super) check: Option<u32>,
    /// The provider's id, if it sent one.
    pub(super) dedupe: Option<Dedupe>,
}

/// The sequence number inside an id.
pub(super) fn seq_of(id: MessageId) -> u64 {
    ((id.as_u128() >> 32) & 0xffff_ffff_ffff) as u64
}

/// An id: 48 bits of time, 48 of sequence, 32 of chance. It sorts as its sequence number does
/// as long as the time never goes back.
pub(super) fn id_of(millis: u64, seq: u64, chance: u32) -> MessageId {
    MessageId::from_u128(
        (u128::from(millis) << 80)
            | (u128::from(seq & 0xffff_ffff_ffff) << 32)
            | u128::from(chance),
    )
}

/// The time inside an id, in milliseconds.
pub(super) fn millis_of(id: MessageId) -> u64 {
    (id.as_u128() >> 80) as u64
}

impl Layout {
    /// How long an entry is in such a file.
    pub(super) const fn entry_len(self) -> usize {
        match self {
            Self::V1 => ENTRY_LEN_1,
            Self::V2 => ENTRY_LEN,
        }
    }
}

impl Entry {
    pub(super) fn seq(&self) -> u64 {
        seq_of(self.id)
    }

    /// How many bytes its record has.
    pub(super) fn record_len(&self) -> u64 {
        u64::from(self.head_len) + u64::from(self.body_len)
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let mut to = Out(std::mem::take(out));
        to.u128(self.id.as_u128());
        to.u64(self.received_at.as_millis());
        to.0.extend_from_slice(&self.origin.to_le_bytes());
        to.u8(match self.kind {
            Kind::Hook => 0,
            Kind::Web => 1,
            Kind::Channel => 2,
            Kind::Handshake => 3,
        });
        to.u8(match self.mode {
            Mode::Trigger => 0,
            Mode::Observe => 1,
        });
        let exact = self.dedupe.and_then(|dedupe| dedupe.exact);
        let flags = [
            (HAS_DEDUPE, self.dedupe.is_some()),
            (HAS_EXACT, exact.is_some()),
            (VARIANT, self.dedupe.is_some_and(|dedupe| dedupe.variant)),
            (TEST, self.test),
            (CHECKED, self.check.is_some()),
        ];
        let set = flags.into_iter().filter(|(_, set)| *set);
        to.u8(set.fold(0, |flags, (flag, _)| flags | flag));
        to.u8(0);
        let check = self.check.unwrap_or(0);
        for number in [self.at, self.head_len, self.body_len, check] {
            to.0.extend_from_slice(&number.to_le_bytes());
        }
        let id = self.dedupe.map(|dedupe| dedupe.id);
        to.0.extend_from_slice(&id.unwrap_or_default());
        to.0.extend_from_slice(&exact.unwrap_or_default());
        // Room for what is not thought of yet.
        to.0.extend_from_slice(&[0; 12]);
        let check = crc32fast::hash(&to.0[start..]);
        to.0.extend_from_slice(&check.to_le_bytes());
        *out = to.0;
    }

    /// The same, if it is the one of that number.
    pub(super) fn of(self, seq: u64) -> Result<Self, Unreadable> {
        match self.seq() == seq {
            true => Ok(self),
            false => Err(Unreadable),
        }
    }

    pub(super) fn decode(layout: Layout, bytes: &[u8]) -> Result<Self, Unreadable> {
        if bytes.len() != layout.entry_len() {
            return Err(Unreadable);
        }
        if layout == Layout::V2 {
            let (entry, check) = bytes.split_at(ENTRY_LEN - 4);
            if crc32fast::hash(entry).to_le_bytes() != *check {
                return Err(Unreadable);
            }
        }
        let mut from = In(bytes);
        let id = MessageId::from_u128(from.u128()?);
        let received_at = from.time()?;
        let origin = u32::from_le_bytes(from.array()?);
        let kind = match from.u8()? {
            0 => Kind::Hook,
            1 => Kind::Web,
            2 => Kind::Channel,
            3 => Kind::Handshake,
            _ => return Err(Unreadable),
        };
        let mode = match from.u8()? {
            0 => Mode::Trigger,
            1 => Mode::Observe,
            _ => return Err(Unreadable),
        };
        let flags = from.u8()?;
        let has = |flag| flags & flag != 0;
        from.u8()?;
        let mut numbers = [0; 4];
        for number in &mut numbers {
            *number = u32::from_le_bytes(from.array()?);
        }
        let [at, head_len, body_len, check] = numbers;
        let id_hash = from.array()?;
        let exact = match layout {
            Layout::V1 => None,
            Layout::V2 => has(HAS_EXACT).then_some(from.array()?),
        };
        Ok(Self {
            id,
            received_at,
            origin,
            kind,
            mode,
            test: has(TEST),
            at,
            head_len,
            body_len,
            check: has(CHECKED).then_some(check),
            dedupe: has(HAS_DEDUPE).then_some(Dedupe {
                id: id_hash,
                exact,
                variant: has(VARIANT),
            }),
        })
    }
}

/// The entry that stands by itself under its number.
pub(super) fn at(layout: Layout, seq: u64, row: &[u8]) -> Result<Entry, Unreadable> {
    Entry::decode(layout, row)?.of(seq)
}

/// The entries of a row.
pub(super) fn decode_row(
    layout: Layout,
    row: &[u8],
) -> impl DoubleEndedIterator<Item = Result<Entry, Unreadable>> {
    row.chunks(layout.entry_len())
        .map(move |bytes| Entry::decode(layout, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            id: id_of(1_795_277_640_000, 77, 0xdead_beef),
            received_at: Timestamp::from_millis(1_795_277_640_000),
            origin: 3,
            kind: Kind::Handshake,
            mode: Mode::Observe,
            test: true,
            at: 9,
            head_len: 10,
            body_len: 11,
            check: Some(12),
            dedupe: Some(Dedupe {
                id: [7; 16],
                exact: Some([8; 16]),
                variant: true,
            }),
        }
    }

    #[test]
    fn an_entry_is_96_bytes_and_reads_back() {
        let plain = Entry {
            test: false,
            check: None,
            dedupe: None,
            ..entry()
        };
        for entry in [entry(), plain] {
            let mut bytes = Vec::new();
            entry.encode(&mut bytes);
            assert_eq!(bytes.len(), ENTRY_LEN);
            assert_eq!(Entry::decode(Layout::V2, &bytes), Ok(entry));
        }
        let entry = entry();
        assert_eq!(entry.seq(), 77);
        assert_eq!(millis_of(entry.id), 1_795_277_640_000);
        assert_eq!(entry.id.to_string().parse(), Ok(entry.id));
    }

    #[test]
    fn a_turned_bit_anywhere_in_an_entry_is_noticed() {
        let mut bytes = Vec::new();
        entry().encode(&mut bytes);
        for bit in 0..ENTRY_LEN * 8 {
            let mut bent = bytes.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                Entry::decode(Layout::V2, &bent),
                Err(Unreadable),
                "bit {bit}"
            );
        }
    }

    #[test]
    fn an_entry_of_format_1_reads_as_unchecked() {
        let written = Entry {
            test: false,
            check: None,
            dedupe: Some(Dedupe {
                id: [7; 16],
                exact: None,
                variant: false,
            }),
            ..entry()
        };
        let mut bytes = Vec::new();
        written.encode(&mut bytes);
        assert_eq!(
            Entry::decode(Layout::V1, &bytes[..ENTRY_LEN_1]),
            Ok(written)
        );
    }
}
