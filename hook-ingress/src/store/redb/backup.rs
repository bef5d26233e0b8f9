//! A copy of everything, taken while serving, as one stream.
//!
//! The stream is a magic word and a version, then frames: a file and its name, a table and its
//! name, a row. The last frame is the BLAKE3 of all that came before, so that a stream that was
//! cut or changed is refused before anything is put in place.

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use ::redb::{ReadTransaction, ReadableTable, TableHandle};

use super::{
    fault::Fault,
    schema::{CONTROL_FILE, CONTROL_TABLES, LOG_TABLES},
    segment::View,
    shared::{Chain, Shared},
};

pub(super) const MAGIC: &[u8; 16] = b"doorbell backup\n";
/// The version of the stream. Of version 1 the files in it were of format 1; it reads alike.
pub(super) const VERSION: u32 = 2;
pub(super) const FILE: u8 = b'F';
pub(super) const TABLE: u8 = b'T';
pub(super) const ROW: u8 = b'R';
pub(super) const END: u8 = b'E';
/// How much is handed on at a time, in bytes.
const CHUNK: usize = 64 << 10;
/// Why a copy was not made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store could not be read.
    #[error("the store cannot be read: {0}")]
    Store(String),
    /// What was read could not be handed on.
    #[error("the copy cannot be written: {0}")]
    Sink(#[from] io::Error),
}

/// Everything as it was between two turns of the writer.
pub(super) struct Snapshot {
    pub(super) control: ReadTransaction,
    pub(super) newest: View,
    pub(super) chain: Chain,
}

/// The copies that are being made: up to which file each goes, by its first number.
#[derive(Default)]
pub(super) struct Pins(Mutex<BTreeMap<u64, u64>>);

impl Pins {
    fn pins(&self) -> MutexGuard<'_, BTreeMap<u64, u64>> {
        self.0.lock().expect("nothing panics under this lock")
    }

    /// Whether the file that begins with this number may be in a copy that is being made.
    pub(super) fn hold(&self, first: u64) -> bool {
        self.pins().values().any(|last| *last >= first)
    }
}

/// While it lives, no file that it may copy is sealed and none goes.
pub(super) struct Pin {
    shared: Arc<Shared>,
    ticket: u64,
}

impl Pin {
    /// Of every file there is and will be, until it is known which are copied.
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        let mut pins = shared.pins.pins();
        let ticket = pins.last_key_value().map_or(0, |(last, _)| last + 1);
        pins.insert(ticket, u64::MAX);
        drop(pins);
        Self {
            shared: shared.clone(),
            ticket,
        }
    }

    /// Lets go of the files behind those of a snapshot.
    pub(super) fn narrow(&self, snapshot: &Snapshot) {
        let last = snapshot.chain.last().map_or(0, |newest| newest.first);
        self.shared.pins.pins().insert(self.ticket, last);
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.shared.pins.pins().remove(&self.ticket);
    }
}

/// Writes a snapshot down, from handles of its own: nobody waits for it however long it takes. When
/// the store's files are opened anew meanwhile it breaks off.
pub(super) fn write(
    snapshot: Snapshot,
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), BackupError> {
    let mut out = Frames {
        hasher: blake3::Hasher::new(),
        buffer: Vec::new(),
        sink,
    };
    out.put(MAGIC)?;
    out.put(&VERSION.to_le_bytes())?;
    out.name(FILE, CONTROL_FILE)?;
    for table in CONTROL_TABLES {
        out.name(TABLE, table.name())?;
        let rows = snapshot
            .control
            .open_table(table)
            .map_err(Fault::from)
            .map_err(unreadable)?;
        for row in rows.iter().map_err(Fault::from).map_err(unreadable)? {
            let (key, value) = row.map_err(Fault::from).map_err(unreadable)?;
            out.row(key.value(), value.value())?;
        }
    }
    // What it pins in the control file is given back now.
    drop(snapshot.control);
    let Some((newest, sealed)) = snapshot.chain.split_last() else {
        return out.end();
    };
    for segment in sealed {
        out.name(FILE, &name_of(&segment.path))?;
        let copied = segment.own_handle().map_err(unreadable)?;
        log_tables(&copied, &mut out)?;
    }
    out.name(FILE, &name_of(&newest.path))?;
    log_tables(&snapshot.newest, &mut out)?;
    out.end()
}

fn unreadable(fault: Fault) -> BackupError {
    BackupError::Store(fault.to_string())
}

pub(super) fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn log_tables(txn: &ReadTransaction, out: &mut Frames<'_>) -> Result<(), BackupError> {
    for table in LOG_TABLES {
        out.name(TABLE, table.name())?;
        let rows = txn
            .open_table(table)
            .map_err(Fault::from)
            .map_err(unreadable)?;
        for row in rows.iter().map_err(Fault::from).map_err(unreadable)? {
            let (key, value) = row.map_err(Fault::from).map_err(unreadable)?;
            out.row(&key.value().to_le_bytes(), value.value())?;
        }
    }
    Ok(())
}

struct Frames<'a> {
    hasher: blake3::Hasher,
    buffer: Vec<u8>,
    sink: &'a mut dyn FnMut(&[u8]) -> io::Result<()>,
}

impl Frames<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn flush(&mut self) -> Result<(), BackupError> {
        self.hasher.update(&self.buffer);
        (self.sink)(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn name(&mut self, frame: u8, name: &str) -> Result<(), BackupError> {
        self.put(&[frame])?;
        self.put(
            &u32::try_from(name.len())
                .expect("a name is short")
                .to_le_bytes(),
        )?;
        self.put(name.as_bytes())
    }

    fn row(&mut self, key: &[u8], value: &[u8]) -> Result<(), BackupError> {
        self.put(&[ROW])?;
        for part in [key, value] {
            self.put(
                &u32::try_from(part.len())
                    .expect("a row is short")
                    .to_le_bytes(),
            )?;
        }
        self.put(key)?;
        self.put(value)
    }

    fn end(mut self) -> Result<(), BackupError> {
        self.put(&[END])?;
        self.flush()?;
        (self.sink)(self.hasher.finalize().as_bytes())?;
        Ok(())
    }
}
