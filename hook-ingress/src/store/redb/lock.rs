//! One process opens the store; the next is told who has it.

use std::{
    fs::{self, File, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
};

use super::{OpenError, disk::open_private, schema::LOCK_FILE};

/// Held while the store is open.
pub(super) struct Lock {
    // The lock ends with the file's handle.
    _file: File,
}

impl Lock {
    /// Takes the lock and writes down who has it.
    pub(super) fn take(dir: &Path) -> Result<Self, OpenError> {
        let disk = |error: std::io::Error| OpenError::Disk(error.to_string());
        fs::create_dir_all(dir).map_err(disk)?;
        let mut file = open_private(&dir.join(LOCK_FILE)).map_err(disk)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let read = file.read_to_string(&mut text);
                let pid = read.ok().and_then(|_| text.trim().parse().ok());
                return Err(OpenError::Taken {
                    dir: dir.to_owned(),
                    pid,
                });
            }
            Err(TryLockError::Error(error)) => return Err(disk(error)),
        }
        file.set_len(0).map_err(disk)?;
        file.seek(SeekFrom::Start(0)).map_err(disk)?;
        writeln!(file, "{}", std::process::id()).map_err(disk)?;
        Ok(Self { _file: file })
    }
}
