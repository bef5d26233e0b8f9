//! What ended is forgotten in its time, and no sooner.

use super::*;

fn hour_long(dir: &Path, clock: &Arc<Hands>) -> RedbStore {
    let mut options = options(clock);
    options.retain = HOUR;
    RedbStore::open(dir, options).unwrap()
}

/// Forgets what is past its time.
async fn forget(store: &RedbStore) {
    store.sweep();
    // What the keeper asked for last is done after the turn that the first of these is in.
    for _ in 0..2 {
        let nobody = "nobody".parse().unwrap();
        assert_eq!(store.end_session(nobody, T0).await, Ok(false));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_is_forgotten_after_its_time_unless_something_in_it_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Hands::new();
    let store = hour_long(dir.path(), &clock);
    for id in ["named", "quiet", "waiting"] {
        made(&store, id).await;
    }
    let grant = store
        .insert_channel_grant(channel(1, "waiting"))
        .await
        .unwrap();
    store
        .insert_channel_grant(channel(2, "named"))
        .await
        .unwrap();
    let id = put(&store, knock(&grant, T0)).await;
    let request = LeaseRequest {
        inboxes: vec![to_session("waiting").inbox],
        lease_for: 2 * HOUR,
        ..lease_request("acme", 1, T0)
    };
    assert_eq!(store.lease(request).await.unwrap().messages.len(), 1);
    store.revoke_channel_grant(grant.id, T0).await.unwrap();
    for id in ["quiet", "waiting"] {
        store.end_session(id.parse().unwrap(), T0).await.unwrap();
    }
    let left = |store: &RedbStore| {
        let told = told(store);
        let sessions: Vec<_> = told.sessions.iter().map(|it| it.id.to_string()).collect();
        (sessions.join(" "), told.grants.len())
    };
    let all = ("named quiet waiting".to_owned(), 2);
    clock.forward(HOUR);
    forget(&store).await;
    assert_eq!(left(&store), all, "not yet");
    clock.forward(Duration::from_millis(1));
    forget(&store).await;
    assert_eq!(left(&store), ("named waiting".to_owned(), 1));
    assert_eq!(ack(&store, vec![id], clock.now()).await, [true]);
    forget(&store).await;
    assert_eq!(left(&store), ("named".to_owned(), 1));
    store.close().unwrap();
    let store = hour_long(dir.path(), &clock);
    assert_eq!(left(&store), ("named".to_owned(), 1));
    assert_eq!(store.put(knock(&grant, T0)).await, Ok(Put::Revoked));
    made(&store, "waiting").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_is_remembered_for_its_day_when_its_message_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Hands::new();
    let store = hour_long(dir.path(), &clock);
    made(&store, "named").await;
    let grant = store
        .insert_channel_grant(channel(1, "named"))
        .await
        .unwrap();
    let keyed = |at| Arrival {
        dedupe: Some(DedupeId::new("idempotency_key", b"k")),
        ..knock(&grant, at)
    };
    let first = put(&store, keyed(T0)).await;
    let request = LeaseRequest {
        inboxes: vec![to_session("named").inbox],
        ..lease_request("acme", 1, T0)
    };
    assert_eq!(store.lease(request).await.unwrap().messages[0].id, first);
    assert_eq!(ack(&store, vec![first], T0).await, [true]);
    clock.forward(2 * HOUR);
    forget(&store).await;
    let gone = store.get(first, rig::everywhere(), 0, clock.now()).await;
    assert_eq!(gone, Ok(None));
    store.close().unwrap();
    let store = hour_long(dir.path(), &clock);
    let last = T0.plus(24 * HOUR - Duration::from_millis(1));
    assert_eq!(store.put(keyed(last)).await, Ok(Put::Duplicate(first)));
    let mut other = keyed(last);
    other.body = "other words".into();
    assert_eq!(store.put(other).await, Ok(Put::Conflict(first)));
    put(&store, keyed(T0.plus(24 * HOUR))).await;
}
