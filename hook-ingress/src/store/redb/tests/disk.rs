//! A disk in memory that fails, forgets what was not synced, and tears pages.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use ::redb::StorageBackend;

use crate::store::redb::{Disk, Space};

/// What a power cut may cut a write into, in bytes.
const SECTOR: usize = 512;

/// A file: what a reader sees, what a power cut leaves, and the writes in between.
#[derive(Debug, Default)]
struct File {
    now: Vec<u8>,
    synced: Vec<u8>,
    /// Since the last sync: writes, and lengths that were set.
    unsynced: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Len(usize),
}

#[derive(Debug, Default)]
struct State {
    files: HashMap<PathBuf, Arc<Mutex<File>>>,
    /// After so many more writes and syncs every one fails, until it is repaired.
    fails_after: Option<u64>,
    /// How many bytes there may be in all.
    room: Option<usize>,
}

/// The disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Ram(Arc<Mutex<State>>);

impl Ram {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Puts a file there, as if it had always been.
    pub(super) fn fill(&self, path: &Path, bytes: Vec<u8>) {
        let file = File {
            now: bytes.clone(),
            synced: bytes,
            unsynced: Vec::new(),
        };
        let file = Arc::new(Mutex::new(file));
        self.state().files.insert(path.to_owned(), file);
    }

    /// From the `n`th write or sync on, everything fails.
    pub(super) fn fail_after(&self, n: u64) {
        self.state().fails_after = Some(n);
    }

    /// Nothing fails any more.
    pub(super) fn repair(&self) {
        let mut state = self.state();
        state.fails_after = None;
        state.room = None;
    }

    /// It is so large from now on.
    pub(super) fn size(&self, bytes: usize) {
        self.state().room = Some(bytes);
    }

    /// Others take all of it but so many bytes.
    pub(super) fn hog(&self, left: usize) {
        let room = self.state().room.unwrap();
        let used = self.used();
        self.fill(Path::new("hog"), vec![0; room - used - left]);
    }

    fn used(&self) -> usize {
        let state = self.state();
        let files = state.files.values();
        files.map(|file| file.lock().unwrap().now.len()).sum()
    }

    /// No file grows beyond what they have now, plus so many bytes.
    pub(super) fn fill_up(&self, left: usize) {
        let mut state = self.state();
        let used: usize = state
            .files
            .values()
            .map(|file| file.lock().unwrap().now.len())
            .sum();
        state.room = Some(used + left);
    }

    /// What a power cut leaves: of what was not synced any part, by sectors, as `dice` fall.
    pub(super) fn after_a_power_cut(&self, dice: &mut impl FnMut(u64) -> u64) -> Self {
        let state = self.state();
        let files = state.files.iter().map(|(path, file)| {
            let file = file.lock().unwrap();
            let mut left = file.synced.clone();
            for change in &file.unsynced {
                match change {
                    Change::Len(len) if dice(2) == 0 => left.resize(*len, 0),
                    Change::Len(_) => {}
                    Change::Write(at, bytes) => {
                        let how = dice(3);
                        for (i, sector) in bytes.chunks(SECTOR).enumerate() {
                            // All of it, none of it, or some sectors.
                            if how == 0 || (how == 1 && dice(2) == 0) {
                                let at = at + i * SECTOR;
                                left.resize(left.len().max(at + sector.len()), 0);
                                left[at..at + sector.len()].copy_from_slice(sector);
                            }
                        }
                    }
                }
            }
            let file = File {
                now: left.clone(),
                synced: left,
                unsynced: Vec::new(),
            };
            (path.clone(), Arc::new(Mutex::new(file)))
        });
        let files = files.collect();
        Self(Arc::new(Mutex::new(State {
            files,
            ..State::default()
        })))
    }

    fn step(&self) -> io::Result<()> {
        match &mut self.state().fails_after {
            Some(0) => Err(io::Error::other("the disk is ill")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn grow(&self, by: usize) -> io::Result<()> {
        let state = self.state();
        let Some(room) = state.room else {
            return Ok(());
        };
        let used: usize = state
            .files
            .values()
            .map(|file| file.lock().unwrap().now.len())
            .sum();
        if used + by > room {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        }
    }
}

impl Disk for Ram {
    fn create(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>> {
        self.step()?;
        let file = Arc::<Mutex<File>>::default();
        let there = self.state().files.insert(path.to_owned(), file.clone());
        assert!(there.is_none(), "{} is there", path.display());
        Ok(Box::new(Handle {
            disk: self.clone(),
            file,
        }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>> {
        self.step()?;
        let file = self.state().files.get(path).cloned();
        let file = file.ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Handle {
            disk: self.clone(),
            file,
        }))
    }

    fn list(&self, _: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(self.state().files.keys().cloned().collect())
    }

    fn len(&self, path: &Path) -> io::Result<u64> {
        let file = self
            .state()
            .files
            .get(path)
            .cloned()
            .ok_or(io::ErrorKind::NotFound)?;
        let len = file.lock().unwrap().now.len();
        Ok(len as u64)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        let mut state = self.state();
        let file = state.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        self.state().files.remove(path);
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        self.step()
    }

    fn space(&self, _: &Path) -> io::Result<Option<Space>> {
        let Some(total) = self.state().room else {
            return Ok(None);
        };
        let (total, used) = (total as u64, self.used() as u64);
        let available = total.saturating_sub(used);
        Ok(Some(Space { total, available }))
    }

    fn reserve(&self, path: &Path, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).unwrap();
        self.grow(len)?;
        self.fill(path, vec![0; len]);
        Ok(())
    }
}

#[derive(Debug)]
struct Handle {
    disk: Ram,
    file: Arc<Mutex<File>>,
}

impl StorageBackend for Handle {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.lock().unwrap().now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let file = self.file.lock().unwrap();
        let at = usize::try_from(offset).unwrap();
        let from = file
            .now
            .get(at..at + out.len())
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(from);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.step()?;
        let len = usize::try_from(len).unwrap();
        let had = self.file.lock().unwrap().now.len();
        self.disk.grow(len.saturating_sub(had))?;
        let mut file = self.file.lock().unwrap();
        file.now.resize(len, 0);
        file.unsynced.push(Change::Len(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.step()?;
        let mut file = self.file.lock().unwrap();
        for change in std::mem::take(&mut file.unsynced) {
            match change {
                Change::Len(len) => file.synced.resize(len, 0),
                Change::Write(at, bytes) => {
                    let len = file.synced.len().max(at + bytes.len());
                    file.synced.resize(len, 0);
                    file.synced[at..at + bytes.len()].copy_from_slice(&bytes);
                }
            }
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk.step()?;
        let at = usize::try_from(offset).unwrap();
        let mut file = self.file.lock().unwrap();
        if file.now.len() < at + data.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        file.now[at..at + data.len()].copy_from_slice(data);
        file.unsynced.push(Change::Write(at, data.to_vec()));
        Ok(())
    }
}
