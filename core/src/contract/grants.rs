//! Laws of grants.

use std::{sync::Arc, time::Duration};

use super::{
    list_laws,
    subject::{Subject, T0, agent, arrival, at, grants_of, hash, in_folder, together},
};
use crate::{
    address::Jid,
    bound::Count,
    grant::{Door, Grant, GrantId},
    message::{DedupeId, Destination},
    ports::{InsertGrantError, Put},
    principal::Principal,
    token::TokenHash,
};

list_laws![
    a_grant_is_found_by_its_token_once_it_is_inserted,
    two_live_splits_of_one_jid_clash_and_the_second_is_not_kept,
    of_clashing_grants_asked_for_at_once_one_is_kept,
    a_dead_grant_clashes_with_nobody,
    twins_of_one_jid_do_not_clash,
    revoking_says_which_grants_were_live_until_now,
    a_revoked_or_expired_grant_is_still_found_and_says_so,
    grants_are_listed_oldest_first_to_whoever_contains_their_owner,
    a_grant_is_found_by_its_id_by_whoever_contains_its_owner,
    the_grants_of_a_jid_are_those_that_write_it,
    grants_are_counted_by_their_owners_until_they_are_revoked,
    the_last_use_of_a_grant_is_the_last_arrival_that_was_stored,
];

async fn a_grant_is_found_by_its_token_once_it_is_inserted(s: Subject) {
    let (mut grant, hash_of_it) = s.record("acme/eng", "github");
    grant.context = Some("summarise daily".parse().expect("short"));
    grant.expires_at = Some(at(60));
    grant.owner_folder = in_folder("acme");
    assert!(s.store.grant(&hash_of_it).is_none(), "before");
    let kept = s.insert((grant.clone(), hash_of_it)).await.expect("kept");
    assert_eq!(*kept, grant);
    assert_eq!(s.store.grant(&hash_of_it), Some(kept));
    assert_eq!(s.store.grant(&hash(99)), None, "another's token");
}

/// `hook:acme/eng/linear/comments`, split in the two ways there are.
fn two_splits(s: &Subject) -> [(Grant, TokenHash); 2] {
    let (mut first, first_hash) = s.record("acme/eng", "linear");
    first.door = Door::Hook {
        label: "linear".parse().expect("legal"),
        suffix: Some("comments".parse().expect("legal")),
    };
    let second = s.record("acme/eng/linear", "comments");
    assert_eq!(first.jid(), second.0.jid());
    [(first, first_hash), second]
}

async fn two_live_splits_of_one_jid_clash_and_the_second_is_not_kept(s: Subject) {
    let [first, second] = two_splits(&s);
    let second_hash = second.1;
    let kept = s.insert(first).await.expect("the first");
    match s.insert(second).await {
        Err(InsertGrantError::Clash(named)) => assert_eq!(named, kept),
        other => panic!("expected a clash with the first, but: {other:?}"),
    }
    assert_eq!(s.store.grant(&second_hash), None);
    assert_eq!(
        s.store.list_grants(&grants_of(&Principal::Operator)).len(),
        1
    );
}

async fn of_clashing_grants_asked_for_at_once_one_is_kept(s: Subject) {
    let both = two_splits(&s).map(|(grant, hash)| s.store.insert_grant(grant, hash, T0));
    let kept = together(both.into()).await;
    assert_eq!(kept.iter().filter(|answer| answer.is_ok()).count(), 1);
    let listed = s.store.list_grants(&grants_of(&Principal::Operator));
    assert_eq!(listed.len(), 1);
}

async fn a_dead_grant_clashes_with_nobody(s: Subject) {
    let [(mut first, first_hash), (second, second_hash)] = two_splits(&s);
    first.expires_at = Some(at(10));
    s.insert((first.clone(), first_hash)).await.expect("first");
    let early = s.store.insert_grant(second.clone(), second_hash, at(9));
    assert!(early.await.is_err(), "the first lives for another second");
    let later = s.store.insert_grant(second.clone(), second_hash, at(10));
    later.await.expect("the first has expired");

    s.store
        .revoke_grants(vec![second.id], at(11))
        .await
        .expect("revoked");
    first.id = GrantId::new(at(12), 1);
    first.expires_at = None;
    let third = s.store.insert_grant(first, hash(99), at(12));
    third.await.expect("the second is revoked");
}

