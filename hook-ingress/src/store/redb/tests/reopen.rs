//! What a reopened store still knows.

use std::{sync::Arc, time::Duration};

use doorbell_core::{
    message::{Receiver, RouteId, State},
    ports::{
        GrantStore, Log, Order, Put, ReadRequest, RouteStore, Routes, SettleRequest, Settlement,
    },
    route::{HeaderGlobs, NewRule, Owner},
};

use super::rig::{T0, ack, arrival, everywhere, lease, mint, open, put, with_id};
use crate::store::redb::{OpenError, RedbStore};

fn all() -> ReadRequest {
    ReadRequest {
        scope: everywhere(),
        within: None,
        pattern: None,
        state: None,
        since: None,
        until: None,
        cursor: None,
        order: Order::OldestFirst,
        limit: 1_000,
        body_limit: usize::MAX,
        budget: usize::MAX,
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
    let repeat = with_id(arrival(&grant, vec![4; 3_000]), "4");
    assert_eq!(store.put(repeat).await, Ok(Put::Duplicate(ids[4])));
    let used = &store.list_grants(&super::rig::grants_everywhere())[0];
    assert_eq!((&used.grant, used.last_used_at), (&grant, Some(T0)));
}

#[tokio::test]
async fn reasons_attempts_repeats_and_marks_survive_a_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let grant = mint(&store, "acme", "github").await;
    let mut tried = with_id(arrival(&grant, "first"), "1");
    tried.test = true;
    let first = put(&store, tried.clone()).await;
    let other = put(&store, with_id(arrival(&grant, "other"), "1")).await;
    assert_eq!(store.put(tried).await, Ok(Put::Duplicate(first)));
    lease(&store, "acme", 2, T0).await;
    let nack = |attempted| SettleRequest {
        ids: vec![if attempted { first } else { other }],
        how: Settlement::Nack {
            delay: Duration::from_secs(1),
            reason: Some("exit status 1".parse().unwrap()),
            attempted,
        },
        receiver: Receiver(1),
        scope: everywhere(),
        now: T0,
    };
    assert_eq!(store.settle(nack(true)).await, Ok(vec![true]));
    assert_eq!(store.settle(nack(false)).await, Ok(vec![true]));
    let details = async |store: &RedbStore| {
        let mut all = Vec::new();
        for id in [first, other] {
            let found = store.get(id, everywhere(), 100, T0).await;
            all.push(found.unwrap().unwrap());
        }
        all
    };
    let before = details(&store).await;
    store.close().unwrap();
    let store = open(dir.path());
    let after = details(&store).await;
    assert_eq!(after, before);
    assert_eq!(after[0].repeats.map(|repeats| repeats.count), Some(1));
    assert_eq!((after[0].message.attempt, after[1].message.attempt), (1, 0));
    assert_eq!(
        (after[0].message.test, after[1].message.repeat_of),
        (true, Some(first))
    );
    assert!(after.iter().all(|it| it.life[1].reason.is_some()));
    assert_eq!(
        (after[1].life[1].attempt, after[1].life[1].attempted),
        (1, false)
    );
    let variant = with_id(arrival(&grant, "other"), "1");
    assert_eq!(store.put(variant).await, Ok(Put::Duplicate(other)));
}

#[tokio::test]
async fn rules_and_what_messages_say_of_them_survive_a_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let grant = mint(&store, "acme", "github").await;
    let rule = |n, owner, target: &str| NewRule {
        id: RouteId::from_u128(n),
        owner,
        pattern: "hook:acme/*".parse().unwrap(),
        sender: Some("github".parse().unwrap()),
        headers: HeaderGlobs::new([("X-Event", "p*"), ("x-ref", "é")]).unwrap(),
        target: target.parse().unwrap(),
        session_made: Some(T0),
        seq: Some(7),
        created_at: T0,
    };
    let acme = Owner::Folder("acme".parse().unwrap());
    for new in [
        rule(1, acme.clone(), "acme/eng#observe"),
        rule(2, Owner::Root, "doorbell:/sessions/build"),
        rule(3, acme, "acme/eng"),
    ] {
        store.set_rule(new).await.unwrap();
    }
    let mut routed = arrival(&grant, "x");
    let kept = store.routes().get(RouteId::from_u128(3)).unwrap().clone();
    routed.rule = Some(Arc::new(kept.matched()));
    put(&store, routed).await;
    put(&store, arrival(&grant, "y")).await;
    assert_eq!(store.remove_rule(kept.id).await, Ok(true));
    let rules: Vec<_> = store.routes().iter().cloned().collect();
    let before = store.read(all()).await.unwrap();
    store.close().unwrap();

    let store = open(dir.path());
    assert_eq!(store.routes().iter().cloned().collect::<Vec<_>>(), rules);
    assert_eq!(rules.len(), 2);
    assert_eq!(store.read(all()).await.unwrap(), before);
    assert_eq!(before.messages[0].rule.as_deref(), Some(&kept.matched()));
    assert_eq!(before.messages[1].rule, None);
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
