//! What is over leaves nothing behind, neither on the disk nor in memory.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use doorbell_core::{
    ports::{GrantStore, Log, Put},
    time::Clock,
};
use futures_util::future::join_all;

use super::rig::{Hands, ack, arrival, lease, mint, options, put};
use crate::store::redb::RedbStore;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A store with small files, in which messages are kept for a day.
fn open(dir: &Path, clock: &Arc<Hands>) -> RedbStore {
    let mut options = options(clock);
    options.segment_bytes = 256 << 10;
    options.retain = DAY;
    RedbStore::open(dir, options).unwrap()
}

/// The first numbers of the log's files.
fn files(store: &RedbStore) -> Vec<u64> {
    let chain = store.shared.chain();
    chain.iter().map(|segment| segment.first).collect()
}

/// Leases all that waits in a folder: how many there were.
async fn lease_all(store: &RedbStore, clock: &Hands) -> usize {
    let mut all = 0;
    loop {
        let leased = lease(store, "acme", 100, clock.now()).await.messages;
        if leased.is_empty() {
            return all;
        }
        all += leased.len();
    }
}

async fn settle_all(store: &RedbStore, clock: &Hands) {
    loop {
        let leased = lease(store, "acme", 100, clock.now()).await.messages;
        if leased.is_empty() {
            return;
        }
        let ids = leased.iter().map(|message| message.id).collect();
        ack(store, ids, clock.now()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_died_by_its_lease_goes_in_its_time_although_nobody_receives_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Hands::new();
    let store = open(dir.path(), &clock);
    let grant = mint(&store, "acme", "github").await;
    for _ in 0..200 {
        put(&store, arrival(&grant, vec![7; 4_000])).await;
    }
    let full = files(&store);
    assert!(full.len() > 2, "{full:?}");
    for attempt in 1..=5 {
        assert_eq!(lease_all(&store, &clock).await, 200, "attempt {attempt}");
        clock.forward(Duration::from_secs(61));
    }
    clock.forward(2 * DAY);
    store.sweep();
    let left = files(&store);
    assert!(!left.iter().any(|first| full.contains(first)), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_little_waits_in_a_stale_newest_file_is_carried_out_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Hands::new();
    let store = open(dir.path(), &clock);
    let grant = mint(&store, "acme", "github").await;
    let slow = mint(&store, "idle", "slow").await;
    for _ in 0..40 {
        put(&store, arrival(&grant, vec![7; 4_000])).await;
    }
    let waiting = put(&store, arrival(&slow, "slow")).await;
    settle_all(&store, &clock).await;
    assert_eq!(files(&store), [1]);
    clock.forward(2 * DAY);
    store.sweep();
    let left = files(&store);
    assert!(left.len() == 1 && left != [1], "{left:?}");
    let leased = lease(&store, "idle", 10, clock.now()).await.messages;
    assert_eq!(leased.len(), 1);
    assert_eq!((leased[0].id, &leased[0].body[..]), (waiting, &b"slow"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newest_file_of_what_happened_to_messages_that_are_gone_goes_too() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Hands::new();
    let store = open(dir.path(), &clock);
    let grant = mint(&store, "acme", "github").await;
    while files(&store).len() == 1 {
        put(&store, arrival(&grant, vec![7; 4_000])).await;
    }
    settle_all(&store, &clock).await;
    let [first, events] = files(&store)[..] else {
        panic!("{:?}", files(&store));
    };
    clock.forward(2 * DAY);
    store.sweep();
    let left = files(&store);
    assert!(
        left.len() == 1 && left[0] > first && left[0] > events,
        "{left:?}"
    );
    // An empty one stays as it is.
    store.sweep();
    assert_eq!(files(&store), left);
    // One of what happened to messages that are kept stays too.
    put(&store, arrival(&grant, "kept")).await;
    while files(&store).len() == 1 {
        put(&store, arrival(&grant, vec![7; 4_000])).await;
    }
    assert!(lease_all(&store, &clock).await > 1);
    let both = files(&store);
    store.sweep();
    store.sweep();
    assert_eq!(files(&store), both);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_remembered_of_urls_that_were_revoked_and_whose_messages_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Hands::new();
    let store = open(dir.path(), &clock);
    let lasting = mint(&store, "acme", "lasting").await;
    put(&store, arrival(&lasting, "before")).await;
    for n in 0..200 {
        let grant = mint(&store, "acme", &format!("label-{n}")).await;
        put(&store, arrival(&grant, "{}")).await;
        let revoked = store.revoke_grants(vec![grant.id], clock.now()).await;
        assert_eq!(revoked.unwrap(), [grant.id]);
    }
    settle_all(&store, &clock).await;
    assert_eq!(store.shared.origins.count(), 201);
    clock.forward(2 * DAY);
    // The first lets go of the files, the second of what the writer was asked to look at meanwhile.
    store.sweep();
    store.sweep();
    assert_eq!(store.shared.origins.count(), 0);
    {
        let index = store.shared.index();
        assert!(index.queues.is_empty() && index.piles.is_empty());
    }
    assert_eq!(store.registry().counts(), (1, 1, 1), "the lasting one");
    // What still lives goes on.
    for reopened in [false, true] {
        let store = if reopened {
            store.close().unwrap();
            &open(dir.path(), &clock)
        } else {
            &store
        };
        put(store, arrival(&lasting, "after")).await;
        let leased = lease(store, "acme", 10, clock.now()).await.messages;
        assert_eq!(leased.len(), 1);
        assert_eq!(leased[0].body, "after");
        assert_eq!(leased[0].address.to_string(), "hook:acme/lasting");
        ack(store, vec![leased[0].id], clock.now()).await;
    }
}

/// A file that is written to all the time is never stale.
#[tokio::test(flavor = "multi_thread")]
async fn who_makes_urls_without_end_fills_no_file_with_those_that_are_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Hands::new();
    let mut options = options(&clock);
    options.retain = DAY;
    let store = RedbStore::open(dir.path(), options).unwrap();
    for round in 0..12 {
        let labels: Vec<String> = (0..70).map(|n| format!("label-{n}")).collect();
        let mints = labels.iter().map(|label| mint(&store, "acme", label));
        let grants = join_all(mints.collect::<Vec<_>>()).await;
        let puts = grants.iter().map(|grant| {
            let mut message = arrival(grant, "{}");
            message.received_at = clock.now();
            put(&store, message)
        });
        join_all(puts.collect::<Vec<_>>()).await;
        let ids = grants.iter().map(|grant| grant.id).collect();
        let revoked = store.revoke_grants(ids, clock.now()).await;
        assert_eq!(revoked.unwrap().len(), 70);
        settle_all(&store, &clock).await;
        clock.forward(DAY * 2 / 3);
        store.sweep();
        let known = store.shared.origins.count();
        assert!(known <= 7 * 70, "round {round}: {known}");
    }
    assert!(!files(&store).contains(&1));
}

/// Messages are no longer kept than they wait, so that origins go all the time while others come.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_origin_is_not_let_go_of_while_something_is_on_its_way_through_it() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Hands::new();
    let mut options = options(&clock);
    options.retain = Duration::ZERO;
    let store = Arc::new(RedbStore::open(dir.path(), options).unwrap());
    let grant = mint(&store, "acme", "github").await;
    let over = Arc::new(AtomicBool::new(false));
    let sweeper = std::thread::spawn({
        let (store, clock, over) = (store.clone(), clock.clone(), over.clone());
        move || {
            let mut sweeps = 0;
            while !over.load(Ordering::Relaxed) {
                clock.forward(Duration::from_millis(1));
                store.sweep();
                sweeps += 1;
            }
            sweeps
        }
    });
    for n in 0..300 {
        let mut message = arrival(&grant, n.to_string());
        message.received_at = clock.now();
        let Ok(Put::Stored(id)) = store.put(message).await else {
            panic!("{n} was not stored");
        };
        let leased = lease(&store, "acme", 10, clock.now()).await.messages;
        assert_eq!(leased.len(), 1, "{n}");
        assert_eq!((leased[0].id, leased[0].body == n.to_string()), (id, true));
        ack(&store, vec![id], clock.now()).await;
    }
    over.store(true, Ordering::Relaxed);
    assert!(sweeper.join().unwrap() > 0);
}
