//! Reading and writing small binary values: numbers little-endian, texts with their length.
//!
//! A value may end in *fields*, each with a tag and its length: what a later build adds is one more,
//! and who does not know a tag passes it by. So format 2 is not changed again: every row of the
//! control file, every origin, event and record's front ends in fields, an entry has room of its own,
//! and what is not about one of these gets a table of its own. A tag once used is never used for
//! something else. Foreseen, and free under the next tags:
//!
//! - a key: what it may do; a channel's grant: none, its verb is a byte already;
//! - a rule: globs by JSON Pointer, for the body;
//! - a record's front: a conversation, the message that it answers;
//! - what is kept of a provider's id whose file is gone: repeats, and when the last of them came. A
//!   store of many nodes keeps a row by the hash of the id, and one by that of id and content, for each
//!   of those it has an id for: both are here, as the row's key and its field;
//! - an event: nothing yet. A new kind of event is a new byte.
//!
//! A log file that is made ahead, or taken up again once it is empty, is one without its first number
//! in `meta`: that its tables are empty and it is nobody's yet is already how it reads.

use std::str::FromStr;

use doorbell_core::time::Timestamp;

/// Bytes that do not read as what was written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored value does not read back")]
pub(super) struct Unreadable;

/// A row's value with the CRC32 of its key and itself behind it.
pub(super) fn seal(key: &[u8], value: &[u8]) -> Vec<u8> {
    [value, &check(key, value).to_le_bytes()].concat()
}

/// The value, if what stands behind it is the CRC32 of its key and itself.
pub(super) fn unseal<'a>(key: &[u8], sealed: &'a [u8]) -> Result<&'a [u8], Unreadable> {
    let cut = sealed.len().checked_sub(4).ok_or(Unreadable)?;
    let (value, expected) = sealed.split_at(cut);
    if check(key, value).to_le_bytes() == *expected {
        Ok(value)
    } else {
        Err(Unreadable)
    }
}

fn check(key: &[u8], value: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(value);
    hasher.finalize()
}

/// Appends values.
#[derive(Default)]
pub(super) struct Out(pub(super) Vec<u8>);

impl Out {
    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn u128(&mut self, value: u128) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// A length in one to five bytes, seven bits each.
    pub(super) fn len(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(super) fn text(&mut self, value: &str) {
        self.len(value.len());
        self.0.extend_from_slice(value.as_bytes());
    }

    pub(super) fn maybe_text(&mut self, value: Option<&str>) {
        self.u8(u8::from(value.is_some()));
        if let Some(value) = value {
            self.text(value);
        }
    }

    pub(super) fn maybe_time(&mut self, value: Option<Timestamp>) {
        self.u8(u8::from(value.is_some()));
        self.u64(value.unwrap_or_default().as_millis());
    }

    /// A field. There must be nothing but fields behind it.
    pub(super) fn field(&mut self, tag: u8, write: impl FnOnce(&mut Self)) {
        let mut field = Self::default();
        write(&mut field);
        self.u8(tag);
        self.len(field.0.len());
        self.0.extend_from_slice(&field.0);
    }
}

/// Takes values off the front.
pub(super) struct In<'a>(pub(super) &'a [u8]);

impl<'a> In<'a> {
    pub(super) fn bytes(&mut self, len: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Unreadable)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        self.bytes(N)?.try_into().map_err(|_| Unreadable)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Unreadable> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u64(&mut self) -> Result<u64, Unreadable> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn u128(&mut self) -> Result<u128, Unreadable> {
        self.array().map(u128::from_le_bytes)
    }

    pub(super) fn len(&mut self) -> Result<usize, Unreadable> {
        let mut value = 0_usize;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.u8()?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Unreadable)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Unreadable> {
        let len = self.len()?;
        std::str::from_utf8(self.bytes(len)?).map_err(|_| Unreadable)
    }

    pub(super) fn parsed<T: FromStr>(&mut self) -> Result<T, Unreadable> {
        self.text()?.parse().map_err(|_| Unreadable)
    }

    pub(super) fn maybe_text(&mut self) -> Result<Option<&'a str>, Unreadable> {
        match self.u8()? {
            0 => Ok(None),
            1 => self.text().map(Some),
            _ => Err(Unreadable),
        }
    }

    pub(super) fn maybe_parsed<T: FromStr>(&mut self) -> Result<Option<T>, Unreadable> {
        match self.maybe_text()? {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| Unreadable),
        }
    }

    pub(super) fn time(&mut self) -> Result<Timestamp, Unreadable> {
        self.u64().map(Timestamp::from_millis)
    }

    pub(super) fn maybe_time(&mut self) -> Result<Option<Timestamp>, Unreadable> {
        let there = self.u8()?;
        let at = self.time()?;
        match there {
            0 => Ok(None),
            1 => Ok(Some(at)),
            _ => Err(Unreadable),
        }
    }

    /// Takes the fields that are left, each with its tag.
    pub(super) fn fields(
        &mut self,
        mut take: impl FnMut(u8, &mut In<'a>) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        while !self.0.is_empty() {
            let tag = self.u8()?;
            let len = self.len()?;
            take(tag, &mut In(self.bytes(len)?))?;
        }
        Ok(())
    }

    pub(super) fn end(&self) -> Result<(), Unreadable> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Unreadable)
        }
    }
}
