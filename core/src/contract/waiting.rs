//! Laws of what waits.

use std::time::Duration;

use super::{
    list_laws,
    subject::{ANN, BOB, Subject, arrival, at, from, inbox, pattern, session},
};
use crate::{
    backlog::{Backlog, Backlogs},
    message::{Cursor, LEASE, Mode},
    ports::{InboxSummary, LeaseRequest, Waiting},
};

list_laws![
    what_waits_is_counted_by_how_it_waits,
    what_waits_is_counted_by_inbox_and_pattern,
    what_is_settled_dead_or_observed_does_not_wait,
    a_peek_shows_what_a_lease_would_take_and_takes_nothing,
    a_summary_counts_what_others_hold_and_what_is_to_be_met,
    backlogs_say_of_every_inbox_what_is_unsettled_and_since_when,
    backlogs_name_the_fullest_inboxes_and_sum_up_the_rest,
];

async fn backlogs_say_of_every_inbox_what_is_unsettled_and_since_when(s: Subject) {
    let backlogs = async |now| s.store.backlogs(10, at(now)).await.expect("counted");
    assert_eq!(backlogs(0).await, Backlogs::default());
    let (acme, eng) = (
        s.mint("acme", "github").await,
        s.mint("acme/eng", "github").await,
    );
    let all = s.fill(&acme, 4).await;
    let mut quiet = arrival(&eng);
    quiet.mode = Mode::Observe;
    s.stored(quiet).await;
    let mut routed = arrival(&eng);
    (routed.to.inbox, routed.received_at) = (session("build"), at(3));
    s.stored(routed).await;
    let of = |pending, leased, oldest| Backlog {
        pending,
        leased,
        oldest: Some(at(oldest)),
    };
    let build = (session("build"), of(1, 0, 3));
    let mut expected = Backlogs {
        inboxes: vec![(inbox("acme"), of(4, 0, 0)), build],
        ..Backlogs::default()
    };
    assert_eq!(backlogs(9).await, expected);

    // Whatever is held or rests is unsettled still, and the oldest may be one of those.
    s.lease(LeaseRequest {
        max: 2,
        ..from("acme", ANN, at(10))
    })
    .await;
    assert!(s.nack(all[1], Duration::from_secs(90), ANN, at(10)).await);
    expected.inboxes[0].1 = of(3, 1, 0);
    assert_eq!(backlogs(11).await, expected);
    assert!(s.ack(all[0], ANN, at(12)).await);
    expected.inboxes[0].1 = of(3, 0, 1);
    assert_eq!(backlogs(13).await, expected);

    // A lease that ended is one no more, and what died with its last waits for nobody.
    for id in &all[1..] {
        assert!(s.ack(*id, ANN, at(100)).await);
    }
    let grant = s.mint("acme", "linear").await;
    s.fill(&grant, 1).await;
    let dead = s.wear_out("acme", at(200)).await;
    expected.inboxes.remove(0);
    expected.dead = 1;
    let found = s.store.backlogs(10, dead).await;
    assert_eq!(found.expect("counted"), expected);
}

async fn backlogs_name_the_fullest_inboxes_and_sum_up_the_rest(s: Subject) {
    for (folder, count) in [("d", 1), ("c", 3), ("b", 2), ("a", 1)] {
        let grant = s.mint(folder, "github").await;
        s.fill(&grant, count).await;
    }
    let backlogs = async |most| s.store.backlogs(most, at(9)).await.expect("counted");
    let names = |found: &Backlogs| -> Vec<_> {
        let inboxes = found.inboxes.iter();
        inboxes.map(|(inbox, _)| inbox.to_string()).collect()
    };
    let three = backlogs(3).await;
    assert_eq!(names(&three), ["a", "b", "c"]);
    assert_eq!(three.rest.pending, 1);
    let two = backlogs(2).await;
    assert_eq!(names(&two), ["b", "c"]);
    let rest = Backlog {
        pending: 2,
        leased: 0,
        oldest: Some(at(0)),
    };
    assert_eq!(two.rest, rest);
    assert_eq!(backlogs(0).await.rest.pending, 7);
    assert_eq!(backlogs(4).await.rest, Backlog::default());
}

async fn a_peek_shows_what_a_lease_would_take_and_takes_nothing(s: Subject) {
    let (github, linear) = (
        s.mint("acme", "github").await,
        s.mint("acme", "linear").await,
    );
    for grant in [&github, &linear, &github, &linear] {
        s.stored(arrival(grant)).await;
    }
    let peek = |text: Option<&str>, after, limit, now| {
        let pattern = text.and_then(pattern);
        s.store
            .peek(&inbox("acme"), pattern.as_ref(), after, limit, now)
    };
    let all = peek(None, Cursor(0), 10, at(9));
    assert_eq!(all.len(), 4);
    assert_eq!(peek(None, Cursor(0), 3, at(9)), all[..3]);
    assert_eq!(peek(None, all[1], 10, at(9)), all[2..]);
    assert_eq!(
        peek(Some("hook:acme/linear"), Cursor(0), 10, at(9)),
        [all[1], all[3]]
    );
    let taken = s
        .lease(LeaseRequest {
            max: 2,
            ..from("acme", ANN, at(9))
        })
        .await
        .messages;
    assert_eq!(
        taken.iter().map(|one| one.cursor).collect::<Vec<_>>(),
        all[..2]
    );
    assert_eq!(peek(None, Cursor(0), 10, at(9)), all[2..]);
    let lapsed = at(9).plus(LEASE);
    assert_eq!(peek(None, Cursor(0), 10, lapsed), all);
    assert_eq!(peek(None, all[0], 2, lapsed), all[1..3]);
}

