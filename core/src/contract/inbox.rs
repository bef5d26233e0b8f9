//! Laws of leasing.

use std::time::Duration;

use super::{
    list_laws,
    subject::{
        ANN, BOB, Subject, arrival, at, from, ids, in_folder, inbox, just_before, pattern, read,
        session, together,
    },
};
use crate::{
    message::{Cursor, Destination, LEASE, Receiver, State},
    ports::{LeaseRequest, Leased},
};

list_laws![
    a_lease_takes_the_oldest_ready_messages_and_no_more_than_asked,
    what_one_receiver_holds_nobody_else_is_given,
    receivers_that_ask_at_once_share_no_message,
    an_unsettled_lease_returns_when_it_ends_with_its_attempt_one_higher,
    after_five_leases_that_came_to_nothing_a_message_is_dead,
    a_returned_message_is_given_before_younger_ones,
    an_inbox_is_exactly_its_folder_and_neither_child_nor_namesake,
    a_session_and_its_folder_are_two_inboxes,
    several_inboxes_are_leased_from_oldest_first,
    a_pattern_narrows_a_lease_and_leaves_the_rest_alone,
    a_pattern_that_matches_nothing_leases_nothing,
    a_leased_body_is_cut_at_the_limit,
    where_fewer_were_ready_the_next_end_of_a_lease_or_rest_is_told,
    leasing_nothing_changes_nothing,
    of_places_that_are_named_a_lease_takes_those_that_are_ready_and_no_others,
];

async fn a_lease_takes_the_oldest_ready_messages_and_no_more_than_asked(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let other = s.mint("acme", "linear").await;
    let mut all = s.fill(&grant, 3).await;
    all.extend(s.fill(&other, 2).await);
    let two = LeaseRequest {
        max: 2,
        ..from("acme", ANN, at(9))
    };
    let first = s.lease(two.clone()).await.messages;
    assert_eq!(ids(&first), all[..2]);
    for message in &first {
        assert_eq!((message.state, message.attempt), (State::Leased, 1));
        let stored = s.detail(message.id, at(9)).await.message;
        assert_eq!(*message, stored, "it is leased as it stands");
    }
    assert_eq!(ids(&s.lease(two.clone()).await.messages), all[2..4]);
    assert_eq!(ids(&s.lease(two.clone()).await.messages), all[4..]);
    assert_eq!(ids(&s.lease(two).await.messages), []);
}

async fn what_one_receiver_holds_nobody_else_is_given(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let all = s.fill(&grant, 2).await;
    assert_eq!(ids(&s.take("acme", ANN, at(5)).await), all);
    let end = at(5).plus(LEASE);
    for (who, when) in [(BOB, at(5)), (ANN, at(6)), (BOB, just_before(end))] {
        assert_eq!(ids(&s.take("acme", who, when).await), []);
    }
}

async fn receivers_that_ask_at_once_share_no_message(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let all = s.fill(&grant, 12).await;
    let asked: Vec<_> = (0..6)
        .map(|n| {
            let receiver = Receiver(n);
            s.store.lease(LeaseRequest {
                max: 3,
                ..from("acme", receiver, at(20))
            })
        })
        .collect();
    let mut given = Vec::new();
    for answer in together(asked).await {
        given.extend(ids(&answer.expect("leased").messages));
    }
    given.sort();
    assert_eq!(given, all, "each is given to one");
}

async fn an_unsettled_lease_returns_when_it_ends_with_its_attempt_one_higher(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.fill(&grant, 1).await[0];
    let short = Duration::from_secs(7);
    let leased = s.lease(LeaseRequest {
        lease_for: short,
        ..from("acme", ANN, at(5))
    });
    assert_eq!(leased.await.messages[0].attempt, 1);
    let end = at(5).plus(short);
    assert_eq!(s.state(id, just_before(end)).await, (State::Leased, 1));
    assert_eq!(ids(&s.take("acme", BOB, just_before(end)).await), []);
    assert_eq!(s.state(id, end).await, (State::Pending, 1));
    let again = s.take("acme", BOB, end).await;
    assert_eq!((again[0].id, again[0].attempt), (id, 2));
}

