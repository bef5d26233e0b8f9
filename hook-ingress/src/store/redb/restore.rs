//! The way back from a copy. Nothing is put in place before all of it was read and checked.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use ::redb::{Database, TableHandle, WriteTransaction};

use super::{
    OpenError,
    backup::{END, FILE, MAGIC, ROW, TABLE, VERSION},
    disk::{Disk, Files},
    fault::Fault,
    lock::Lock,
    placing::{self, WORKSHOP},
    schema::{
        CONTROL_FILE, CONTROL_TABLES, ControlTable, LOG_TABLES, LogTable, log_first, log_path,
    },
    segment,
};

/// The longest key or value that is believed.
const LONGEST: usize = 16 << 20;
/// The cache of a file that is being written, in bytes.
const CACHE: usize = 16 << 20;
/// How far ahead of the copy's numbers those of the restored store begin. What was given to agents
/// after the copy was made is unknown here: a cursor from then must not lie ahead of what comes, or
/// its holder would miss it.
const AHEAD: u64 = 1 << 32;
/// The highest number that the set of providers' ids can hold.
const LAST: u64 = 1 << 40;

/// Why a copy was not put in place. Nothing was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is a store already.
    #[error("there is a store already, in {0}")]
    NotEmpty(String),
    /// Another process has the directory.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It is no backup, it was cut, or it was changed.
    #[error("not a whole backup: {0}")]
    Damaged(&'static str),
    /// It was made by a newer program.
    #[error("the backup has version {found}, and this program reads {VERSION}")]
    Newer {
        /// Its version.
        found: u32,
    },
    /// The disk, or the stream, did not do as it was told.
    #[error("cannot restore: {0}")]
    Io(#[from] io::Error),
    /// The files could not be written.
    #[error("cannot restore: {0}")]
    Store(String),
}

impl From<Fault> for RestoreError {
    fn from(fault: Fault) -> Self {
        Self::Store(fault.to_string())
    }
}

/// Makes a store in `dir` out of a copy. There must be none yet; a restore that was cut short is
/// none, and this one takes its place.
///
/// It is put in place all of it or not at all: cut short, it goes on at the next start.
pub fn restore(from: &mut dyn Read, dir: &Path) -> Result<(), RestoreError> {
    restore_on(&Files, from, dir)
}

pub(super) fn restore_on(
    disk: &dyn Disk,
    from: &mut dyn Read,
    dir: &Path,
) -> Result<(), RestoreError> {
    let _lock = Lock::take(dir)?;
    if !placing::is_unfinished(dir) {
        placing::finish(disk, dir)?;
        let mut present = disk.list(dir)?.into_iter();
        if let Some(path) = present.find(|path| {
            log_first(path).is_some() || path.file_name().is_some_and(|name| name == CONTROL_FILE)
        }) {
            return Err(RestoreError::NotEmpty(path.display().to_string()));
        }
    }
    let workshop = dir.join(WORKSHOP);
    placing::clear(disk, &workshop)?;
    fs::create_dir(&workshop)?;
    let built = build(from, disk, &workshop).and_then(|()| begin_ahead(disk, &workshop));
    if let Err(error) = built {
        if let Err(also) = placing::clear(disk, &workshop) {
            tracing::warn!(error = %also, "what a restore had begun is left behind");
        }
        return Err(error);
    }
    Ok(placing::put_in_place(disk, dir)?)
}

/// Adds a file to the log in which numbers go on far ahead: no gap within a file, whose messages
/// are counted from its first number.
fn begin_ahead(disk: &dyn Disk, workshop: &Path) -> Result<(), RestoreError> {
    let paths = disk.list(workshop)?;
    let Some(newest) = paths.iter().filter_map(|path| log_first(path)).max() else {
        return Ok(());
    };
    let first = newest + AHEAD.min(LAST.saturating_sub(newest) / 2);
    if first > newest {
        let (db, _) = segment::open_newest(disk, &log_path(workshop, first))?;
        db.close().map_err(Fault::from)?;
    }
    Ok(())
}

fn build(from: &mut dyn Read, disk: &dyn Disk, workshop: &Path) -> Result<(), RestoreError> {
    let mut from = Unframer {
        from,
        hasher: blake3::Hasher::new(),
    };
    if from.bytes(MAGIC.len())? != MAGIC {
        return Err(RestoreError::Damaged("it does not begin as one"));
    }
    let found = from.number()?;
    if found > VERSION {
        return Err(RestoreError::Newer { found });
    }
    let mut file: Option<(Database, WriteTransaction)> = None;
    let mut in_control = false;
    let mut table: Option<Target> = None;
    loop {
        match from.bytes(1)?[0] {
            FILE => {
                finish(&mut file)?;
                let name = from.name()?;
                let path = workshop.join(&name);
                // A name decides where something is written: only ours are taken.
                let ours = name == CONTROL_FILE
                    || log_first(&path).is_some_and(|first| log_path(workshop, first) == path);
                if !ours {
                    return Err(RestoreError::Damaged(
                        "it names a file that is not a store's",
                    ));
                }
                let db = segment::create(disk, &path, CACHE)?;
                let mut txn = db.begin_write().map_err(Fault::from)?;
                txn.set_quick_repair(true);
                file = Some((db, txn));
                in_control = name == CONTROL_FILE;
                table = None;
            }
            TABLE => {
                let name = from.name()?;
                let target = if in_control {
                    let mut known = CONTROL_TABLES.into_iter();
                    known
                        .find(|table| table.name() == name)
                        .map(Target::Control)
                } else {
                    let mut known = LOG_TABLES.into_iter();
                    known.find(|table| table.name() == name).map(Target::Log)
                };
                let target = target.ok_or(RestoreError::Damaged("it names an unknown table"))?;
                let (_, txn) = file
                    .as_ref()
                    .ok_or(RestoreError::Damaged("a table is in no file"))?;
                target.create(txn)?;
                table = Some(target);
            }
            ROW => {
                let (key, value) = (from.number()? as usize, from.number()? as usize);
                let (key, value) = (from.bytes(key)?, from.bytes(value)?);
                let (Some((_, txn)), Some(table)) = (&file, &table) else {
                    return Err(RestoreError::Damaged("a row is in no table"));
                };
                table.insert(txn, &key, &value)?;
            }
            END => {
                finish(&mut file)?;
                let hash = from.hasher.finalize();
                let mut said = [0; 32];
                from.from.read_exact(&mut said)?;
                return if hash == blake3::Hash::from_bytes(said) {
                    Ok(())
                } else {
                    Err(RestoreError::Damaged("its checksum does not hold"))
                };
            }
            _ => return Err(RestoreError::Damaged("it holds an unknown frame")),
        }
    }
}

fn finish(file: &mut Option<(Database, WriteTransaction)>) -> Result<(), RestoreError> {
    if let Some((db, txn)) = file.take() {
        txn.commit().map_err(Fault::from)?;
        db.close().map_err(Fault::from)?;
    }
    Ok(())
}

/// Where rows go.
enum Target {
    Log(LogTable),
    Control(ControlTable),
}

impl Target {
    fn create(&self, txn: &WriteTransaction) -> Result<(), Fault> {
        match self {
            Self::Log(table) => drop(txn.open_table(*table)?),
            Self::Control(table) => drop(txn.open_table(*table)?),
        }
        Ok(())
    }

    fn insert(&self, txn: &WriteTransaction, key: &[u8], value: &[u8]) -> Result<(), RestoreError> {
        match self {
            Self::Log(table) => {
                let key = key
                    .try_into()
                    .map(u64::from_le_bytes)
                    .map_err(|_| RestoreError::Damaged("a key is not a number"))?;
                let mut table = txn.open_table(*table).map_err(Fault::from)?;
                table.insert(key, value).map_err(Fault::from)?;
            }
            Self::Control(table) => {
                let mut table = txn.open_table(*table).map_err(Fault::from)?;
                table.insert(key, value).map_err(Fault::from)?;
            }
        }
        Ok(())
    }
}

struct Unframer<'a> {
    from: &'a mut dyn Read,
    hasher: blake3::Hasher,
}

impl Unframer<'_> {
    fn bytes(&mut self, len: usize) -> Result<Vec<u8>, RestoreError> {
        if len > LONGEST {
            return Err(RestoreError::Damaged("a row is too long"));
        }
        let mut bytes = vec![0; len];
        self.from
            .read_exact(&mut bytes)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => RestoreError::Damaged("it is cut short"),
                _ => RestoreError::Io(error),
            })?;
        self.hasher.update(&bytes);
        Ok(bytes)
    }

    fn number(&mut self) -> Result<u32, RestoreError> {
        let bytes = self.bytes(4)?;
        Ok(u32::from_le_bytes(
            bytes.try_into().expect("four bytes were asked for"),
        ))
    }

    fn name(&mut self) -> Result<String, RestoreError> {
        let len = self.number()? as usize;
        String::from_utf8(self.bytes(len)?).map_err(|_| RestoreError::Damaged("a name is not text"))
    }
}