async fn what_waits_is_counted_by_how_it_waits(s: Subject) {
    let grant = s.mint("acme", "github").await;
    assert_eq!(
        s.store.waiting(&inbox("acme"), None, at(0)),
        Waiting::default()
    );
    let all = s.fill(&grant, 6).await;
    let waiting = |now| s.store.waiting(&inbox("acme"), None, at(now));
    assert_eq!(
        waiting(9),
        Waiting {
            ready: 6,
            ..Waiting::default()
        }
    );
    s.lease(LeaseRequest {
        max: 2,
        ..from("acme", ANN, at(10))
    })
    .await;
    assert!(s.nack(all[1], Duration::from_secs(5), ANN, at(10)).await);
    assert!(s.nack(all[5], Duration::from_secs(90), ANN, at(10)).await);
    let expected = |ready, resting, leased, next: Option<u64>| Waiting {
        ready,
        resting,
        leased,
        next_ready_at: next.map(at),
    };
    assert_eq!(waiting(10), expected(3, 2, 1, Some(15)));
    assert_eq!(waiting(15), expected(4, 1, 1, Some(70)));
    assert_eq!(
        waiting(70),
        expected(5, 1, 0, Some(100)),
        "the lease has ended"
    );
    assert_eq!(waiting(100), expected(6, 0, 0, None));
}

async fn what_waits_is_counted_by_inbox_and_pattern(s: Subject) {
    let github = s.mint("acme", "github").await;
    let linear = s.mint("acme", "linear").await;
    let child = s.mint("acme/eng", "github").await;
    s.fill(&github, 1).await;
    s.fill(&linear, 2).await;
    s.fill(&child, 4).await;
    let mut routed = arrival(&github);
    routed.to.inbox = session("acme");
    s.stored(routed).await;
    let ready = |inbox, text: Option<&str>| {
        let pattern = text.and_then(pattern);
        s.store.waiting(&inbox, pattern.as_ref(), at(9)).ready
    };
    assert_eq!(ready(inbox("acme"), None), 3);
    assert_eq!(ready(inbox("acme/eng"), None), 4);
    assert_eq!(ready(session("acme"), None), 1);
    assert_eq!(ready(inbox("acmecorp"), None), 0);
    assert_eq!(ready(inbox("acme"), Some("hook:acme/linear")), 2);
    assert_eq!(ready(inbox("acme"), Some("hook:acme/**")), 3);
    assert_eq!(ready(inbox("acme"), Some("hook:acme/eng/*")), 0);

    // A lease outside the pattern is no reason to come back.
    let mut request = from("acme", ANN, at(9));
    request.pattern = pattern("hook:acme/github");
    s.lease(request).await;
    let pattern = pattern("hook:acme/linear");
    let linear = s.store.waiting(&inbox("acme"), pattern.as_ref(), at(9));
    assert_eq!(linear.next_ready_at, None);
    let all = s.store.waiting(&inbox("acme"), None, at(9));
    assert_eq!(all.next_ready_at, Some(at(9).plus(LEASE)));
}

async fn what_is_settled_dead_or_observed_does_not_wait(s: Subject) {
    let grant = s.mint("acme", "github").await;
    s.fill(&grant, 1).await;
    let dead = s.wear_out("acme", at(0)).await;
    let settled = s.stored(arrival(&grant)).await;
    assert!(s.ack(settled, ANN, dead).await);
    let mut quiet = arrival(&grant);
    quiet.mode = Mode::Observe;
    s.stored(quiet).await;
    assert_eq!(
        s.store.waiting(&inbox("acme"), None, dead),
        Waiting::default()
    );
}

async fn a_summary_counts_what_others_hold_and_what_is_to_be_met(s: Subject) {
    let grant = s.mint("acme", "github").await;
    s.fill(&grant, 3).await;
    let mut quiet = arrival(&grant);
    quiet.mode = Mode::Observe;
    s.stored(quiet).await;
    let summary = |by, text: Option<&str>, now| {
        let pattern = text.and_then(pattern);
        s.store
            .summary(&inbox("acme"), pattern.as_ref(), by, at(now))
    };
    let of = |leased_by_others, unmet| InboxSummary {
        leased_by_others,
        unmet,
    };
    assert_eq!(summary(ANN, None, 5), of(0, 1));
    s.lease(LeaseRequest {
        max: 2,
        max_observed: 0,
        ..from("acme", BOB, at(10))
    })
    .await;
    assert_eq!(summary(ANN, None, 11), of(2, 1));
    assert_eq!(summary(BOB, None, 11), of(0, 1));
    assert_eq!(summary(ANN, Some("hook:acme/*"), 11), of(2, 1));
    assert_eq!(summary(ANN, Some("hook:acme/eng/*"), 11), of(0, 0));
    s.take("acme", ANN, at(12)).await;
    assert_eq!(summary(ANN, None, 12), of(2, 0), "met, and its own");
    assert_eq!(summary(BOB, None, 12), of(1, 0));
    let over = 10 + LEASE.as_secs();
    assert_eq!(summary(ANN, None, over), of(0, 0), "leases that ended");
}
