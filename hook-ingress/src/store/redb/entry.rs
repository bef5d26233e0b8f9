//! What is kept about each message besides its bytes: 64 bytes in `heads`.

use doorbell_core::{
    message::{Kind, MessageId, Mode},
    time::Timestamp,
};

use super::codec::{In, Out, Unreadable};

/// How long an entry is, in bytes.
pub(super) const ENTRY_LEN: usize = 64;
/// How many entries a row holds at the most: with its key and its length it then fits a page.
pub(super) const ENTRIES_PER_ROW: usize = 63;

/// One message: who, when, and where its bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: MessageId,
    pub(super) received_at: Timestamp,
    /// The number of its origin.
    pub(super) origin: u32,
    pub(super) kind: Kind,
    pub(super) mode: Mode,
    /// Where its record begins in the file's stream.
    pub(super) at: u32,
    /// How long the record's head is.
    pub(super) head_len: u32,
    /// How long the body behind it is.
    pub(super) body_len: u32,
    /// The provider's id, mixed with the grant.
    pub(super) dedupe: Option<[u8; 16]>,
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

impl Entry {
    pub(super) fn seq(&self) -> u64 {
        seq_of(self.id)
    }

    /// How many bytes its record has.
    pub(super) fn record_len(&self) -> u64 {
        u64::from(self.head_len) + u64::from(self.body_len)
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
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
        to.u8(u8::from(self.dedupe.is_some()));
        to.u8(0);
        for number in [self.at, self.head_len, self.body_len, 0] {
            to.0.extend_from_slice(&number.to_le_bytes());
        }
        to.0.extend_from_slice(&self.dedupe.unwrap_or_default());
        *out = to.0;
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
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
        let has_dedupe = from.u8()? & 1 == 1;
        from.u8()?;
        let mut numbers = [0; 4];
        for number in &mut numbers {
            *number = u32::from_le_bytes(from.array()?);
        }
        let [at, head_len, body_len, _] = numbers;
        let dedupe = from.array()?;
        from.end()?;
        let dedupe = has_dedupe.then_some(dedupe);
        Ok(Self {
            id,
            received_at,
            origin,
            kind,
            mode,
            at,
            head_len,
            body_len,
            dedupe,
        })
    }
}

/// The entries of a row.
pub(super) fn decode_row(row: &[u8]) -> impl DoubleEndedIterator<Item = Result<Entry, Unreadable>> {
    row.chunks(ENTRY_LEN).map(Entry::decode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_64_bytes_and_reads_back() {
        let entry = Entry {
            id: id_of(1_795_277_640_000, 77, 0xdead_beef),
            received_at: Timestamp::from_millis(1_795_277_640_000),
            origin: 3,
            kind: Kind::Handshake,
            mode: Mode::Observe,
            at: 9,
            head_len: 10,
            body_len: 11,
            dedupe: Some([7; 16]),
        };
        let mut bytes = Vec::new();
        entry.encode(&mut bytes);
        assert_eq!(bytes.len(), ENTRY_LEN);
        assert_eq!(Entry::decode(&bytes), Ok(entry));
        assert_eq!(entry.seq(), 77);
        assert_eq!(millis_of(entry.id), 1_795_277_640_000);
        assert_eq!(entry.id.to_string().parse(), Ok(entry.id));
    }
}
