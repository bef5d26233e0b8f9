//! A disk that others fill, and one URL that would fill it alone.

use std::{path::Path, sync::Arc, time::Duration};

use doorbell_core::{
    grant::Grant,
    ports::{GrantStore, Health, Log, Put},
    time::Clock,
};

use super::{
    disk::Ram,
    rig::{Hands, T0, ack, arrival, lease, mint, options, put},
};
use crate::store::redb::{Disk, Options, RedbStore};

const MIB: usize = 1 << 20;

fn with(clock: &Arc<Hands>, disk: &Ram) -> Options {
    let mut options = options(clock);
    options.disk = Arc::new(disk.clone());
    options.sweep_every = Duration::from_secs(3600);
    options
}

fn reserve(dir: &Path, disk: &Ram) -> Option<u64> {
    disk.len(&dir.join("reserve")).ok()
}

/// Puts until it is refused; how many were not.
async fn fill(store: &RedbStore, grant: &Arc<Grant>, bytes: usize) -> usize {
    for n in 0.. {
        match store.put(arrival(grant, vec![1; bytes])).await.unwrap() {
            Put::Stored(_) => {}
            Put::Full => return n,
            other => panic!("{other:?}"),
        }
    }
    unreachable!("a disk has an end")
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_arrivals_alone_are_refused_until_there_is_room() {
    for limited in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let (disk, clock) = (Ram::default(), Hands::new());
        disk.size(64 * MIB);
        let mut options = with(&clock, &disk);
        options.max_disk = limited.then_some(60 << 20);
        let store = RedbStore::open(dir.path(), options).unwrap();
        let grant = mint(&store, "acme", "github").await;
        store.sweep();
        assert_eq!(reserve(dir.path(), &disk), Some(4 << 20));
        for _ in 0..200 {
            put(&store, arrival(&grant, vec![1; 1_000])).await;
        }
        assert_eq!(store.no_room(), None);

        disk.hog(10_000);
        assert_eq!(store.put(arrival(&grant, "x")).await, Ok(Put::Full));
        let why = store.no_room().unwrap();
        assert!(
            why.contains("disk is full") && why.contains("make room"),
            "{why}"
        );
        // Reading, receiving, settling, minting and revoking go on.
        for _ in 0..200 {
            let held = lease(&store, "acme", 1, clock.now()).await.messages;
            assert_eq!(held[0].body.len(), 1_000);
            assert_eq!(ack(&store, vec![held[0].id], clock.now()).await, [true]);
        }
        let other = mint(&store, "acme", "other").await;
        let revoked = store.revoke_grants(vec![other.id], T0).await;
        assert_eq!(revoked, Ok(vec![other.id]));
        assert_eq!(reserve(dir.path(), &disk), None, "it was given up");
        assert_eq!(store.put(arrival(&grant, "x")).await, Ok(Put::Full));
        store.ready().unwrap();
        // A start finds its way too.
        store.close().unwrap();
        drop(store);
        // What a file gives back when it is closed is not for us.
        disk.remove(Path::new("hog")).unwrap();
        disk.hog(3 * MIB);
        let mut options = with(&clock, &disk);
        options.max_disk = limited.then_some(60 << 20);
        let store = RedbStore::open(dir.path(), options).unwrap();
        assert_eq!(store.put(arrival(&grant, "x")).await, Ok(Put::Full));
        store.sweep();
        assert_eq!(reserve(dir.path(), &disk), None, "not yet");

        disk.remove(Path::new("hog")).unwrap();
        put(&store, arrival(&grant, "there is room")).await;
        assert_eq!(store.no_room(), None);
        store.sweep();
        assert_eq!(reserve(dir.path(), &disk), Some(4 << 20), "it is back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_bound_the_log_leaves_a_part_of_the_disk_free() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, clock) = (Ram::default(), Hands::new());
    disk.size(64 * MIB);
    let store = RedbStore::open(dir.path(), with(&clock, &disk)).unwrap();
    let grants = [
        mint(&store, "acme", "one").await,
        mint(&store, "acme", "two").await,
    ];
    let mut stored = 0;
    for grant in &grants {
        stored += fill(&store, grant, MIB / 2).await;
    }
    assert!(stored > 8, "{stored}");
    let space = disk.space(dir.path()).unwrap().unwrap();
    // A file that grows takes more than what it holds.
    assert!(space.available > space.total / 4, "{space:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_url_cannot_fill_the_disk_for_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, clock) = (Ram::default(), Hands::new());
    let open = || {
        let mut options = with(&clock, &disk);
        options.max_disk = Some(8 << 20);
        options.segment_bytes = 1 << 20;
        options.retain = Duration::from_secs(3600);
        RedbStore::open(dir.path(), options).unwrap()
    };
    let store = open();
    let greedy = mint(&store, "acme", "greedy").await;
    let taken = fill(&store, &greedy, 50_000).await;
    // A sealed file is somewhat longer than what it holds.
    assert!(taken > 40, "{taken}: alone it takes three quarters");
    let modest = mint(&store, "acme", "modest").await;
    for _ in 0..10 {
        put(&store, arrival(&modest, vec![2; 50_000])).await;
    }
    let refused = store.put(arrival(&greedy, vec![1; 50_000])).await;
    assert_eq!(refused, Ok(Put::Full));
    store.close().unwrap();
    drop(store);
    // A start counts the same.
    let store = open();
    let refused = store.put(arrival(&greedy, vec![1; 50_000])).await;
    assert_eq!(refused, Ok(Put::Full));
    put(&store, arrival(&modest, vec![2; 50_000])).await;
    // What is settled and gone is nobody's any more.
    let before = store.shared.holdings.of(greedy.id);
    loop {
        let held = lease(&store, "acme", 100, clock.now()).await.messages;
        if held.is_empty() {
            break;
        }
        let ids = held.iter().map(|message| message.id).collect();
        ack(&store, ids, clock.now()).await;
    }
    clock.forward(Duration::from_secs(7_200));
    store.sweep();
    let after = store.shared.holdings.of(greedy.id);
    assert!(after < before / 4, "{after} of {before}");
    put(&store, arrival(&greedy, vec![1; 50_000])).await;
}
