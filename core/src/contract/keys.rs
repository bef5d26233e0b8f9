//! Laws of API keys, and of a store's own health.

use super::{
    list_laws,
    subject::{Subject, agent, at, hash},
};
use crate::{
    key::{ApiKey, KeyId},
    principal::Principal,
    time::Timestamp,
};

list_laws![
    a_fresh_store_is_ready,
    a_key_is_found_by_its_hash_once_it_is_inserted,
    a_key_is_revoked_once_and_still_found,
    keys_are_listed_oldest_first,
];

fn key(principal: Principal, created_at: Timestamp) -> ApiKey {
    ApiKey {
        id: KeyId::new(created_at, 1),
        principal,
        name: None,
        created_at,
        revoked_at: None,
    }
}

async fn a_fresh_store_is_ready(s: Subject) {
    assert_eq!(s.store.ready(), Ok(()));
    assert!(s.store.list_keys().is_empty());
    assert!(s.log().await.is_empty());
}

async fn a_key_is_found_by_its_hash_once_it_is_inserted(s: Subject) {
    let mut agents = key(agent("acme/eng"), at(1));
    agents.name = Some("ci".into());
    let operators = key(Principal::Operator, at(2));
    assert_eq!(s.store.key(&hash(1)), None, "before");
    s.store
        .insert_key(agents.clone(), hash(1))
        .await
        .expect("kept");
    s.store
        .insert_key(operators.clone(), hash(2))
        .await
        .expect("kept");
    assert_eq!(s.store.key(&hash(1)).as_deref(), Some(&agents));
    assert_eq!(s.store.key(&hash(2)).as_deref(), Some(&operators));
    assert_eq!(s.store.key(&hash(3)), None);
    assert_eq!(s.store.grant(&hash(1)), None, "a key is no grant");
}

async fn a_key_is_revoked_once_and_still_found(s: Subject) {
    let one = key(agent("acme"), at(1));
    let other = key(agent("acme"), at(2));
    s.store
        .insert_key(one.clone(), hash(1))
        .await
        .expect("kept");
    s.store
        .insert_key(other.clone(), hash(2))
        .await
        .expect("kept");
    assert_eq!(s.store.revoke_key(one.id, at(5)).await, Ok(true));
    assert_eq!(s.store.revoke_key(one.id, at(6)).await, Ok(false));
    assert_eq!(
        s.store.revoke_key(KeyId::new(at(9), 9), at(6)).await,
        Ok(false)
    );
    let found = s.store.key(&hash(1)).expect("still found");
    assert_eq!(found.revoked_at, Some(at(5)), "the first time counts");
    assert_eq!(s.store.list_keys()[0], found);
    assert_eq!(s.store.key(&hash(2)).as_deref(), Some(&other));
}

async fn keys_are_listed_oldest_first(s: Subject) {
    for (n, age) in [(1, 3), (2, 1), (3, 2)] {
        let inserted = s.store.insert_key(key(agent("acme"), at(age)), hash(n));
        inserted.await.expect("kept");
    }
    let ages: Vec<_> = s
        .store
        .list_keys()
        .iter()
        .map(|key| key.created_at)
        .collect();
    assert_eq!(ages, [at(1), at(2), at(3)]);
}
