//! One file of the chain, and reading from it.
//!
//! The newest is open for writing. A sealed one was closed cleanly and is never written again: it
//! is opened read-only, when someone wants it, and closed when nobody has for a while.

use std::{
    ops::Deref,
    path::{Path, PathBuf},
    sync::{
        Arc, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use ::redb::{
    AccessGuard, Builder, Database, ReadOnlyDatabase, ReadOnlyTable, ReadTransaction,
    ReadableDatabase, ReadableTableMetadata, TableError, WriteTransaction,
};

use super::{
    disk::{Disk, Opened},
    entry::{self, Entry},
    fault::{Fault, guarded},
    open_files,
    schema::{
        BODIES, CARRIED, DRAFT_SUFFIX, FORMAT, HEADS, LOG_TABLES, META, META_FIRST, META_FORMAT,
        OLDEST_FORMAT,
    },
};

/// How the rows of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// As the first released version wrote them: nothing has a checksum.
    V1,
    /// As they are written now.
    V2,
}

impl Layout {
    fn of(format: u64) -> Self {
        if format == OLDEST_FORMAT {
            Self::V1
        } else {
            Self::V2
        }
    }
}

/// A file as it stood at one moment.
pub(super) struct View {
    txn: ReadTransaction,
    pub(super) layout: Layout,
}

impl Deref for View {
    type Target = ReadTransaction;

    fn deref(&self) -> &ReadTransaction {
        &self.txn
    }
}

impl View {
    /// Of a file whose layout is known.
    pub(super) fn of(txn: ReadTransaction, layout: Layout) -> Self {
        Self { txn, layout }
    }

    /// Of a file that is written to: those are of the newest format.
    pub(super) fn newest(db: &Database) -> Result<Self, Fault> {
        Ok(Self {
            txn: db.begin_read()?,
            layout: Layout::V2,
        })
    }
}

/// A view of a file that nobody else waits for.
pub(super) struct OwnHandle {
    view: View,
    /// Its view ends with it.
    _db: Option<ReadOnlyDatabase>,
}

impl Deref for OwnHandle {
    type Target = ReadTransaction;

    fn deref(&self) -> &ReadTransaction {
        &self.view
    }
}

/// The cache of the file that arrivals are written to, in bytes.
const NEWEST_CACHE: usize = 16 << 20;
/// The cache of a sealed file.
const SEALED_CACHE: usize = 1 << 20;

/// How a file stands open.
pub(super) enum Handle {
    /// Nobody has wanted it for a while.
    Closed,
    /// Arrivals are written to it.
    Newest(Arc<Database>),
    /// It is read.
    Sealed(ReadOnlyDatabase, Layout),
    /// It is on its way out, or the whole store is being opened anew.
    Retired,
}

/// A file of the chain.
pub(super) struct Segment {
    /// The first sequence number that may stand in it.
    pub(super) first: u64,
    pub(super) path: PathBuf,
    pub(super) handle: Arc<RwLock<Handle>>,
    /// The last sequence number that stands in it; 0 if none does.
    pub(super) last: AtomicU64,
    /// When something last happened to one of its messages, in milliseconds.
    pub(super) touched_at: AtomicU64,
    /// How many bytes its records have, and how long the file is once it is sealed.
    pub(super) bytes: AtomicU64,
    disk: Arc<dyn Disk>,
}

impl Segment {
    pub(super) fn new(first: u64, path: PathBuf, handle: Handle, disk: Arc<dyn Disk>) -> Self {
        Self {
            first,
            path,
            handle: Arc::new(RwLock::new(handle)),
            last: AtomicU64::new(0),
            touched_at: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            disk,
        }
    }

    /// Something happened to one of its messages.
    pub(super) fn touch(&self, millis: u64) {
        self.touched_at.fetch_max(millis, Ordering::Relaxed);
    }

    /// Reads from it. The file stays open until `read` returns.
    pub(super) fn read<T>(&self, read: impl FnOnce(&View) -> Result<T, Fault>) -> Result<T, Fault> {
        loop {
            let handle = self.handle.read().expect("nothing panics under this lock");
            match &*handle {
                Handle::Newest(db) => {
                    return guarded(&self.path, || read(&View::newest(db)?));
                }
                Handle::Sealed(db, layout) => {
                    return guarded(&self.path, || {
                        read(&View {
                            txn: db.begin_read()?,
                            layout: *layout,
                        })
                    });
                }
                Handle::Retired => return Err(Fault::Disk("the file is being put away".into())),
                Handle::Closed => {}
            }
            drop(handle);
            let mut handle = self.handle.write().expect("nothing panics under this lock");
            if matches!(*handle, Handle::Closed) {
                let (db, layout) = open_sealed(&*self.disk, &self.path)?;
                *handle = Handle::Sealed(db, layout);
                open_files::note(&self.handle);
            }
        }
    }

    /// Opens it once more, for whoever may read for long: nobody waits for such a handle. One that is
    /// not sealed yet is read through the writer's, which must not be sealed meanwhile.
    pub(super) fn own_handle(&self) -> Result<OwnHandle, Fault> {
        loop {
            let handle = self.handle.read().expect("nothing panics under this lock");
            match &*handle {
                Handle::Newest(db) => {
                    let view = View::newest(db)?;
                    return Ok(OwnHandle { view, _db: None });
                }
                Handle::Sealed(..) => {
                    drop(handle);
                    let (db, layout) = open_sealed(&*self.disk, &self.path)?;
                    let txn = db.begin_read()?;
                    return Ok(OwnHandle {
                        view: View { txn, layout },
                        _db: Some(db),
                    });
                }
                Handle::Retired => return Err(Fault::Disk("the file is being put away".into())),
                Handle::Closed => {}
            }
            drop(handle);
            // Where it was not closed well it is repaired, which wants it alone.
            self.read(|_| Ok(()))?;
        }
    }

    /// Closes a sealed file that nobody reads at the moment.
    pub(super) fn close_if_idle(&self) {
        if let Ok(mut handle) = self.handle.try_write()
            && matches!(*handle, Handle::Sealed(..))
        {
            *handle = Handle::Closed;
        }
    }

    /// Takes the file's handle away for good; who reads from it is waited for.
    pub(super) fn retire(&self) -> Handle {
        let mut handle = self.handle.write().expect("nothing panics under this lock");
        std::mem::replace(&mut *handle, Handle::Retired)
    }
}

fn builder(cache: usize) -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(cache);
    builder
}

