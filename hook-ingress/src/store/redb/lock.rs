//! One process opens the store; the next is told who has it.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    thread::sleep,
    time::Duration,
};

use super::{OpenError, disk::open_private, schema::LOCK_FILE};

/// How often a lock that is taken is tried again, and after which pause.
const LOOKS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(10);

/// Held while the store is open.
pub(super) struct Lock {
    // The lock ends with the file's handle.
    _file: File,
}

impl Lock {
    /// Takes the lock and writes down who has it.
    pub(super) fn take(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join(LOCK_FILE);
        let disk = |error: io::Error| OpenError::io(&path, &error);
        fs::create_dir_all(dir).map_err(|error| OpenError::io(dir, &error))?;
        let mut file = open_private(&path).map_err(disk)?;
        let mut looks = 0;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                // Whoever only looks has it for some microseconds.
                Err(TryLockError::WouldBlock) if looks < LOOKS => {
                    looks += 1;
                    sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(OpenError::Taken {
                        dir: dir.to_owned(),
                        pid: written(&mut file),
                    });
                }
                Err(TryLockError::Error(error)) => return Err(disk(error)),
            }
        }
        file.set_len(0).map_err(disk)?;
        file.seek(SeekFrom::Start(0)).map_err(disk)?;
        writeln!(file, "{}", std::process::id()).map_err(disk)?;
        Ok(Self { _file: file })
    }
}

/// Who has a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// No process.
    Nobody,
    /// This one.
    Process(u32),
    /// One that cannot be told from here: it writes itself down just now, or its number means another
    /// process here (a container's).
    Unknown,
}

/// Says which process has the store in `dir`, without taking it.
pub fn holder(dir: &Path) -> io::Result<Holder> {
    let mut file = match File::open(dir.join(LOCK_FILE)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Holder::Nobody),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(Holder::Nobody),
        Err(TryLockError::WouldBlock) => Ok(match written(&mut file) {
            Some(pid) if has_open(pid, &file) => Holder::Process(pid),
            _ => Holder::Unknown,
        }),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The process that wrote itself down.
fn written(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Whether a process has this very file open, as far as that can be seen: its number alone may be
/// another's by now, or mean another in another container.
#[cfg(target_os = "linux")]
fn has_open(pid: u32, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let Ok(own) = file.metadata() else {
        return false;
    };
    match fs::read_dir(format!("/proc/{pid}/fd")) {
        Ok(entries) => entries
            .filter_map(|entry| fs::metadata(entry.ok()?.path()).ok())
            .any(|open| (open.dev(), open.ino()) == (own.dev(), own.ino())),
        // Another user's, which may not be looked into; or there is none.
        Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
    }
}

#[cfg(not(target_os = "linux"))]
fn has_open(_: u32, _: &File) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_a_store_is_told_and_looking_takes_nothing() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let look = || holder(dir.path()).expect("readable");
        assert_eq!(look(), Holder::Nobody);
        let lock = Lock::take(dir.path()).expect("free");
        assert_eq!(look(), Holder::Process(std::process::id()));
        drop(lock);
        assert_eq!(look(), Holder::Nobody);
        Lock::take(dir.path()).expect("free");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_number_that_means_another_process_here_is_nobodys() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let lock = Lock::take(dir.path()).expect("free");
        fs::write(dir.path().join(LOCK_FILE), "4194305\n").expect("written");
        assert_eq!(holder(dir.path()).expect("readable"), Holder::Unknown);
        drop(lock);
    }
}