async fn twins_of_one_jid_do_not_clash(s: Subject) {
    let one = s.mint("acme", "github").await;
    let other = s.mint("acme", "github").await;
    assert_eq!(one.jid(), other.jid());
    assert_ne!(one.id, other.id);
}

async fn revoking_says_which_grants_were_live_until_now(s: Subject) {
    let (mut short, short_hash) = s.record("acme", "short");
    short.expires_at = Some(at(1));
    let short = s.insert((short, short_hash)).await.expect("kept").id;
    let one = s.mint("acme", "one").await.id;
    let two = s.mint("acme", "two").await.id;
    let nobody = GrantId::new(T0, 12_345);

    let revoke = async |ids: &[GrantId]| {
        let revoked = s.store.revoke_grants(ids.to_vec(), at(5)).await;
        revoked.expect("revoked")
    };
    assert_eq!(revoke(&[one, one, nobody]).await, [one]);
    assert_eq!(revoke(&[one]).await, []);
    let mut rest = revoke(&[one, two, short]).await;
    rest.sort();
    let mut expected = [two, short];
    expected.sort();
    assert_eq!(rest, expected, "an expired grant can still be revoked");
    assert_eq!(revoke(&[]).await, []);
}

async fn a_revoked_or_expired_grant_is_still_found_and_says_so(s: Subject) {
    let (mut grant, hash_of_it) = s.record("acme", "github");
    grant.expires_at = Some(at(10));
    let id = grant.id;
    s.insert((grant, hash_of_it)).await.expect("kept");
    let found = || s.store.grant(&hash_of_it).expect("still found");
    assert!(!found().is_live(at(10)));
    for later in [5, 6] {
        let revoked = s.store.revoke_grants(vec![id], at(later)).await;
        revoked.expect("asked twice");
    }
    assert_eq!(found().revoked_at, Some(at(5)), "the first time counts");
    let listed = s.store.list_grants(&grants_of(&Principal::Operator));
    assert_eq!(listed[0].grant, found());
}

async fn grants_are_listed_oldest_first_to_whoever_contains_their_owner(s: Subject) {
    let mut inserted = Vec::new();
    // Not in the order of their age, and one of them owned above its target.
    for (age, owner, target) in [
        (3, "a", "a/b"),
        (1, "ab", "ab"),
        (2, "a/b", "a/b"),
        (4, "c", "c"),
    ] {
        let (mut grant, hash_of_it) = s.record(target, "github");
        grant.owner_folder = in_folder(owner);
        grant.created_at = at(age);
        grant.id = GrantId::new(at(age), age.into());
        inserted.push(s.insert((grant, hash_of_it)).await.expect("kept"));
    }
    let [a, ab, a_b, c] = [0, 1, 2, 3].map(|i: usize| inserted[i].clone());
    let seen_by = |principal: &Principal| -> Vec<Arc<Grant>> {
        let listed = s.store.list_grants(&grants_of(principal));
        listed.into_iter().map(|entry| entry.grant).collect()
    };
    assert_eq!(
        seen_by(&Principal::Operator),
        [&ab, &a_b, &a, &c].map(Arc::clone)
    );
    assert_eq!(seen_by(&agent("a")), [&a_b, &a].map(Arc::clone));
    assert_eq!(seen_by(&agent("a/b")), [a_b]);
    assert_eq!(seen_by(&agent("ab")), [ab]);
    assert_eq!(seen_by(&agent("b")), []);
}

