//! A log file's rows, and the record behind each entry.

use std::path::Path;

use ::redb::{ReadTransaction, TableHandle};

use super::{Check, CheckError, salvage::Kept};
use crate::store::redb::{
    entry::{self, Entry},
    events::{self, Event},
    fault::{Fault, guarded},
    origin::Origin,
    record,
    schema::{BODIES, CARRIED, EVENTS, HEADS, LogTable, META_FIRST, META_FORMAT, MOVED, ORIGINS},
    segment::{self, Layout, View},
};

/// The longest record that is believed where no checksum speaks for its length.
const LONGEST: u64 = 256 << 20;

impl Check<'_> {
    pub(super) fn log(&mut self, path: &Path, txn: ReadTransaction) -> Result<(), CheckError> {
        let meta = |key| guarded(path, || segment::meta(&txn, key)).ok().flatten();
        let layout = match segment::check_format(path, meta(META_FORMAT)) {
            Ok(layout) => layout,
            Err(fault) => {
                self.damaged(path, &super::without_name(path, &fault));
                Layout::V2
            }
        };
        let first = meta(META_FIRST);
        let txn = View::of(txn, layout);
        let origins = self.origins(path, &txn);
        let bodies = self.copied(path, &txn, BODIES);
        let heads = self.heads(path, &txn);
        let carried = self.carried(path, &txn);
        let events = self.events(path, &txn);
        let moved = self.moved(path, &txn);
        let Some(salvage) = &mut self.salvage else {
            return Ok(());
        };
        salvage.log(
            path,
            first,
            layout,
            &[
                (ORIGINS, origins),
                (BODIES, bodies),
                (HEADS, heads),
                (CARRIED, carried),
                (EVENTS, events),
                (MOVED, moved),
            ],
        )
    }

    fn origins(&mut self, path: &Path, txn: &View) -> Kept {
        let mut kept = Kept::new();
        self.rows(
            path,
            txn,
            ORIGINS,
            |key| key,
            |check, key, value| {
                let number = u32::try_from(key).unwrap_or(u32::MAX);
                if Origin::decode(txn.layout, number, value).is_ok() {
                    check.origins.insert(number);
                    kept.push((key, value.to_vec()));
                } else {
                    check.damaged(path, &format!("origins {key}: who sent what names it"));
                }
            },
        );
        kept
    }

    /// Rows that are checked through what they are part of, if there is somewhere to keep them.
    fn copied(&mut self, path: &Path, txn: &View, table: LogTable) -> Kept {
        let mut kept = Kept::new();
        self.rows(
            path,
            txn,
            table,
            |key| key,
            |check, key, value| {
                if check.salvage.is_some() {
                    kept.push((key, value.to_vec()));
                }
            },
        );
        kept
    }

    /// Rows of entries, cut where one is not whole or its record is not.
    fn heads(&mut self, path: &Path, txn: &View) -> Kept {
        let mut kept = Kept::new();
        self.rows(
            path,
            txn,
            HEADS,
            |key| key,
            |check, first, row| {
                let entry_len = txn.layout.entry_len();
                let mut goes_on = false;
                let entries = entry::decode_row(txn.layout, row);
                for ((seq, bytes), entry) in (first..).zip(row.chunks(entry_len)).zip(entries) {
                    let whole = entry
                        .and_then(|entry| entry.of(seq))
                        .map_err(|_| format!("heads {seq}: a message"))
                        .and_then(|entry| check.message(path, txn, &entry));
                    match (whole, kept.last_mut()) {
                        (Err(what), _) => {
                            check.damaged(path, &what);
                            goes_on = false;
                        }
                        (Ok(()), Some((_, last))) if goes_on => last.extend_from_slice(bytes),
                        (Ok(()), _) => {
                            kept.push((seq, bytes.to_vec()));
                            goes_on = true;
                        }
                    }
                }
            },
        );
        kept
    }

    fn carried(&mut self, path: &Path, txn: &View) -> Kept {
        let mut kept = Kept::new();
        self.rows(
            path,
            txn,
            CARRIED,
            |key| key,
            |check, seq, row| {
                let whole = entry::at(txn.layout, seq, row)
                    .map_err(|_| format!("carried {seq}: a message"))
                    .and_then(|entry| check.message(path, txn, &entry));
                match whole {
                    Ok(()) => kept.push((seq, row.to_vec())),
                    Err(what) => check.damaged(path, &what),
                }
            },
        );
        kept
    }

    /// Whether a message is whole: what is wrong with it.
    fn message(&mut self, path: &Path, txn: &View, entry: &Entry) -> Result<(), String> {
        let id = entry.id;
        if !self.origins.contains(&entry.origin) {
            return Err(format!("message {id}: it is not known who sent it"));
        }
        let read = guarded(path, || {
            if entry.record_len() > LONGEST {
                return Err(Fault::Damaged("it has no such length".into()));
            }
            let (head, body) = (entry.head_len as usize, entry.body_len as usize);
            let bytes = segment::bytes(txn, u64::from(entry.at), head + body)?;
            let (head, body) = bytes.split_at(head);
            let front = record::decode_front(head)?;
            Ok(record::is_whole(entry.check, head, &front.checks, body))
        });
        match read {
            Ok(true) => {
                self.checked.messages += 1;
                self.checked.unchecked += u64::from(entry.check.is_none());
                Ok(())
            }
            Ok(false) => Err(format!("message {id}: its checksum does not hold")),
            Err(fault) => {
                let why = super::without_name(path, &fault);
                Err(format!("message {id}: {why}"))
            }
        }
    }

    /// Rows of events, each up to the first that is not whole: what is behind it has no number.
    fn events(&mut self, path: &Path, txn: &View) -> Kept {
        let mut kept = Kept::new();
        self.rows(
            path,
            txn,
            EVENTS,
            |key| key,
            |check, first, row| {
                let all: Vec<_> = events::decode_row(txn.layout, first, row).collect();
                if all.iter().all(Result::is_ok) {
                    return kept.push((first, row.to_vec()));
                }
                let mut whole = Vec::new();
                let mut count = 0;
                for (_, event) in all.into_iter().map_while(Result::ok) {
                    event.encode(&mut whole);
                    count += 1;
                }
                if count > 0 && txn.layout == Layout::V2 {
                    kept.push((first, whole));
                }
                let number = first + count;
                check.damaged(path, &format!("events {number}: what became of a message"));
            },
        );
        kept
    }

    fn moved(&mut self, path: &Path, txn: &View) -> Kept {
        let mut kept = Kept::new();
        self.rows(
            path,
            txn,
            MOVED,
            |key| key,
            |check, number, row| {
                let mut from = crate::store::redb::codec::In(row);
                match Event::decode(txn.layout, &mut from) {
                    Ok(_) => kept.push((number, row.to_vec())),
                    Err(_) => {
                        let what = format!("{} {number}: what became of a message", MOVED.name());
                        check.damaged(path, &what);
                    }
                }
            },
        );
        kept
    }
}
