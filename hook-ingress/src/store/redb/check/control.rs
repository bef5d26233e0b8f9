//! The control file's rows.

use std::path::Path;

use ::redb::{ReadTransaction, TableHandle};

use super::{Check, CheckError};
use crate::store::redb::{
    browsers, channels,
    codec::Unreadable,
    control,
    damage::RowName,
    routes,
    schema::{
        BROWSERS, CHANNELS, CONTROL_FORMAT, CONTROL_META, CONTROL_TABLES, FORMAT, GRANTS, KEYS,
        ROUTES, SEEN, SESSIONS, SESSIONS_1, SIGNING_KEYS, USED,
    },
    segment::Layout,
};

impl Check<'_> {
    pub(super) fn control(&mut self, path: &Path, txn: &ReadTransaction) -> Result<(), CheckError> {
        let mut layout = None;
        self.rows(
            path,
            txn,
            CONTROL_META,
            <[u8]>::to_vec,
            |check, key, value| {
                if key != CONTROL_FORMAT {
                    return;
                }
                let found = value.try_into().ok().map(u64::from_le_bytes);
                match crate::store::redb::segment::check_format(path, found) {
                    Ok(known) => layout = Some(known),
                    Err(fault) => check.damaged(path, &super::without_name(path, &fault)),
                }
            },
        );
        // One whose version does not read was written by this program, most likely.
        let layout = layout.unwrap_or(Layout::V2);
        let mut kept = Vec::new();
        for table in CONTROL_TABLES {
            kept.clear();
            self.rows(path, txn, table, <[u8]>::to_vec, |check, key, value| {
                let read = match layout {
                    Layout::V1 => Ok(()),
                    Layout::V2 => row(table.name(), &key, value),
                };
                match read {
                    Ok(()) => kept.push((key, value.to_vec())),
                    Err(Unreadable) => {
                        let row = RowName {
                            table: table.name(),
                            key: &key,
                        };
                        check.damaged(path, &row.to_string());
                    }
                }
            });
            if table.name() == CONTROL_META.name() {
                let format = match layout {
                    Layout::V1 => 1,
                    Layout::V2 => FORMAT,
                };
                kept.retain(|(key, _)| key != CONTROL_FORMAT);
                kept.push((CONTROL_FORMAT.to_vec(), format.to_le_bytes().to_vec()));
            }
            if let Some(salvage) = &mut self.salvage {
                salvage.control(table, &kept)?;
            }
        }
        Ok(())
    }
}

/// Whether a row reads as it was written.
fn row(table: &str, key: &[u8], value: &[u8]) -> Result<(), Unreadable> {
    let is = |of: crate::store::redb::schema::ControlTable| of.name() == table;
    match () {
        () if is(GRANTS) => control::grant_row(key, value).map(drop),
        () if is(KEYS) => control::key_row(key, value).map(drop),
        () if is(USED) => control::used_row(key, value).map(drop),
        () if is(SEEN) => control::seen_row(key, value).map(drop),
        () if is(BROWSERS) => browsers::row_of(key, value).map(drop),
        () if is(ROUTES) => routes::row_of(key, value).map(drop),
        () if is(CHANNELS) => channels::grant_row(key, value).map(drop),
        () if is(SESSIONS) => channels::session_row(key, value).map(drop),
        () if is(SIGNING_KEYS) => channels::signing_row(key, value).map(drop),
        () if key == SESSIONS_1 => crate::store::redb::codec::unseal(key, value).map(drop),
        () => Ok(()),
    }
}