async fn after_five_leases_that_came_to_nothing_a_message_is_dead(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.fill(&grant, 1).await[0];
    let dead = s.wear_out("acme", at(0)).await;
    assert_eq!(s.state(id, just_before(dead)).await, (State::Leased, 5));
    assert_eq!(s.state(id, dead).await, (State::Dead, 5));
    assert_eq!(s.lease(from("acme", ANN, dead)).await, Leased::default());
    assert_eq!(ids(&s.take("acme", ANN, dead.plus(LEASE)).await), []);
    assert_eq!(s.log().await, [id], "it stays listed");
}

async fn a_returned_message_is_given_before_younger_ones(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let mut all = s.fill(&grant, 2).await;
    s.take("acme", ANN, at(5)).await;
    let mut young = arrival(&grant);
    young.received_at = at(6);
    all.push(s.stored(young).await);
    let again = s.take("acme", BOB, at(5).plus(LEASE)).await;
    assert_eq!(ids(&again), all);
    let attempts: Vec<_> = again.iter().map(|message| message.attempt).collect();
    assert_eq!(attempts, [2, 2, 1]);
}

async fn an_inbox_is_exactly_its_folder_and_neither_child_nor_namesake(s: Subject) {
    let mut sent = Vec::new();
    for folder in ["a", "ab", "a/b", "a/b/c"] {
        let grant = s.mint(folder, "github").await;
        sent.push((folder, s.stored(arrival(&grant)).await));
    }
    for (folder, id) in sent {
        assert_eq!(ids(&s.take(folder, ANN, at(1)).await), [id], "{folder}");
    }
    assert_eq!(ids(&s.take("b", ANN, at(1)).await), []);
}

async fn a_session_and_its_folder_are_two_inboxes(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let to_folder = s.stored(arrival(&grant)).await;
    let mut routed = arrival(&grant);
    routed.to.inbox = session("acme");
    let to_session = s.stored(routed).await;
    let mut from_session = from("acme", ANN, at(1));
    from_session.inboxes = vec![session("acme")];
    assert_eq!(ids(&s.take("acme", ANN, at(1)).await), [to_folder]);
    assert_eq!(ids(&s.lease(from_session).await.messages), [to_session]);
}

async fn several_inboxes_are_leased_from_oldest_first(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let piles = [
        Destination::folder(in_folder("acme")),
        Destination {
            inbox: session("build"),
            folder: in_folder("acme"),
        },
        Destination::folder(in_folder("acme/eng")),
    ];
    let mut all = Vec::new();
    for i in [1, 0, 2, 1, 0, 2] {
        let mut one = arrival(&grant);
        one.to = piles[i].clone();
        all.push(s.stored(one).await);
    }
    let mut both = from("acme", ANN, at(1));
    // An inbox named twice is one inbox.
    both.inboxes = vec![inbox("acme"), session("build"), inbox("acme")];
    both.max = 3;
    assert_eq!(
        ids(&s.lease(both.clone()).await.messages),
        [all[0], all[1], all[3]]
    );
    assert_eq!(ids(&s.lease(both).await.messages), [all[4]]);
    let mut none = from("acme/eng", ANN, at(1));
    none.inboxes.clear();
    assert_eq!(s.lease(none).await, Leased::default());
}

async fn a_pattern_narrows_a_lease_and_leaves_the_rest_alone(s: Subject) {
    let github = s.mint("acme", "github").await;
    let linear = s.mint("acme", "linear").await;
    let mut all = Vec::new();
    for grant in [&github, &linear, &github, &linear] {
        all.push(s.stored(arrival(grant)).await);
    }
    let mut narrow = from("acme", ANN, at(1));
    narrow.pattern = pattern("hook:*/linear");
    assert_eq!(ids(&s.lease(narrow).await.messages), [all[1], all[3]]);
    assert_eq!(s.state(all[0], at(1)).await, (State::Pending, 0));
    let mut wide = from("acme", ANN, at(1));
    wide.pattern = pattern("hook:**");
    assert_eq!(ids(&s.lease(wide).await.messages), [all[0], all[2]]);
}

