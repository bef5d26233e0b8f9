//! A restore that is cut short at any moment, and numbers that go on behind those of before.

use std::{
    io::{self, Cursor as Bytes},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use ::redb::StorageBackend;
use doorbell_core::{
    message::Cursor,
    ports::{Log, Order, ReadRequest},
};

use super::rig::{T0, ack, arrival, everywhere, lease, mint, open, put};
use crate::store::redb::{
    Disk, Files, RedbStore, RestoreError, restore,
    restore::restore_on,
    schema::{CONTROL_FILE, log_first},
};

/// A directory where nothing waits for a disk, if the machine has one: there are many restores.
fn tempdir() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory).unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// The machine's disk, up to the moment at which the process is killed.
#[derive(Debug)]
struct Until(AtomicU64);

struct Killed;

impl Until {
    fn step(&self) {
        // Nothing runs after it that would not after a SIGKILL: it only closes files.
        let one_less = |left: u64| left.checked_sub(1);
        let (set, get) = (Ordering::Relaxed, Ordering::Relaxed);
        if self.0.fetch_update(set, get, one_less).is_err() {
            resume_unwind(Box::new(Killed));
        }
    }

    fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

impl Disk for Until {
    fn create(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>> {
        self.step();
        Files.create(path)
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>> {
        Files.open(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        Files.list(dir)
    }
    fn len(&self, path: &Path) -> io::Result<u64> {
        Files.len(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step();
        Files.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step();
        Files.remove(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.step();
        Files.sync_dir(dir)
    }
}

/// Restores until a moment. True: it was over before that.
fn restore_until(moment: u64, copy: &[u8], dir: &Path) -> bool {
    let disk = Until(AtomicU64::new(moment));
    match catch_unwind(AssertUnwindSafe(|| {
        restore_on(&disk, &mut Bytes::new(copy), dir)
    })) {
        Ok(Ok(())) => true,
        // Where redb is not believed not to panic, this is taken for its panic.
        Ok(Err(_)) if disk.is_over() => false,
        Ok(Err(error)) => panic!("{error}"),
        Err(panic) if panic.is::<Killed>() => false,
        Err(panic) => resume_unwind(panic),
    }
}

fn backup_of(store: &RedbStore) -> Vec<u8> {
    let mut copy = Vec::new();
    store
        .backup(|bytes| {
            copy.extend_from_slice(bytes);
            Ok(())
        })
        .unwrap();
    copy
}

/// A copy with messages of this body in two files.
async fn a_copy(body: &'static str) -> Vec<u8> {
    let dir = tempdir();
    let mut small = super::rig::options(&super::rig::Hands::new());
    small.segment_bytes = 64 << 10;
    let store = RedbStore::open(dir.path(), small).unwrap();
    let grant = mint(&store, "acme", "github").await;
    while store.shared.chain().len() < 2 {
        put(&store, arrival(&grant, body)).await;
        put(&store, arrival(&grant, vec![0; 20_000])).await;
        store.sweep();
    }
    put(&store, arrival(&grant, body)).await;
    backup_of(&store)
}

fn from(cursor: Option<Cursor>) -> ReadRequest {
    ReadRequest {
        scope: everywhere(),
        within: None,
        pattern: None,
        state: None,
        since: None,
        until: None,
        cursor,
        order: Order::OldestFirst,
        limit: usize::MAX,
        body_limit: usize::MAX,
        budget: usize::MAX,
        now: T0,
    }
}

async fn bodies(store: &RedbStore, cursor: Option<Cursor>) -> Vec<bytes::Bytes> {
    let page = store.read(from(cursor)).await.unwrap();
    page.messages.into_iter().map(|it| it.body).collect()
}

/// What a start finds: the last body, if there is any.
async fn at_the_next_start(dir: &Path) -> Option<bytes::Bytes> {
    let last = bodies(&open(dir), None).await.pop();
    for entry in std::fs::read_dir(dir).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(!name.starts_with("restore."), "{name} is left");
    }
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_killed_at_any_moment_goes_on_or_never_was() {
    let copy = a_copy("first").await;
    let (mut whole, mut none, mut in_between) = (0, 0, None);
    for moment in 0.. {
        let dir = tempdir();
        let over = restore_until(moment, &copy, dir.path());
        let present = Files.list(dir.path()).unwrap();
        let there = |name: &str| dir.path().join(name).exists();
        if present.iter().any(|path| log_first(path).is_some()) && !there(CONTROL_FILE) {
            in_between = Some(moment);
        }
        match at_the_next_start(dir.path()).await {
            Some(body) => {
                assert_eq!(body, "first", "moment {moment}");
                whole += 1;
            }
            None => {
                assert_eq!(whole, 0, "moment {moment}: it was there before");
                none += 1;
            }
        }
        // Whoever restores again instead of starting has it too.
        let dir = tempdir();
        restore_until(moment, &copy, dir.path());
        match restore(&mut Bytes::new(&copy), dir.path()) {
            Ok(()) => {}
            Err(RestoreError::NotEmpty(_)) => assert!(whole > 0, "moment {moment}"),
            Err(other) => panic!("moment {moment}: {other}"),
        }
        let found = at_the_next_start(dir.path()).await;
        assert_eq!(found.unwrap(), "first", "moment {moment}");
        if over {
            break;
        }
    }
    assert!(none > 3 && whole > 3, "{none} before, {whole} after");

    // Another copy takes its place, whenever that is killed.
    let other = a_copy("other").await;
    let first = in_between.expect("a moment between two renames");
    let mut replaced = 0;
    for moment in 0.. {
        let dir = tempdir();
        assert!(!restore_until(first, &copy, dir.path()));
        let over = restore_until(moment, &other, dir.path());
        let found = at_the_next_start(dir.path()).await;
        let known = found
            .as_ref()
            .is_none_or(|it| it == "first" || it == "other");
        assert!(known, "moment {moment}: {found:?}");
        replaced += usize::from(found.is_some_and(|it| it == "other"));
        if over {
            break;
        }
    }
    assert!(replaced > 3, "{replaced}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_from_before_a_restore_misses_nothing_that_comes_after_it() {
    let dir = tempdir();
    let store = open(dir.path());
    let grant = mint(&store, "acme", "github").await;
    put(&store, arrival(&grant, "in the copy")).await;
    let copy = backup_of(&store);
    for _ in 0..50 {
        put(&store, arrival(&grant, "lost")).await;
    }
    let lost = put(&store, arrival(&grant, "lost")).await;
    let cursor = store.read(from(None)).await.unwrap().cursor;
    assert_eq!(cursor, store.end());

    let place = tempdir();
    restore(&mut Bytes::new(&copy), place.path()).unwrap();
    for reopened in [false, true] {
        let restored = open(place.path());
        assert!(restored.end() >= cursor, "reopened: {reopened}");
        let new = put(&restored, arrival(&grant, "new")).await;
        assert!(new > lost, "reopened: {reopened}");
        let seen = bodies(&restored, Some(cursor)).await;
        assert_eq!(seen.len(), 1 + usize::from(reopened));
        assert!(seen.iter().all(|body| body == "new"));
        // What was in the copy is there too, and is settled in its own file's stead.
        let held = lease(&restored, "acme", 1, T0).await.messages;
        assert_eq!(ack(&restored, vec![held[0].id], T0).await, [true]);
    }
    // A copy of the copy begins still further on.
    let again = backup_of(&open(place.path()));
    let third = tempdir();
    restore(&mut Bytes::new(&again), third.path()).unwrap();
    assert!(open(third.path()).end() > open(place.path()).end());
    assert_eq!(bodies(&open(third.path()), None).await.len(), 3);
}
