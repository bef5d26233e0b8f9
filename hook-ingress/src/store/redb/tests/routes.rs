//! Rules that were acknowledged are there after a crash, and in a copy.

use std::{collections::BTreeSet, io::Cursor as Bytes, sync::Arc};

use doorbell_core::{
    message::RouteId,
    ports::{RouteStore, Routes},
    route::{HeaderGlobs, NewRule, Owner, Rule},
};

use super::{
    disk::Ram,
    rig::{Hands, T0, open, options},
};
use crate::store::redb::{RedbStore, restore};

fn rule(n: u128) -> NewRule {
    NewRule {
        id: RouteId::from_u128(n),
        owner: Owner::Folder("acme".parse().unwrap()),
        pattern: "hook:acme/**".parse().unwrap(),
        sender: None,
        headers: HeaderGlobs::new([("x-event", "p*")]).unwrap(),
        target: "acme/eng#observe".parse().unwrap(),
        session_made: Some(T0),
        seq: None,
        created_at: T0,
    }
}

fn on(disk: &Ram, dir: &std::path::Path) -> RedbStore {
    let mut options = options(&Hands::new());
    options.disk = Arc::new(disk.clone());
    RedbStore::open(dir, options).unwrap()
}

fn all(store: &RedbStore) -> Vec<Arc<Rule>> {
    store.routes().iter().cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_neither_loses_a_rule_that_was_set_nor_brings_one_back() {
    for seed in 0..12_u64 {
        let mut state = seed + 1;
        let mut dice = move |sides: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % sides
        };
        let dir = tempfile::tempdir().unwrap();
        let disk = Ram::default();
        let store = on(&disk, dir.path());
        let (mut kept, mut gone) = (BTreeSet::new(), BTreeSet::new());
        disk.fail_after(80 + dice(300));
        for n in 1..1_000 {
            let Ok(set) = store.set_rule(rule(n)).await else {
                break;
            };
            kept.insert(set.id);
            if n % 3 == 0 {
                // Whether it went is not known unless it was said.
                kept.remove(&set.id);
                match store.remove_rule(set.id).await {
                    Ok(removed) => assert!(removed && gone.insert(set.id)),
                    Err(_) => break,
                }
            }
        }
        assert!(
            !kept.is_empty(),
            "seed {seed}: it failed before anything was set"
        );
        let left = disk.after_a_power_cut(&mut dice);
        drop(store);
        let there: BTreeSet<_> = all(&on(&left, dir.path())).iter().map(|it| it.id).collect();
        assert!(kept.is_subset(&there), "seed {seed}: {kept:?} {there:?}");
        assert!(gone.is_disjoint(&there), "seed {seed}: {gone:?} {there:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_holds_the_rules() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for n in 1..=3 {
        store.set_rule(rule(n)).await.unwrap();
    }
    store.remove_rule(RouteId::from_u128(2)).await.unwrap();
    let mut copy = Vec::new();
    let sink = |bytes: &[u8]| {
        copy.extend_from_slice(bytes);
        Ok(())
    };
    store.backup(sink).unwrap();
    let place = tempfile::tempdir().unwrap();
    restore(&mut Bytes::new(&copy), place.path()).unwrap();
    assert_eq!(all(&open(place.path())), all(&store));
    assert_eq!(all(&store).len(), 2);
}
