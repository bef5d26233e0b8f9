//! The directory that the files are in, as far as a test must be able to stand in its way.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io,
    ops::Bound,
    path::{Path, PathBuf},
};

use super::schema::DRAFT_SUFFIX;
use ::redb::{BackendError, StorageBackend, backends::FileBackend};

use super::fault::is_of_open_files;

/// Opens, renames and removes files. A test's may fail, tear and forget.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Makes a file, which must not be there yet, and opens it.
    fn create(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>>;
    /// Opens a file that is there.
    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>>;
    /// The files of a directory.
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>>;
    /// How long a file is, in bytes.
    fn len(&self, path: &Path) -> io::Result<u64>;
    /// Renames a file.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file, a little at a time so that nobody's fsync waits for it.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes what was renamed, made and removed durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// How much room there is where a directory is, if that can be told.
    fn space(&self, _dir: &Path) -> io::Result<Option<Space>> {
        Ok(None)
    }
    /// Makes a file that takes so many bytes of the disk and holds nothing.
    fn reserve(&self, _path: &Path, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A file system's room, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// All of it.
    pub total: u64,
    /// What is free to us.
    pub available: u64,
}

/// The machine's files.
#[derive(Debug)]
pub struct Files;

/// How much of a file is given back at a time: one unlink of 64 MiB stalls every fsync for a
/// tenth of a second.
const STEP: u64 = 1 << 20;

/// Opens a file for reading and writing, making it if it is not there.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    private().create(true).truncate(false).open(path)
}

/// What is made is made so that nobody but its owner reads it: the store holds what people were
/// sent, and the keys that sign channel tokens.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Says which file could not be opened.
fn named(path: &Path, opened: io::Result<File>) -> io::Result<File> {
    opened.map_err(|error| {
        if is_of_open_files(&error) {
            // It is nothing of this file's.
            return error;
        }
        io::Error::new(error.kind(), format!("{}: {error}", path.display()))
    })
}

impl Disk for Files {
    fn create(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>> {
        backend(named(path, private().create_new(true).open(path))?)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>> {
        backend(named(path, private().open(path))?)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect()
    }

    fn len(&self, path: &Path) -> io::Result<u64> {
        Ok(fs::metadata(path)?.len())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        let mut len = file.metadata()?.len();
        while len > STEP {
            len -= STEP;
            file.set_len(len)?;
            std::thread::yield_now();
        }
        drop(file);
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    #[cfg(unix)]
    fn space(&self, dir: &Path) -> io::Result<Option<Space>> {
        let room = rustix::fs::statvfs(dir)?;
        Ok(Some(Space {
            total: room.f_blocks.saturating_mul(room.f_frsize),
            available: room.f_bavail.saturating_mul(room.f_frsize),
        }))
    }

    fn reserve(&self, path: &Path, len: u64) -> io::Result<()> {
        // Under a name that a start clears away, until all of it is there.
        let mut draft = path.to_owned().into_os_string();
        draft.push(DRAFT_SUFFIX);
        let draft = PathBuf::from(draft);
        let file = open_private(&draft)?;
        let made = take_room(&file, len).and_then(|()| fs::rename(&draft, path));
        if made.is_err() {
            // What it took is needed.
            let _ = fs::remove_file(&draft);
        }
        made
    }
}

/// Has a file take so much of the disk.
fn take_room(file: &File, len: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, len) {
        Err(rustix::io::Errno::OPNOTSUPP) => {}
        taken => return Ok(taken?),
    }
    let zeros = io::Read::take(io::repeat(0), len);
    io::copy(&mut { zeros }, &mut { file })?;
    file.sync_all()
}

fn backend(file: File) -> io::Result<Box<dyn StorageBackend>> {
    Ok(Box::new(FileBackend::new(file).map_err(io::Error::other)?))
}

/// What a [`Disk`] opened, as redb wants it.
#[derive(Debug)]
pub(super) struct Opened(pub(super) Box<dyn StorageBackend>);

impl StorageBackend for Opened {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.0.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.query_lock_range(start, end)
    }
}
