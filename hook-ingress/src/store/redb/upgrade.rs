//! From format 1, which the first released version wrote, to format 2.
//!
//! The control file goes first, in one commit: from then on an older program refuses the
//! directory by name. Its values get what they lack. A log file of format 1 is never
//! written again: the newest is closed and the next begins, in which arrivals and events go on; a
//! crash between the two finds a newest file of format 1 once more. A sealed file of format 1 goes
//! when its time comes, as any other; until then its messages read as unchecked.

use ::redb::{Database, ReadableDatabase, ReadableTable, TableHandle, WriteTransaction};

use super::{
    channels, codec,
    fault::Fault,
    schema::{CONTROL_META, CONTROL_TABLES, FORMAT, HEADS, META, META_FORMAT},
    segment::{self, Layout},
};

/// Gives the control file's values what they lack: the moments their sessions were made, and
/// checksums.
pub(super) fn control(txn: &WriteTransaction) -> Result<(), Fault> {
    channels::upgrade(txn)?;
    let values = CONTROL_TABLES.into_iter();
    for table in values.filter(|table| table.name() != CONTROL_META.name()) {
        let mut table = txn.open_table(table)?;
        let mut rows = Vec::new();
        for row in table.iter()? {
            let (key, value) = row?;
            rows.push((
                key.value().to_vec(),
                codec::seal(key.value(), value.value()),
            ));
        }
        for (key, value) in rows {
            table.insert(&key[..], &value[..])?;
        }
    }
    Ok(())
}

/// Ends a newest log file of format 1, whose first sequence number is `first`: the number that the
/// next file begins with, or none where nothing stands in this one and it was made one of format 2.
pub(super) fn seal(db: Database, first: u64) -> Result<Option<u64>, Fault> {
    let txn = db.begin_read()?;
    let begun = segment::first_of(&txn)?.is_some();
    let last = txn.open_table(HEADS)?.last()?.map(|(number, row)| {
        let entries = row.value().len() / Layout::V1.entry_len();
        (number.value() + entries as u64).saturating_sub(1)
    });
    drop(txn);
    if !begun {
        let mut txn = db.begin_write()?;
        txn.set_quick_repair(true);
        txn.open_table(META)?
            .insert(META_FORMAT, &FORMAT.to_le_bytes()[..])?;
        txn.commit()?;
    }
    db.close()?;
    Ok(begun.then(|| last.unwrap_or(first).max(first) + 1))
}
