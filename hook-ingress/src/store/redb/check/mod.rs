//! Everything that a store that nobody serves holds, looked at page by page and row by row, and what
//! is whole of it written into another directory.
//!
//! Nothing is changed: a file is opened through an [`Overlay`]. Each is read twice, since redb verifies
//! pages only when it is asked to, and repairs what it finds. Rows are read from both ends of a table,
//! so that a page that does not read costs no more than what hangs on it.

mod control;
mod log;
mod overlay;
mod salvage;

use std::path::{Path, PathBuf};

use ::redb::{
    Builder, Database, Key, ReadTransaction, ReadableTable, TableDefinition, TableHandle,
};

use self::{overlay::Overlay, salvage::Salvage};
use super::{
    OpenError,
    disk::{Disk, Files},
    fault::{Fault, guarded},
    lock::Lock,
    schema::{CONTROL_FILE, NEXT_FILE, log_first},
};

/// The cache of a file that is looked at, in bytes.
const CACHE: usize = 16 << 20;

/// Why a store was not looked at, or not salvaged.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// There is none.
    #[error("there is no store in {0}")]
    NoStore(String),
    /// Another process has it, or the directory cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What is whole would be mixed with what is there.
    #[error("{0} is not empty; name a new directory")]
    NotEmpty(String),
    /// What is whole could not be written.
    #[error("cannot write what is whole: {0}")]
    Write(String),
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// How many files.
    pub files: u64,
    /// How many rows of their tables.
    pub rows: u64,
    /// How many messages that are whole.
    pub messages: u64,
    /// How many of those came before there were checksums.
    pub unchecked: u64,
    /// How many things are damaged.
    pub damaged: u64,
}

/// Is told as the work goes on.
pub trait Watch {
    /// Something is damaged: in which file, and what.
    fn damaged(&mut self, file: &str, what: &str);
    /// So many bytes of all files were looked at.
    fn went_on(&mut self, bytes: u64);
}

/// Looks at the store in a directory. With another, which must be empty or not there, what is whole
/// is written into it. It blocks.
pub fn check(
    dir: &Path,
    salvage_to: Option<&Path>,
    watch: &mut dyn Watch,
) -> Result<Checked, CheckError> {
    let disk = &Files;
    let cannot = |path: &Path, error| CheckError::Open(OpenError::io(path, &error));
    let there = dir.is_dir();
    let present = if there {
        disk.list(dir)
    } else {
        Ok(Vec::new())
    };
    let mut files = present.map_err(|error| cannot(dir, error))?;
    files.retain(|path| {
        let name = path.file_name().unwrap_or_default();
        log_first(path).is_some() || name == CONTROL_FILE || name == NEXT_FILE
    });
    if files.is_empty() {
        return Err(CheckError::NoStore(dir.display().to_string()));
    }
    files.sort();
    let _lock = Lock::take(dir)?;
    let salvage = salvage_to.map(|to| Salvage::into(disk, to)).transpose()?;
    let mut check = Check {
        disk,
        watch,
        salvage,
        checked: Checked::default(),
        origins: Default::default(),
    };
    for path in &files {
        let bytes = disk.len(path).unwrap_or_default();
        check.file(path)?;
        check.checked.files += 1;
        check.watch.went_on(bytes);
    }
    let control = dir.join(CONTROL_FILE);
    if !files.contains(&control) {
        check.damaged(
            &control,
            "it is missing: grants, keys, sessions and routes are lost",
        );
    }
    if let Some(salvage) = check.salvage {
        salvage.end()?;
    }
    Ok(check.checked)
}

struct Check<'a> {
    disk: &'a dyn Disk,
    watch: &'a mut dyn Watch,
    salvage: Option<Salvage>,
    checked: Checked,
    /// Origins that any file so far knows.
    origins: std::collections::HashSet<u32>,
}

impl Check<'_> {
    fn damaged(&mut self, path: &Path, what: &str) {
        self.checked.damaged += 1;
        self.watch.damaged(&name_of(path), what);
    }

    fn open(&self, path: &Path) -> Result<Database, Fault> {
        guarded(path, || {
            let overlay = Overlay::over(self.disk.open(path)?)?;
            if self.disk.len(path)? == 0 {
                return Err(Fault::Damaged("it is empty".into()));
            }
            let mut builder = Builder::new();
            builder.set_cache_size(CACHE);
            Ok(builder.create_with_backend(overlay)?)
        })
    }

    /// Whether every page of a file reads as it was written.
    fn pages(&mut self, path: &Path) {
        let read = self.open(path).and_then(|mut db| {
            guarded(path, || match db.check_integrity() {
                Ok(true) => Ok(()),
                Ok(false) => Err(Fault::Damaged("its pages do not add up".into())),
                Err(error) => Err(Fault::from(error)),
            })
        });
        if let Err(fault) = read {
            let why = without_name(path, &fault);
            self.damaged(
                path,
                &format!("not all of its pages are as they were written: {why}"),
            );
        }
    }

    fn file(&mut self, path: &Path) -> Result<(), CheckError> {
        self.pages(path);
        let opened = self.open(path).and_then(|db| {
            let txn = guarded(path, || Ok(::redb::ReadableDatabase::begin_read(&db)?))?;
            Ok((db, txn))
        });
        let (_db, txn) = match opened {
            Ok(opened) => opened,
            Err(_) => {
                self.damaged(path, "it does not open: all that it holds is lost");
                return Ok(());
            }
        };
        if path.file_name().is_some_and(|name| name == CONTROL_FILE) {
            self.control(path, &txn)
        } else {
            self.log(path, txn)
        }
    }

    /// Hands on each row of a table that can be read, from both ends.
    fn rows<K: Key + 'static, V: Ord + Clone>(
        &mut self,
        path: &Path,
        txn: &ReadTransaction,
        table: TableDefinition<'static, K, &'static [u8]>,
        own: impl Fn(K::SelfType<'_>) -> V,
        mut each: impl FnMut(&mut Self, V, &[u8]),
    ) {
        let mut last: Option<V> = None;
        let forwards = guarded(path, || {
            let rows = match txn.open_table(table) {
                Ok(rows) => rows,
                // Files of the first builds do not have all of them.
                Err(::redb::TableError::TableDoesNotExist(_)) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            for row in rows.iter()? {
                let (key, value) = row?;
                let key = own(key.value());
                self.checked.rows += 1;
                each(self, key.clone(), value.value());
                last = Some(key);
            }
            Ok(())
        });
        let Err(why) = forwards else { return };
        let why = without_name(path, &why);
        self.damaged(path, &format!("{}: rows do not read: {why}", table.name()));
        let backwards = guarded(path, || {
            for row in txn.open_table(table)?.iter()?.rev() {
                let (key, value) = row?;
                let key = own(key.value());
                if last.as_ref().is_some_and(|last| key <= *last) {
                    break;
                }
                self.checked.rows += 1;
                each(self, key, value.value());
            }
            Ok(())
        });
        // That there is a gap was told.
        drop(backwards);
    }
}

fn name_of(path: &Path) -> String {
    super::backup::name_of(path)
}

/// What is wrong with a file, without the name that is told beside it.
fn without_name(path: &Path, fault: &Fault) -> String {
    let why = fault.to_string();
    let name = format!("{}: ", name_of(path));
    why.replace(&name, "")
}

/// The path of a file in another directory.
fn in_dir(dir: &Path, path: &Path) -> PathBuf {
    dir.join(path.file_name().unwrap_or_default())
}