/// Opens a log file for writing, repairing it if it was not closed; makes it if it is not there.
/// One of format 1 is opened too: see [`super::upgrade`].
pub(super) fn open_newest(disk: &dyn Disk, path: &Path) -> Result<(Database, Layout), Fault> {
    let db = open_or_make(disk, path, NEWEST_CACHE, |txn| {
        for table in LOG_TABLES {
            txn.open_table(table)?;
        }
        txn.open_table(META)?
            .insert(META_FORMAT, &FORMAT.to_le_bytes()[..])?;
        Ok(())
    })?;
    let found = guarded(path, || meta(&db.begin_read()?, META_FORMAT))?;
    let layout = check_format(path, found)?;
    Ok((db, layout))
}

/// Opens a file for writing. One that is not there is made under another name first: a crash
/// leaves a whole file or none.
pub(super) fn open_or_make(
    disk: &dyn Disk,
    path: &Path,
    cache: usize,
    fill: impl FnOnce(&WriteTransaction) -> Result<(), Fault>,
) -> Result<Database, Fault> {
    let dir = path.parent().expect("a store's file is in its directory");
    let present = disk.list(dir)?;
    if present.iter().any(|there| there == path) {
        return open_writable(disk, path, cache);
    }
    let mut draft = path.to_owned().into_os_string();
    draft.push(DRAFT_SUFFIX);
    let draft = PathBuf::from(draft);
    if present.contains(&draft) {
        disk.remove(&draft)?;
    }
    let db = create(disk, &draft, cache)?;
    let mut txn = db.begin_write()?;
    txn.set_quick_repair(true);
    fill(&txn)?;
    txn.commit()?;
    disk.rename(&draft, path)?;
    disk.sync_dir(dir)?;
    Ok(db)
}

/// Opens a file that is there for writing, with a cache of so many bytes.
fn open_writable(disk: &dyn Disk, path: &Path, cache: usize) -> Result<Database, Fault> {
    guarded(path, || {
        let file = Opened(disk.open(path)?);
        if file.0.len()? == 0 {
            // redb would take it for a new one.
            return Err(Fault::Damaged("it is empty".into()));
        }
        Ok(builder(cache).create_with_backend(file)?)
    })
}

/// Makes a file.
pub(super) fn create(disk: &dyn Disk, path: &Path, cache: usize) -> Result<Database, Fault> {
    guarded(path, || {
        let file = Opened(disk.create(path)?);
        Ok(builder(cache).create_with_backend(file)?)
    })
}

/// Opens a sealed file. One that was being sealed when the process died is repaired first.
fn open_sealed(disk: &dyn Disk, path: &Path) -> Result<(ReadOnlyDatabase, Layout), Fault> {
    let open = || {
        guarded(path, || {
            let backend = Opened(disk.open(path)?);
            match builder(SEALED_CACHE).open_read_only_with_backend(backend) {
                Ok(db) => Ok(Some(db)),
                Err(::redb::DatabaseError::RepairAborted) => Ok(None),
                Err(error) => Err(Fault::from(error)),
            }
        })
    };
    let db = match open()? {
        Some(db) => db,
        None => {
            open_writable(disk, path, SEALED_CACHE)?.close()?;
            let repaired = open()?;
            repaired
                .ok_or_else(|| Fault::Damaged("it needs repair after a repair".into()).of(path))?
        }
    };
    let found = guarded(path, || meta(&db.begin_read()?, META_FORMAT))?;
    let layout = check_format(path, found)?;
    Ok((db, layout))
}

/// Refuses a file of a newer format, naming both versions.
pub(super) fn check_format(path: &Path, found: Option<u64>) -> Result<Layout, Fault> {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    match found {
        Some(found @ OLDEST_FORMAT..=FORMAT) => Ok(Layout::of(found)),
        Some(found) if found > FORMAT => Err(Fault::Newer {
            file: (*file).into(),
            found,
            known: FORMAT,
        }),
        _ => Err(Fault::Damaged("it carries no format version".into()).of(path)),
    }
}

