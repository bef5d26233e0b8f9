//! The log of a server in the background: a file that does not grow for ever.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// How large the file becomes, in bytes.
const MOST: u64 = 10 * 1024 * 1024;
/// How many older ones are kept beside it: `server.log.1`, and the one before that.
const KEPT: u32 = 2;

/// A file that lines are appended to, and that is put aside when it is full. Standard output and
/// standard error go where it goes, so that what was never a line of the log (a panic) is there too.
pub(super) struct LogFile {
    path: PathBuf,
    most: u64,
    file: File,
}

impl LogFile {
    /// Goes on with the file of this name.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::open_with(path, MOST)
    }

    fn open_with(path: &Path, most: u64) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            most,
            file: append_private(path)?,
        })
    }

    /// Standard output and standard error end here from now on.
    pub(super) fn take_over(&self) -> io::Result<()> {
        #[cfg(unix)]
        {
            rustix::stdio::dup2_stdout(&self.file)?;
            rustix::stdio::dup2_stderr(&self.file)?;
        }
        Ok(())
    }

    /// Whether so many bytes more are too many for this file.
    fn is_full(&self, more: usize) -> io::Result<bool> {
        let have = self.file.metadata()?.len();
        Ok(have > 0 && have + more as u64 > self.most)
    }

    fn put_aside(&mut self) -> io::Result<()> {
        for number in (1..KEPT).rev() {
            let older = older_name(&self.path, number);
            if older.exists() {
                fs::rename(older, older_name(&self.path, number + 1))?;
            }
        }
        fs::rename(&self.path, older_name(&self.path, 1))?;
        self.file = append_private(&self.path)?;
        Ok(())
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_full(bytes.len())? {
            match self.put_aside() {
                Ok(()) => self.take_over()?,
                // The disk must not be filled because a name cannot be changed.
                Err(_) => self.file.set_len(0)?,
            }
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The name of an older file: 1 is the last that was put aside.
fn older_name(path: &Path, number: u32) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    name.into()
}

/// For its owner's eyes alone.
fn append_private(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_is_put_aside_and_the_oldest_goes() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("server.log");
        let mut log = LogFile::open_with(&path, 10).expect("opened");
        for line in ["one\n", "two\n", "three\n", "four\n", "five\n", "six\n"] {
            // As `write` does, but for what it does to the test's own output.
            if log.is_full(line.len()).expect("measured") {
                log.put_aside().expect("put aside");
            }
            log.file.write_all(line.as_bytes()).expect("written");
        }
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).expect("there");
        assert_eq!(read("server.log"), "six\n");
        assert_eq!(read("server.log.1"), "four\nfive\n");
        assert_eq!(read("server.log.2"), "three\n");
        assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 3);
    }
}
