//! What is whole, in another directory.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ::redb::{Database, WriteTransaction};

use super::{CheckError, in_dir};
use crate::store::redb::{
    disk::{Disk, Files},
    fault::Fault,
    lock::Lock,
    schema::{
        CONTROL_FILE, CONTROL_FORMAT, CONTROL_META, CONTROL_TABLES, ControlTable, FORMAT,
        LOG_TABLES, LogTable, META, META_FIRST, META_FORMAT, log_path,
    },
    segment::{self, Layout},
};

/// The cache of a file that is written, in bytes.
const CACHE: usize = 16 << 20;

/// Rows of a log file that are whole, by their numbers.
pub(super) type Kept = Vec<(u64, Vec<u8>)>;

/// A directory that becomes a store.
pub(super) struct Salvage {
    dir: PathBuf,
    control: Database,
    _lock: Lock,
}

fn cannot(fault: impl Into<Fault>) -> CheckError {
    CheckError::Write(fault.into().to_string())
}

impl Salvage {
    /// Begins in a directory that is empty or not there.
    pub(super) fn into(disk: &dyn Disk, dir: &Path) -> Result<Self, CheckError> {
        if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(CheckError::NotEmpty(dir.display().to_string()));
        }
        make_private(dir)
            .map_err(|error| CheckError::Write(format!("{}: {error}", dir.display())))?;
        let lock = Lock::take(dir)?;
        let control = segment::create(disk, &dir.join(CONTROL_FILE), CACHE).map_err(cannot)?;
        let txn = begin(&control)?;
        for table in CONTROL_TABLES {
            txn.open_table(table).map_err(cannot)?;
        }
        txn.open_table(CONTROL_META)
            .map_err(cannot)?
            .insert(CONTROL_FORMAT, &FORMAT.to_le_bytes()[..])
            .map_err(cannot)?;
        txn.commit().map_err(cannot)?;
        Ok(Self {
            dir: dir.to_owned(),
            control,
            _lock: lock,
        })
    }

    /// Rows of the control file.
    pub(super) fn control(
        &mut self,
        table: ControlTable,
        rows: &[(Vec<u8>, Vec<u8>)],
    ) -> Result<(), CheckError> {
        let txn = begin(&self.control)?;
        {
            let mut table = txn.open_table(table).map_err(cannot)?;
            for (key, value) in rows {
                table.insert(&key[..], &value[..]).map_err(cannot)?;
            }
        }
        txn.commit().map_err(cannot)
    }

    /// A log file. One that was made ahead and never written to is none.
    pub(super) fn log(
        &mut self,
        path: &Path,
        first: Option<u64>,
        layout: Layout,
        tables: &[(LogTable, Kept)],
    ) -> Result<(), CheckError> {
        let named = crate::store::redb::schema::log_first(path);
        let to = match (named, first) {
            (Some(_), _) => in_dir(&self.dir, path),
            (None, Some(first)) => log_path(&self.dir, first),
            (None, None) => return Ok(()),
        };
        let db = segment::create(&Files, &to, CACHE).map_err(cannot)?;
        let txn = begin(&db)?;
        for table in LOG_TABLES {
            txn.open_table(table).map_err(cannot)?;
        }
        {
            let format: u64 = match layout {
                Layout::V1 => 1,
                Layout::V2 => FORMAT,
            };
            let mut meta = txn.open_table(META).map_err(cannot)?;
            meta.insert(META_FORMAT, &format.to_le_bytes()[..])
                .map_err(cannot)?;
            let written = tables.iter().any(|(_, rows)| !rows.is_empty());
            if let Some(first) = first.or(named.filter(|_| written)) {
                meta.insert(META_FIRST, &first.to_le_bytes()[..])
                    .map_err(cannot)?;
            }
        }
        for (table, rows) in tables {
            let mut table = txn.open_table(*table).map_err(cannot)?;
            for (key, value) in rows {
                table.insert(key, &value[..]).map_err(cannot)?;
            }
        }
        txn.commit().map_err(cannot)?;
        db.close().map_err(cannot)
    }

    /// Makes all of it durable.
    pub(super) fn end(self) -> Result<(), CheckError> {
        self.control.close().map_err(cannot)?;
        Files.sync_dir(&self.dir).map_err(cannot)
    }
}

fn begin(db: &Database) -> Result<WriteTransaction, CheckError> {
    let mut txn = db.begin_write().map_err(cannot)?;
    txn.set_quick_repair(true);
    Ok(txn)
}

/// Its owner's alone, as a data directory is.
fn make_private(dir: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(dir)
}
