//! A copy whose reader hangs holds nothing up, and what waits for its end is not what a store has
//! open after a fault.

use std::{path::Path, sync::Arc, sync::mpsc, thread, time::Duration};

use doorbell_core::{
    grant::Grant,
    ports::{Health, Log, Order, Put, ReadRequest},
    time::Clock,
};

use super::{
    disk::Ram,
    rig::{Hands, ack, arrival, everywhere, lease, mint, options, put},
};
use crate::store::redb::{BackupError, RedbStore, schema::log_first};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn open(dir: &Path, disk: &Ram, clock: &Arc<Hands>) -> Arc<RedbStore> {
    let mut options = options(clock);
    options.disk = Arc::new(disk.clone());
    options.segment_bytes = 64 << 10;
    options.retain = DAY;
    // Swept when the test says so.
    options.sweep_every = Duration::from_secs(3600);
    Arc::new(RedbStore::open(dir, options).unwrap())
}

/// A copy whose reader hangs once it has begun, until it is told to go on.
struct Hung {
    go_on: mpsc::Sender<()>,
    copying: thread::JoinHandle<Result<Vec<u8>, BackupError>>,
}

impl Hung {
    fn begin(store: &Arc<RedbStore>) -> Self {
        let (go_on, told) = mpsc::channel::<()>();
        let (begun, has_begun) = mpsc::channel();
        let store = store.clone();
        let copying = thread::spawn(move || {
            let mut copy = Vec::new();
            store
                .backup(|bytes| {
                    copy.extend_from_slice(bytes);
                    // Behind the control file, in the midst of the log.
                    if copy.len() > 40_000 {
                        let _ = begun.send(());
                        let _ = told.recv();
                    }
                    Ok(())
                })
                .map(|()| copy)
        });
        has_begun.recv().unwrap();
        Self { go_on, copying }
    }

    fn end(self) -> Result<Vec<u8>, BackupError> {
        drop(self.go_on);
        self.copying.join().unwrap()
    }
}

/// Puts until the log has so many files.
async fn fill(store: &RedbStore, grant: &Arc<Grant>, files: usize) {
    while store.shared.chain().len() < files {
        put(store, arrival(grant, vec![7; 20_000])).await;
        store.sweep();
    }
}

/// Puts until it is taken, as after a fault.
async fn put_again(store: &RedbStore, grant: &Arc<Grant>) {
    loop {
        match store.put(arrival(grant, "again")).await {
            Ok(Put::Stored(_)) => return,
            Ok(other) => panic!("{other:?}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn count(store: &RedbStore, clock: &Hands) -> usize {
    let request = ReadRequest {
        scope: everywhere(),
        within: None,
        pattern: None,
        state: None,
        since: None,
        until: None,
        cursor: None,
        order: Order::OldestFirst,
        limit: usize::MAX,
        body_limit: usize::MAX,
        budget: usize::MAX,
        now: clock.now(),
    };
    store.read(request).await.unwrap().messages.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_fault_the_store_comes_back_though_a_reader_of_a_copy_hangs() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, clock) = (Ram::default(), Hands::new());
    let store = open(dir.path(), &disk, &clock);
    let grant = mint(&store, "acme", "github").await;
    fill(&store, &grant, 4).await;
    let hung = Hung::begin(&store);
    disk.fail_after(0);
    assert!(store.put(arrival(&grant, "lost")).await.is_err());
    disk.repair();
    put_again(&store, &grant).await;
    store.ready().unwrap();
    // It never looks whole.
    assert!(matches!(hung.end(), Err(BackupError::Store(_))));
    let whole = Hung::begin(&store).end().unwrap();
    assert!(whole.len() > 60_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_not_copied_are_sealed_and_go_while_a_reader_hangs() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, clock) = (Ram::default(), Hands::new());
    let store = open(dir.path(), &disk, &clock);
    let grant = mint(&store, "acme", "github").await;
    fill(&store, &grant, 3).await;
    let hung = Hung::begin(&store);
    let copied = store.shared.chain().last().unwrap().first;
    fill(&store, &grant, 6).await;
    loop {
        let leased = lease(&store, "acme", 100, clock.now()).await.messages;
        if leased.is_empty() {
            break;
        }
        let ids = leased.iter().map(|message| message.id).collect();
        ack(&store, ids, clock.now()).await;
    }
    clock.forward(2 * DAY);
    store.sweep();
    let there = || -> Vec<u64> {
        let mut there: Vec<u64> = disk_files(&disk).into_iter().collect();
        there.sort_unstable();
        there
    };
    let newest = store.shared.chain().last().unwrap().first;
    let behind = |first: &u64| *first > copied && *first < newest;
    assert!(!there().iter().any(behind), "{:?}", there());
    assert!(there().contains(&copied));
    assert!(hung.end().is_ok());
    store.sweep();
    assert!(
        there().iter().all(|first| *first >= newest),
        "{:?}",
        there()
    );
}

fn disk_files(disk: &Ram) -> Vec<u64> {
    let paths = crate::store::redb::Disk::list(disk, Path::new("")).unwrap();
    paths.iter().filter_map(|path| log_first(path)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_to_go_stays_under_a_store_that_opened_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, clock) = (Ram::default(), Hands::new());
    let store = open(dir.path(), &disk, &clock);
    let grant = mint(&store, "acme", "github").await;
    fill(&store, &grant, 3).await;
    let leased = lease(&store, "acme", 100, clock.now()).await.messages;
    let ids = leased.iter().map(|message| message.id).collect();
    ack(&store, ids, clock.now()).await;
    clock.forward(2 * DAY);
    let hung = Hung::begin(&store);
    // They are let go of, and wait for the copy's end on the disk.
    store.sweep();
    assert_eq!(store.shared.chain().len(), 1);
    disk.fail_after(0);
    assert!(store.put(arrival(&grant, "lost")).await.is_err());
    disk.repair();
    put_again(&store, &grant).await;
    assert!(store.shared.chain().len() > 1, "they are open again");
    assert!(matches!(hung.end(), Err(BackupError::Store(_))));
    // What is put away first is not what is open; then they go for good.
    store.sweep();
    assert_eq!(count(&store, &clock).await, 1);
    store.sweep();
    put_again(&store, &grant).await;
    drop(store);
    let store = open(dir.path(), &disk, &clock);
    assert_eq!(count(&store, &clock).await, 2);
    assert!(disk_files(&disk).len() <= 2, "{:?}", disk_files(&disk));
}
