//! Rows that do not read as they were written: named one by one and left out, so that what is whole
//! stays readable. To leave one out never lets anyone in: a grant, a key, a session that is not
//! known is refused.

use std::fmt;

use doorbell_core::grant::GrantId;

use super::codec::Unreadable;

/// A row of a table, as it is named to whoever has to look for it.
pub(super) struct RowName<'a> {
    pub(super) table: &'a str,
    pub(super) key: &'a [u8],
}

impl fmt::Display for RowName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, key } = self;
        // Hashes of ids and of cookies are nobody's business, and nobody knows a row by one.
        if matches!(*table, "seen" | "browsers") {
            return write!(f, "{table}, a row");
        }
        let text = key.split(|byte| *byte == 0).next().unwrap_or_default();
        match (<[u8; 16]>::try_from(*key), std::str::from_utf8(text)) {
            (Ok(id), _) if *table != "sessions" => {
                write!(f, "{table} {}", GrantId::from_u128(u128::from_be_bytes(id)))
            }
            (_, Ok(text)) if text.chars().all(|c| c.is_ascii_graphic()) && !text.is_empty() => {
                write!(f, "{table} {text}")
            }
            _ => {
                write!(f, "{table} ")?;
                key.iter()
                    .take(32)
                    .try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

/// What a row holds, if it reads as it was written; what does not is named.
pub(super) fn whole<T>(
    file: &str,
    row: impl fmt::Display,
    read: Result<T, Unreadable>,
) -> Option<T> {
    read.inspect_err(|Unreadable| {
        tracing::error!(%file, %row, "damaged, and left out: doorbell doctor --store tells more");
    })
    .ok()
}
