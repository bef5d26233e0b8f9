//! Laws of messages that are stored to be met as context.

use std::{sync::Arc, time::Duration};

use super::{
    list_laws,
    subject::{ANN, BOB, Subject, arrival, at, from, ids, inbox, pattern},
};
use crate::{
    grant::Grant,
    message::{Arrival, Happening, LifeEvent, Mode, State},
    ports::{LeaseRequest, Leased, Waiting},
};

list_laws![
    an_observed_message_is_never_pending,
    an_observed_message_is_met_once_even_when_nothing_is_pending,
    observed_messages_come_oldest_first_and_no_more_than_asked,
    observed_messages_come_from_the_inbox_and_the_pattern_asked_for,
    observed_messages_wait_for_a_pending_one_where_they_are_told_to,
    an_observed_message_stays_in_the_log_and_says_when_it_was_met,
    a_replayed_observed_message_is_pending_and_no_longer_context,
];

fn quiet(grant: &Arc<Grant>) -> Arrival {
    Arrival {
        mode: Mode::Observe,
        ..arrival(grant)
    }
}

async fn an_observed_message_is_never_pending(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.stored(quiet(&grant)).await;
    assert_eq!(s.state(id, at(0)).await, (State::Observed, 0));
    assert_eq!(
        s.store.waiting(&inbox("acme"), None, at(0)),
        Waiting::default()
    );
    assert!(!s.ack(id, ANN, at(0)).await, "there is nothing to settle");
    assert!(!s.nack(id, Duration::ZERO, ANN, at(0)).await);
    assert_eq!(s.take("acme", ANN, at(0)).await, []);
    assert!(!s.ack(id, ANN, at(0)).await);
    assert_eq!(s.state(id, at(1)).await, (State::Observed, 0));
}

async fn an_observed_message_is_met_once_even_when_nothing_is_pending(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.stored(quiet(&grant)).await;
    let mut request = from("acme", ANN, at(1));
    request.max = 0;
    request.body_limit = 2;
    let met = s.lease(request).await;
    assert_eq!(
        (ids(&met.observed), &met.observed[0].body[..]),
        (vec![id], &b"he"[..])
    );
    assert_eq!(met.observed[0].state, State::Observed);
    assert_eq!((met.messages, met.next_ready_at), (vec![], None));
    for who in [ANN, BOB] {
        assert_eq!(s.lease(from("acme", who, at(2))).await, Leased::default());
    }
}

async fn observed_messages_come_oldest_first_and_no_more_than_asked(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let mut observed = Vec::new();
    let mut pending = Vec::new();
    for _ in 0..3 {
        observed.push(s.stored(quiet(&grant)).await);
        pending.push(s.stored(arrival(&grant)).await);
    }
    let two = LeaseRequest {
        max: 1,
        max_observed: 2,
        ..from("acme", ANN, at(1))
    };
    let first = s.lease(two.clone()).await;
    assert_eq!(
        (ids(&first.messages), ids(&first.observed)),
        (vec![pending[0]], observed[..2].into())
    );
    let second = s.lease(two).await;
    assert_eq!(
        (ids(&second.messages), ids(&second.observed)),
        (vec![pending[1]], observed[2..].into())
    );
}

async fn observed_messages_come_from_the_inbox_and_the_pattern_asked_for(s: Subject) {
    let github = s.mint("acme", "github").await;
    let child = s.mint("acme/eng", "github").await;
    let id = s.stored(quiet(&github)).await;
    s.stored(quiet(&child)).await;
    let mut other = from("acme", ANN, at(1));
    other.pattern = pattern("hook:acme/linear");
    assert_eq!(s.lease(other).await, Leased::default());
    let none = LeaseRequest {
        max_observed: 0,
        ..from("acme", ANN, at(1))
    };
    assert_eq!(s.lease(none).await, Leased::default());
    let mut right = from("acme", ANN, at(1));
    right.pattern = pattern("hook:acme/github");
    assert_eq!(ids(&s.lease(right).await.observed), [id]);
}

async fn observed_messages_wait_for_a_pending_one_where_they_are_told_to(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let observed = s.stored(quiet(&grant)).await;
    let beside = |max| LeaseRequest {
        max,
        observed_alone: false,
        ..from("acme", ANN, at(1))
    };
    assert_eq!(s.lease(beside(1)).await, Leased::default());
    let pending = s.stored(arrival(&grant)).await;
    assert_eq!(s.lease(beside(0)).await.observed, [], "nothing was leased");
    let both = s.lease(beside(1)).await;
    assert_eq!(
        (ids(&both.messages), ids(&both.observed)),
        (vec![pending], vec![observed])
    );
}

async fn an_observed_message_stays_in_the_log_and_says_when_it_was_met(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.stored(quiet(&grant)).await;
    s.lease(from("acme", ANN, at(4))).await;
    assert_eq!(s.log().await, [id]);
    let met = LifeEvent {
        what: Happening::Observed,
        at: at(4),
        attempt: 0,
        attempted: true,
        reason: None,
    };
    assert_eq!(s.detail(id, at(5)).await.life, [met]);
}

async fn a_replayed_observed_message_is_pending_and_no_longer_context(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.stored(quiet(&grant)).await;
    assert!(s.replay(id, at(1)).await);
    assert_eq!(s.state(id, at(1)).await, (State::Pending, 0));
    let leased = s.lease(from("acme", ANN, at(2))).await;
    assert_eq!((ids(&leased.messages), leased.observed), (vec![id], vec![]));
    assert_eq!(leased.messages[0].mode, Mode::Observe, "as it was routed");
    assert!(s.ack(id, ANN, at(3)).await);
}
