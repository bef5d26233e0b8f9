//! What a reopened store still knows.

use std::time::Duration;

use doorbell_core::{
    message::State,
    ports::{GrantStore, Log, Order, Put, ReadRequest},
};

use super::rig::{T0, ack, arrival, everywhere, lease, mint, open, put, with_id};
use crate::store::redb::{OpenError, RedbStore};

fn all() -> ReadRequest {
    ReadRequest {
        scope: everywhere(),
        pattern: None,
        state: None,
        cursor: None,
        order: Order::OldestFirst,
        limit: 1_000,
        body_limit: usize::MAX,
        now: T0,
    }
}

#[tokio::test]
async fn messages_leases_acks_and_grants_survive_a_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let grant = mint(&store, "acme", "github").await;
    let mut ids = Vec::new();
    for n in 0..10_u8 {
        ids.push(
            put(
                &store,
                with_id(arrival(&grant, vec![n; 3_000]), &n.to_string()),
            )
            .await,
        );
    }
    let leased = lease(&store, "acme", 3, T0).await.messages;
    assert_eq!(ack(&store, vec![ids[0]], T0).await, [true]);
    let before = store.read(all()).await.unwrap();
    store.close().unwrap();

    let store = open(dir.path());
    assert_eq!(store.read(all()).await.unwrap(), before);
    assert_eq!(before.messages[0].state, State::Settled);
    assert_eq!(before.messages[1].state, State::Leased);
    let again = lease(&store, "acme", 100, T0.plus(Duration::from_secs(59)))
        .await
        .messages;
    assert_eq!(again.len(), 7, "what is held stays held");
    let later = lease(&store, "acme", 100, T0.plus(Duration::from_secs(60)))
        .await
        .messages;
    let back: Vec<_> = later
        .iter()
        .map(|message| (message.id, message.attempt))
        .collect();
    assert_eq!(back, [(leased[1].id, 2), (leased[2].id, 2)]);
    let repeat = store.put(with_id(arrival(&grant, "again"), "4")).await;
    assert_eq!(repeat, Ok(Put::Duplicate(ids[4])));
    let used = &store.list_grants(&super::rig::grants_everywhere())[0];
    assert_eq!((&used.grant, used.last_used_at), (&grant, Some(T0)));
}

#[tokio::test]
async fn a_second_opener_is_told_who_has_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let second = RedbStore::open(dir.path(), super::rig::options(&super::rig::Hands::new()));
    let pid = std::process::id();
    match second.map(drop) {
        Err(OpenError::Taken {
            dir: named,
            pid: Some(by),
        }) => {
            assert_eq!((named.as_path(), by), (dir.path(), pid));
        }
        other => panic!("{other:?}"),
    }
    drop(store);
    open(dir.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_stored_once_a_revocation_has_returned() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for _ in 0..50 {
        let grant = mint(&store, "acme", "github").await;
        let before: Vec<_> = (0..20).map(|_| store.put(arrival(&grant, "x"))).collect();
        let revoked = store.revoke_grants(vec![grant.id], T0);
        let after: Vec<_> = (0..20).map(|_| store.put(arrival(&grant, "x"))).collect();
        assert_eq!(revoked.await, Ok(vec![grant.id]));
        let end = store.end();
        for put in before {
            put.await.unwrap();
        }
        for put in after {
            assert_eq!(put.await, Ok(Put::Revoked));
        }
        assert_eq!(store.end(), end);
    }
}
