//! Disk space comes back, and what still matters stays.

use std::{path::Path, sync::Arc, time::Duration};

use doorbell_core::{
    message::{Happening, State},
    ports::{Log, Order, Put, ReadRequest},
    time::{Clock, Timestamp},
};

use super::rig::{Hands, ack, arrival, everywhere, lease, mint, options, put, with_id};
use crate::store::redb::RedbStore;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A store with small files, in which messages are kept for a day.
fn open(dir: &Path, clock: &Arc<Hands>) -> RedbStore {
    let mut options = options(clock);
    options.segment_bytes = 256 << 10;
    options.retain = DAY;
    RedbStore::open(dir, options).unwrap()
}

fn log_bytes(dir: &Path) -> u64 {
    let files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    files
        .filter(|file| file.file_name().to_string_lossy().starts_with("log-"))
        .map(|file| file.metadata().unwrap().len())
        .sum()
}

async fn page(store: &RedbStore, now: Timestamp, order: Order) -> Vec<(u64, State)> {
    let request = ReadRequest {
        scope: everywhere(),
        within: None,
        pattern: None,
        state: None,
        since: None,
        until: None,
        cursor: None,
        order,
        limit: usize::MAX,
        body_limit: 0,
        budget: usize::MAX,
        now,
    };
    let page = store.read(request).await.unwrap();
    page.messages
        .iter()
        .map(|message| (message.cursor.0, message.state))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn settled_messages_give_their_disk_space_back_after_their_time() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Hands::new();
    let store = open(dir.path(), &clock);
    let grant = mint(&store, "acme", "github").await;
    for n in 0..600 {
        put(
            &store,
            with_id(arrival(&grant, vec![7; 4_000]), &n.to_string()),
        )
        .await;
    }
    store.sweep();
    let full = log_bytes(dir.path());
    assert!(full > 600 * 4_000, "{full}");
    loop {
        let leased = lease(&store, "acme", 100, clock.now()).await.messages;
        if leased.is_empty() {
            break;
        }
        ack(
            &store,
            leased.iter().map(|message| message.id).collect(),
            clock.now(),
        )
        .await;
    }
    store.sweep();
    assert_eq!(
        page(&store, clock.now(), Order::OldestFirst).await.len(),
        600,
        "not yet"
    );
    clock.forward(DAY + Duration::from_secs(1));
    store.sweep();
    assert_eq!(page(&store, clock.now(), Order::OldestFirst).await, []);
    let left = log_bytes(dir.path());
    // An empty file of redb's has a megabyte, most of it a hole.
    assert!(left < full / 3, "{left} of {full}");
    // The providers' ids live on for their seven days, through a reopening.
    drop(store);
    let store = open(dir.path(), &clock);
    let mut again = with_id(arrival(&grant, vec![7; 4_000]), "17");
    again.received_at = clock.now();
    let Ok(Put::Duplicate(first)) = store.put(again.clone()).await else {
        panic!("it came before");
    };
    // What came with the id is known for as long: this is something else.
    let mut other = with_id(arrival(&grant, "another body"), "17");
    other.received_at = clock.now();
    let other = put(&store, other).await;
    let found = store.get(other, everywhere(), 0, clock.now()).await;
    assert_eq!(found.unwrap().unwrap().message.repeat_of, Some(first));
    clock.forward(7 * DAY);
    again.received_at = clock.now();
    assert!(matches!(store.put(again).await, Ok(Put::Stored(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn carried_messages_keep_their_ids_their_order_and_their_lives() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Hands::new();
    let store = open(dir.path(), &clock);
    let (busy, quiet) = (
        mint(&store, "acme", "github").await,
        mint(&store, "idle", "slow").await,
    );
    let mut waiting = Vec::new();
    for n in 0..400_u32 {
        if n % 50 == 7 {
            waiting.push(put(&store, arrival(&quiet, n.to_string())).await);
        }
        put(&store, arrival(&busy, vec![7; 4_000])).await;
    }
    // One of them was tried once before.
    let tried = lease(&store, "idle", 1, clock.now()).await.messages;
    loop {
        let leased = lease(&store, "acme", 100, clock.now()).await.messages;
        if leased.is_empty() {
            break;
        }
        ack(
            &store,
            leased.iter().map(|message| message.id).collect(),
            clock.now(),
        )
        .await;
    }
    let full = log_bytes(dir.path());
    clock.forward(2 * DAY);
    store.sweep();
    let left = log_bytes(dir.path());
    // An empty file of redb's has a megabyte, most of it a hole.
    assert!(left < full / 3, "{left} of {full}");

    for reopened in [false, true] {
        let store = if reopened {
            store.close().unwrap();
            &open(dir.path(), &clock)
        } else {
            &store
        };
        let forwards = page(store, clock.now(), Order::OldestFirst).await;
        assert_eq!(forwards.len(), waiting.len(), "reopened: {reopened}");
        assert!(forwards.is_sorted_by_key(|(at, _)| *at));
        let mut backwards = page(store, clock.now(), Order::NewestFirst).await;
        backwards.reverse();
        assert_eq!(backwards, forwards);
        let detail = store
            .get(waiting[0], everywhere(), 100, clock.now())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(detail.message.body, "7");
        assert_eq!(
            (detail.message.attempt, detail.message.state),
            (1, State::Pending)
        );
        let what: Vec<_> = detail.life.iter().map(|event| event.what).collect();
        assert_eq!(what, [Happening::Leased]);
    }
    let store = open(dir.path(), &clock);
    let leased = lease(&store, "idle", 100, clock.now()).await.messages;
    assert_eq!(
        leased.iter().map(|message| message.id).collect::<Vec<_>>(),
        waiting
    );
    assert_eq!(leased[0].attempt, tried[0].attempt + 1);
    assert_eq!(leased[1].body, "57");
    // Once they are settled and past their time they go like any other.
    ack(&store, waiting.clone(), clock.now()).await;
    clock.forward(2 * DAY);
    store.sweep();
    assert_eq!(page(&store, clock.now(), Order::OldestFirst).await, []);
    assert_eq!(
        store.replay(waiting[0], everywhere(), clock.now()).await,
        Ok(false)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_of_a_message_that_was_carried_to_a_newer_file_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Hands::new();
    let store = open(dir.path(), &clock);
    let (busy, quiet) = (
        mint(&store, "acme", "github").await,
        mint(&store, "idle", "slow").await,
    );
    let slow = with_id(arrival(&quiet, "slow"), "1");
    let first = put(&store, slow.clone()).await;
    for _ in 0..200_u32 {
        put(&store, arrival(&busy, vec![7; 4_000])).await;
    }
    loop {
        let leased = lease(&store, "acme", 100, clock.now()).await.messages;
        if leased.is_empty() {
            break;
        }
        let ids = leased.iter().map(|message| message.id).collect();
        ack(&store, ids, clock.now()).await;
    }
    clock.forward(2 * DAY);
    // The file is carried off and goes, and what is past its window is forgotten.
    store.sweep();
    store.sweep();
    assert_eq!(store.shared.carried(..).len(), 1, "it was not carried");
    for reopened in [false, true] {
        let store = if reopened {
            store.close().unwrap();
            &open(dir.path(), &clock)
        } else {
            &store
        };
        let mut again = slow.clone();
        again.received_at = clock.now();
        assert_eq!(store.put(again).await, Ok(Put::Duplicate(first)));
        let detail = store.get(first, everywhere(), 0, clock.now()).await;
        let repeats = detail.unwrap().unwrap().repeats.unwrap();
        assert_eq!(repeats.count, 1 + u32::from(reopened));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_message_is_never_dropped_and_a_dead_one_is_in_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Hands::new();
    let store = open(dir.path(), &clock);
    let grant = mint(&store, "acme", "github").await;
    put(&store, arrival(&grant, "first")).await;
    clock.forward(30 * DAY);
    store.sweep();
    assert_eq!(
        page(&store, clock.now(), Order::OldestFirst).await,
        [(1, State::Pending)]
    );
    for _ in 0..5 {
        assert_eq!(
            lease(&store, "acme", 1, clock.now()).await.messages.len(),
            1
        );
        clock.forward(Duration::from_secs(61));
    }
    assert_eq!(
        page(&store, clock.now(), Order::OldestFirst).await,
        [(1, State::Dead)]
    );
    assert_eq!(lease(&store, "acme", 1, clock.now()).await.messages, []);
    clock.forward(2 * DAY);
    store.sweep();
    assert_eq!(page(&store, clock.now(), Order::OldestFirst).await, []);
}
