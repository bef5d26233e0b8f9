//! A copy is whole, consistent, and comes back as it was.

use std::io::Cursor as Bytes;

use doorbell_core::ports::{GrantStore, Log, Order, ReadRequest};

use super::rig::{
    Hands, T0, arrival, everywhere, grants_everywhere, lease, mint, open, options, put,
};
use crate::store::redb::{RedbStore, RestoreError, restore};

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
        limit: usize::MAX,
        body_limit: usize::MAX,
        budget: usize::MAX,
        now: T0,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_copy_is_the_store_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = options(&Hands::new());
    small.segment_bytes = 128 << 10;
    let store = RedbStore::open(dir.path(), small).unwrap();
    let grant = mint(&store, "acme", "github").await;
    for n in 0..100_u8 {
        put(&store, arrival(&grant, vec![n; 5_000])).await;
        store.sweep();
    }
    lease(&store, "acme", 5, T0).await;
    let before = store.read(all()).await.unwrap();
    let mut copy = Vec::new();
    let mut late = None;
    store
        .backup(|bytes| {
            // What arrives while it runs is not in it, and is not held up by it.
            if late.is_none() {
                late = Some(store.put(arrival(&grant, "late")));
            }
            copy.extend_from_slice(bytes);
            Ok(())
        })
        .unwrap();
    late.unwrap().await.unwrap();

    let place = tempfile::tempdir().unwrap();
    restore(&mut Bytes::new(&copy), place.path()).unwrap();
    let restored = open(place.path());
    assert_eq!(restored.read(all()).await.unwrap(), before);
    let grants = |store: &RedbStore| {
        store
            .list_grants(&grants_everywhere())
            .into_iter()
            .map(|it| it.grant)
            .collect::<Vec<_>>()
    };
    assert_eq!(grants(&restored), grants(&store));
    put(&restored, arrival(&grant, "and it goes on")).await;
    drop(restored);

    let again = restore(&mut Bytes::new(&copy), place.path());
    assert!(matches!(again, Err(RestoreError::NotEmpty(_))), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_cut_or_changed_is_refused_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let grant = mint(&store, "acme", "github").await;
    put(&store, arrival(&grant, vec![1; 5_000])).await;
    let mut copy = Vec::new();
    store
        .backup(|bytes| {
            copy.extend_from_slice(bytes);
            Ok(())
        })
        .unwrap();
    let place = tempfile::tempdir().unwrap();
    let mut bent = copy.clone();
    *bent.last_mut().unwrap() ^= 1;
    let mut body = copy.clone();
    let at = body
        .windows(4)
        .position(|window| window == [1, 1, 1, 1])
        .unwrap();
    body[at + 1_000] = 2;
    for bad in [
        &bent[..],
        &body,
        &copy[..copy.len() / 2],
        &copy[..copy.len() - 40],
        b"",
        b"x",
    ] {
        let outcome = restore(&mut Bytes::new(bad), place.path());
        assert!(outcome.is_err(), "{} of {} bytes", bad.len(), copy.len());
        let left: Vec<_> = std::fs::read_dir(place.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name != "doorbell.pid")
            .collect();
        assert_eq!(left, Vec::<std::ffi::OsString>::new());
    }
    restore(&mut Bytes::new(&copy), place.path()).unwrap();
}