async fn a_pattern_that_matches_nothing_leases_nothing(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.fill(&grant, 1).await[0];
    for text in ["hook:acme", "hook:acme/git", "hook:acme/github/*", "web:**"] {
        let mut request = from("acme", ANN, at(1));
        request.pattern = pattern(text);
        assert_eq!(s.lease(request).await, Leased::default(), "{text}");
    }
    assert_eq!(s.state(id, at(1)).await, (State::Pending, 0));
}

async fn a_leased_body_is_cut_at_the_limit(s: Subject) {
    let grant = s.mint("acme", "github").await;
    s.fill(&grant, 1).await;
    let mut request = from("acme", ANN, at(1));
    request.body_limit = 3;
    let message = s.lease(request).await.messages.remove(0);
    assert_eq!((&message.body[..], message.body_bytes), (&b"hel"[..], 5));
}

async fn where_fewer_were_ready_the_next_end_of_a_lease_or_rest_is_told(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let other = s.mint("acme", "linear").await;
    let all = s.fill(&grant, 2).await;
    s.stored(arrival(&other)).await;
    let github = |max, now| LeaseRequest {
        max,
        pattern: pattern("hook:acme/github"),
        ..from("acme", ANN, now)
    };
    let leased = s.lease(github(2, at(10))).await;
    assert_eq!(leased.next_ready_at, None, "as many as were asked for");
    let leased = s.lease(github(2, at(11))).await;
    assert_eq!(leased.next_ready_at, Some(at(10).plus(LEASE)));
    assert!(s.nack(all[1], Duration::from_secs(5), ANN, at(12)).await);
    let leased = s.lease(github(2, at(13))).await;
    assert_eq!(leased.next_ready_at, Some(at(17)), "the rest ends first");
    let leased = s.lease(github(2, at(17))).await;
    assert_eq!(ids(&leased.messages), [all[1]]);
    assert_eq!(
        leased.next_ready_at,
        Some(at(70)),
        "the first's lease ends before it"
    );
    for id in all {
        assert!(s.ack(id, ANN, at(18)).await);
    }
    let leased = s.lease(github(2, at(19))).await;
    assert_eq!(leased.next_ready_at, None, "nothing to wait for");

    let leased = s.lease(from("acme", ANN, at(20))).await;
    assert_eq!(leased.messages.len(), 1);
    assert_eq!(
        leased.next_ready_at,
        Some(at(80)),
        "the lease just made counts"
    );
}

async fn leasing_nothing_changes_nothing(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.fill(&grant, 1).await[0];
    let none = LeaseRequest {
        max: 0,
        ..from("acme", ANN, at(1))
    };
    assert_eq!(s.lease(none).await, Leased::default());
    assert_eq!(s.state(id, at(1)).await, (State::Pending, 0));
}

async fn of_places_that_are_named_a_lease_takes_those_that_are_ready_and_no_others(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let other = s.mint("acme", "linear").await;
    let elsewhere = s.mint("ab", "github").await;
    let mut all = s.fill(&grant, 2).await;
    all.extend(s.fill(&other, 2).await);
    all.extend(s.fill(&elsewhere, 1).await);
    let page = s.page(read(at(9))).await.messages;
    let place = |n: usize| page[n].cursor;
    let among = |places: Vec<Cursor>, max| LeaseRequest {
        among: Some(places),
        max,
        ..from("acme", ANN, at(9))
    };
    assert_eq!(s.lease(among(vec![], 100)).await.messages, []);
    assert_eq!(s.lease(among(vec![place(4)], 100)).await.messages, []);
    let mixed = vec![place(3), place(1), place(3), Cursor(999)];
    let taken = s.lease(among(mixed.clone(), 100)).await.messages;
    assert_eq!(ids(&taken), [all[1], all[3]]);
    assert_eq!(s.lease(among(mixed, 100)).await.messages, [], "held");
    let two = vec![place(0), place(2)];
    assert_eq!(ids(&s.lease(among(two, 1)).await.messages), all[..1]);
    assert_eq!(s.state(all[2], at(9)).await, (State::Pending, 0));
}