async fn a_grant_is_found_by_its_id_by_whoever_contains_its_owner(s: Subject) {
    let (mut grant, hash) = s.record("a/b", "github");
    grant.owner_folder = in_folder("a");
    let grant = s.insert((grant, hash)).await.expect("kept");
    let found = |who: &Principal| s.store.grant_of(grant.id, &grants_of(who));
    for who in [Principal::Operator, agent("a")] {
        assert_eq!(found(&who), Some(grant.clone()), "{who}");
    }
    for who in [agent("a/b"), agent("ab")] {
        assert_eq!(found(&who), None, "{who}");
    }
    let revoked = s.store.revoke_grants(vec![grant.id], at(1)).await;
    assert_eq!(revoked, Ok(vec![grant.id]));
    let revoked_at = found(&agent("a")).expect("remembered").revoked_at;
    assert_eq!(revoked_at, Some(at(1)));
    let unknown = GrantId::new(at(0), 999);
    assert_eq!(s.store.grant_of(unknown, &grants_of(&agent("a"))), None);
}

async fn grants_are_counted_by_their_owners_until_they_are_revoked(s: Subject) {
    let beside = |folder: &str| s.store.count_grants(&in_folder(folder));
    let count = |all, within| Count { all, within };
    assert_eq!(beside("acme"), count(0, 0));
    let one = s.mint("acme/eng", "github").await;
    let (mut handed_down, of_it) = s.record("other", "github");
    handed_down.owner_folder = in_folder("acme");
    s.insert((handed_down, of_it)).await.expect("kept");
    s.mint("acmecorp", "github").await;
    assert_eq!(beside("acme/ops"), count(3, 2));
    assert_eq!(beside("other"), count(3, 0));
    for _ in 0..2 {
        let revoked = s.store.revoke_grants(vec![one.id], T0).await;
        revoked.expect("revoked, or was");
        assert_eq!(beside("acme"), count(2, 1));
    }
}

async fn the_grants_of_a_jid_are_those_that_write_it(s: Subject) {
    let one = s.mint("acme", "github").await;
    let twin = s.mint("acme", "github").await;
    let other = s.mint("acme", "gitlab").await;
    let of = |jid: &Jid, principal: &Principal| -> Vec<GrantId> {
        let found = s.store.grants_of(jid, &grants_of(principal));
        let mut ids: Vec<_> = found.iter().map(|grant| grant.id).collect();
        ids.sort();
        ids
    };
    assert_eq!(of(&one.jid(), &Principal::Operator), [one.id, twin.id]);
    assert_eq!(of(&other.jid(), &agent("acme")), [other.id]);
    assert_eq!(of(&one.jid(), &agent("acmecorp")), []);
    assert_eq!(
        of(&one.jid(), &agent("acme/eng")),
        [],
        "a child is not its parent"
    );
    let nowhere = "hook:acme/nobody".parse().expect("legal");
    assert_eq!(of(&nowhere, &Principal::Operator), []);
    s.store
        .revoke_grants(vec![one.id], T0)
        .await
        .expect("revoked");
    assert_eq!(
        of(&one.jid(), &Principal::Operator),
        [one.id, twin.id],
        "revoked ones too"
    );
}

async fn the_last_use_of_a_grant_is_the_last_arrival_that_was_stored(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let idle = s.mint("acme", "idle").await;
    let last_used_at = |id| {
        let listed = s.store.list_grants(&grants_of(&Principal::Operator));
        let entry = listed.into_iter().find(|entry| entry.grant.id == id);
        entry.expect("listed").last_used_at
    };
    assert_eq!(last_used_at(grant.id), None);
    let mut first = arrival(&grant);
    first.received_at = at(5);
    first.dedupe = Some(DedupeId::new("webhook-id", b"1"));
    s.stored(first.clone()).await;
    assert_eq!(last_used_at(grant.id), Some(at(5)));

    let mut elsewhere = arrival(&grant);
    elsewhere.received_at = at(6);
    elsewhere.to = Destination::folder(in_folder("acme/eng"));
    s.stored(elsewhere).await;
    assert_eq!(last_used_at(grant.id), Some(at(6)));

    first.received_at = at(7);
    assert!(matches!(s.put(first.clone()).await, Put::Duplicate(_)));
    s.store
        .revoke_grants(vec![grant.id], at(8))
        .await
        .expect("revoked");
    first.received_at = at(8).plus(Duration::from_secs(1));
    assert_eq!(s.put(first).await, Put::Revoked);
    assert_eq!(
        last_used_at(grant.id),
        Some(at(6)),
        "what was not stored is no use"
    );
    assert_eq!(last_used_at(idle.id), None);
}