/// A number out of the meta table.
pub(super) fn meta(txn: &ReadTransaction, key: u64) -> Result<Option<u64>, Fault> {
    let table = match txn.open_table(META) {
        Ok(table) => table,
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let value = table.get(key)?;
    Ok(value
        .and_then(|value| value.value().try_into().ok())
        .map(u64::from_le_bytes))
}

/// The first sequence number that a log file says may stand in it, once it was written to.
pub(super) fn first_of(txn: &ReadTransaction) -> Result<Option<u64>, Fault> {
    meta(txn, META_FIRST)
}

/// The entry of a message that arrived in this file or was carried to it.
pub(super) fn entry(txn: &View, seq: u64) -> Result<Option<Entry>, Fault> {
    Records::open(txn)?.entry(seq)
}

/// So many bytes of the file's stream of records, from there on.
pub(super) fn bytes(txn: &View, at: u64, len: usize) -> Result<Vec<u8>, Fault> {
    Records::open(txn)?.bytes(at, len)
}

type Rows = ReadOnlyTable<u64, &'static [u8]>;
/// A row and the number it begins with.
type Row = (u64, AccessGuard<'static, &'static [u8]>);

/// The records of one file, to be read one after another: the rows that the last one was in are
/// kept at hand, since the next one is most often in the same.
pub(super) struct Records {
    layout: Layout,
    carried: Option<Rows>,
    heads: Rows,
    bodies: Rows,
    head: Option<Row>,
    body: Option<Row>,
    /// What was read to be looked at and not to be kept.
    passing: Vec<u8>,
}

impl Records {
    pub(super) fn open(txn: &View) -> Result<Self, Fault> {
        let carried = txn.open_table(CARRIED)?;
        Ok(Self {
            layout: txn.layout,
            carried: if carried.is_empty()? {
                None
            } else {
                Some(carried)
            },
            heads: txn.open_table(HEADS)?,
            bodies: txn.open_table(BODIES)?,
            head: None,
            body: None,
            passing: Vec::new(),
        })
    }

    /// The entry of a message that arrived in this file or was carried to it.
    pub(super) fn entry(&mut self, seq: u64) -> Result<Option<Entry>, Fault> {
        if let Some(carried) = &self.carried
            && let Some(row) = carried.get(seq)?
        {
            return Ok(Some(entry::at(self.layout, seq, row.value())?));
        }
        let entry_len = self.layout.entry_len();
        let within = |(first, row): &Row| {
            let entries = (row.value().len() / entry_len) as u64;
            (*first..first.saturating_add(entries)).contains(&seq)
        };
        if !self.head.as_ref().is_some_and(within) {
            self.head = last_up_to(&self.heads, seq)?;
        }
        let Some((first, row)) = self.head.as_ref().filter(|row| within(row)) else {
            return Ok(None);
        };
        let at = usize::try_from(seq - first)
            .unwrap_or(usize::MAX)
            .saturating_mul(entry_len);
        match row.value().get(at..at.saturating_add(entry_len)) {
            Some(bytes) => Ok(Some(entry::at(self.layout, seq, bytes)?)),
            None => Ok(None),
        }
    }

    /// So many bytes of the file's stream of records, from there on.
    pub(super) fn bytes(&mut self, at: u64, len: usize) -> Result<Vec<u8>, Fault> {
        let mut out = Vec::with_capacity(len);
        self.read(at, len, &mut out)?;
        Ok(out)
    }

    /// The same, until the next are read.
    pub(super) fn passing(&mut self, at: u64, len: usize) -> Result<&[u8], Fault> {
        let mut out = std::mem::take(&mut self.passing);
        out.clear();
        self.read(at, len, &mut out)?;
        self.passing = out;
        Ok(&self.passing)
    }

    fn read(&mut self, at: u64, len: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        while out.len() < len {
            let at = at
                .checked_add(out.len() as u64)
                .ok_or_else(|| Fault::Damaged("a record is beyond every file's end".into()))?;
            let skip = |(start, row): &Row| {
                let skip = usize::try_from(at.checked_sub(*start)?).ok()?;
                (skip < row.value().len()).then_some(skip)
            };
            if self.body.as_ref().and_then(skip).is_none() {
                self.body = last_up_to(&self.bodies, at)?;
            }
            let Some((skip, (_, row))) = self.body.as_ref().and_then(|row| Some((skip(row)?, row)))
            else {
                return Err(Fault::Damaged("a record is cut short".into()));
            };
            let row = &row.value()[skip..];
            out.extend_from_slice(&row[..row.len().min(len - out.len())]);
        }
        Ok(())
    }
}

/// The last row whose number is at most this.
fn last_up_to(rows: &Rows, number: u64) -> Result<Option<Row>, Fault> {
    let row = rows.range(..=number)?.next_back().transpose()?;
    Ok(row.map(|(first, row)| (first.value(), row)))
}
