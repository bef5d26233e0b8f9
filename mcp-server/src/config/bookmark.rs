//! `<data-dir>/watch/`: how far each `doorbell watch` has read.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
};

/// A place in the log, kept in a file of its own.
#[derive(Debug)]
pub struct Bookmark {
    path: PathBuf,
}

impl Bookmark {
    /// The one in this file, which need not be there yet.
    pub fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// The place that was written last, if any was.
    pub fn read(&self) -> io::Result<Option<String>> {
        match fs::read_to_string(&self.path) {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|place| !place.is_empty())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a place. Once it returns it is durable; whoever reads finds the old one or the new.
    pub fn write(&self, place: &str) -> io::Result<()> {
        if let Some(dir) = self.path.parent() {
            fs::create_dir_all(dir)?;
        }
        // Two watchers may share a place: neither writes into the other's half.
        let half = self.path.with_extension(process::id().to_string());
        let mut file = File::create(&half)?;
        writeln!(file, "{place}")?;
        file.sync_data()?;
        fs::rename(half, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_and_nothing_else_is_left_lying() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let bookmark = Bookmark::of(&dir.path().join("watch/some"));
        assert_eq!(bookmark.read().expect("readable"), None);
        bookmark.write("17").expect("written");
        bookmark.write("18").expect("written");
        assert_eq!(bookmark.read().expect("readable").as_deref(), Some("18"));
        let left = fs::read_dir(dir.path().join("watch")).expect("there");
        assert_eq!(left.count(), 1);
    }
}
