//! Laws of acks and nacks.

use std::time::Duration;

use super::{
    list_laws,
    subject::{
        ANN, BOB, Subject, agent, arrival, at, ids, in_folder, just_before, messages_of, session,
        together,
    },
};
use crate::{
    message::{Destination, Happening, LEASE, MAX_REASON, MessageId, Reason, State},
    ports::{SettleRequest, Settlement},
    principal::Principal,
};

list_laws![
    what_is_acked_is_settled_and_never_given_again,
    nobody_settles_what_another_holds,
    once_a_lease_has_ended_anyone_in_scope_may_ack,
    whoever_held_it_may_not_settle_it_once_another_leased_it,
    what_nobody_leased_can_be_acked,
    a_nacked_message_rests_and_then_returns,
    a_nack_without_a_delay_makes_it_ready_at_once,
    a_nack_of_what_nobody_holds_only_delays_it,
    a_resting_message_can_be_acked_or_given_another_rest,
    a_nack_of_the_fifth_lease_is_death,
    a_nack_that_attempted_nothing_takes_the_attempt_back,
    a_nack_keeps_its_reason_and_every_death_has_one,
    the_answers_stand_in_the_order_of_the_ids,
    an_id_given_twice_is_settled_once,
    of_those_who_ack_at_once_one_did_it,
    a_settled_or_dead_message_cannot_be_settled,
    settling_reaches_no_further_than_the_scope,
];

const NO_DELAY: Duration = Duration::ZERO;

async fn what_is_acked_is_settled_and_never_given_again(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let all = s.fill(&grant, 2).await;
    s.take("acme", ANN, at(5)).await;
    assert!(s.ack(all[0], ANN, at(6)).await);
    assert_eq!(s.state(all[0], at(6)).await, (State::Settled, 1));
    let again = s.take("acme", ANN, at(5).plus(LEASE)).await;
    assert_eq!(ids(&again), all[1..], "only the other comes back");
    assert_eq!(s.log().await, all, "it stays in the log");
}

async fn nobody_settles_what_another_holds(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.fill(&grant, 1).await[0];
    s.take("acme", ANN, at(0)).await;
    let last = just_before(at(0).plus(LEASE));
    assert!(!s.ack(id, BOB, last).await);
    assert!(!s.nack(id, NO_DELAY, BOB, last).await);
    assert_eq!(s.state(id, last).await, (State::Leased, 1));
    assert!(s.ack(id, ANN, last).await);
}

async fn once_a_lease_has_ended_anyone_in_scope_may_ack(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let all = s.fill(&grant, 2).await;
    s.take("acme", ANN, at(0)).await;
    let end = at(0).plus(LEASE);
    assert!(s.ack(all[0], BOB, end).await);
    assert!(s.ack(all[1], ANN, end).await, "the late holder too");
    assert_eq!(s.state(all[0], end).await, (State::Settled, 1));
}

async fn whoever_held_it_may_not_settle_it_once_another_leased_it(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.fill(&grant, 1).await[0];
    s.take("acme", ANN, at(0)).await;
    let end = at(0).plus(LEASE);
    assert_eq!(ids(&s.take("acme", BOB, end).await), [id]);
    assert!(!s.ack(id, ANN, end).await);
    assert!(!s.nack(id, NO_DELAY, ANN, end).await);
    assert!(s.ack(id, BOB, end).await);
}

async fn what_nobody_leased_can_be_acked(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.fill(&grant, 1).await[0];
    assert!(s.ack(id, BOB, at(1)).await);
    assert_eq!(s.state(id, at(1)).await, (State::Settled, 0));
    assert_eq!(ids(&s.take("acme", ANN, at(2)).await), []);
}

async fn a_nacked_message_rests_and_then_returns(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.fill(&grant, 1).await[0];
    s.take("acme", ANN, at(0)).await;
    assert!(s.nack(id, Duration::from_secs(30), ANN, at(10)).await);
    let end = at(40);
    assert_eq!(s.state(id, at(10)).await, (State::Pending, 1));
    assert_eq!(ids(&s.take("acme", BOB, just_before(end)).await), []);
    let again = s.take("acme", BOB, end).await;
    assert_eq!((ids(&again), again[0].attempt), (vec![id], 2));
    assert!(!s.ack(id, ANN, end).await, "it is another's now");
}

async fn a_nack_without_a_delay_makes_it_ready_at_once(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.fill(&grant, 1).await[0];
    s.take("acme", ANN, at(0)).await;
    assert!(s.nack(id, NO_DELAY, ANN, at(1)).await);
    assert_eq!(s.take("acme", ANN, at(1)).await[0].attempt, 2);
}

async fn a_nack_of_what_nobody_holds_only_delays_it(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.fill(&grant, 1).await[0];
    assert!(s.nack(id, Duration::from_secs(30), BOB, at(0)).await);
    assert_eq!(s.state(id, at(0)).await, (State::Pending, 0));
    assert_eq!(ids(&s.take("acme", ANN, just_before(at(30))).await), []);
    assert_eq!(s.take("acme", ANN, at(30)).await[0].attempt, 1);

    // The same when its lease has ended.
    let end = at(30).plus(LEASE);
    assert!(s.nack(id, Duration::from_secs(30), BOB, end).await);
    assert_eq!(s.state(id, end).await, (State::Pending, 1));
    assert_eq!(ids(&s.take("acme", ANN, end).await), []);
}

async fn a_resting_message_can_be_acked_or_given_another_rest(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let all = s.fill(&grant, 2).await;
    for id in &all {
        assert!(s.nack(*id, Duration::from_secs(60), ANN, at(5)).await);
    }
    assert!(s.nack(all[0], Duration::from_secs(1), BOB, at(6)).await);
    assert!(s.ack(all[1], BOB, at(6)).await);
    assert_eq!(
        ids(&s.take("acme", ANN, at(7)).await),
        all[..1],
        "the last word counts"
    );
    assert_eq!(s.state(all[1], at(7)).await, (State::Settled, 0));
}

async fn a_nack_of_the_fifth_lease_is_death(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.fill(&grant, 1).await[0];
    for attempt in 1..=5 {
        assert_eq!(s.state(id, at(1)).await, (State::Pending, attempt - 1));
        assert_eq!(s.take("acme", ANN, at(1)).await[0].attempt, attempt);
        assert!(s.nack(id, NO_DELAY, ANN, at(1)).await);
    }
    assert_eq!(s.state(id, at(1)).await, (State::Dead, 5));
    assert_eq!(ids(&s.take("acme", ANN, at(100)).await), []);
}

async fn the_answers_stand_in_the_order_of_the_ids(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let all = s.fill(&grant, 4).await;
    assert!(s.ack(all[1], ANN, at(5)).await);
    let nobodys = MessageId::new(at(9_999), 1);
    let asked = [nobodys, all[3], all[1], all[0]];
    let answers = s.settle(Settlement::Ack, &asked, ANN, at(6)).await;
    assert_eq!(answers, [false, true, false, true]);
    assert_eq!(s.state(all[2], at(6)).await, (State::Pending, 0));
    assert!(s.settle(Settlement::Ack, &[], ANN, at(6)).await.is_empty());
}

async fn an_id_given_twice_is_settled_once(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.fill(&grant, 1).await[0];
    let nack = Settlement::nack(NO_DELAY);
    for how in [nack, Settlement::Ack] {
        let answers = s.settle(how, &[id, id, id], ANN, at(1)).await;
        assert_eq!(answers, [true, false, false]);
    }
}

async fn of_those_who_ack_at_once_one_did_it(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.fill(&grant, 1).await[0];
    let acks = [ANN, BOB, ANN].map(|receiver| {
        s.store.settle(SettleRequest {
            ids: vec![id],
            how: Settlement::Ack,
            receiver,
            scope: messages_of(&Principal::Operator),
            now: at(1),
        })
    });
    let mut answers = together(acks.into()).await;
    answers.sort_by_key(|answer| *answer == Ok(vec![true]));
    assert_eq!(answers, [Ok(vec![false]), Ok(vec![false]), Ok(vec![true])]);
}

async fn a_settled_or_dead_message_cannot_be_settled(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.fill(&grant, 1).await[0];
    let dead = s.wear_out("acme", at(0)).await;
    assert!(!s.ack(id, ANN, dead).await);
    assert!(!s.nack(id, NO_DELAY, ANN, dead).await);
    assert_eq!(s.state(id, dead).await, (State::Dead, 5));

    let id = s.stored(arrival(&grant)).await;
    assert!(s.ack(id, ANN, at(1)).await);
    assert!(!s.ack(id, ANN, at(1)).await);
    assert!(!s.nack(id, NO_DELAY, ANN, at(1)).await);
    assert_eq!(s.state(id, at(1)).await, (State::Settled, 0));
}

async fn settling_reaches_no_further_than_the_scope(s: Subject) {
    // Through one grant, routed to three places: the place decides, not the JID.
    let grant = s.mint("c", "github").await;
    let mut sent = Vec::new();
    for to in ["a", "ab", "a/b"] {
        let mut one = arrival(&grant);
        one.to = Destination::folder(in_folder(to));
        sent.push(s.stored(one).await);
    }
    let mut one = arrival(&grant);
    one.to = Destination {
        inbox: session("ab"),
        folder: in_folder("a"),
    };
    sent.push(s.stored(one).await);
    let settle = async |principal: Principal, how| {
        let request = SettleRequest {
            ids: sent.clone(),
            how,
            receiver: ANN,
            scope: messages_of(&principal),
            now: at(1),
        };
        s.store.settle(request).await.expect("settled")
    };
    let nack = Settlement::nack(NO_DELAY);
    assert_eq!(settle(agent("c"), nack.clone()).await, [false; 4]);
    assert_eq!(
        settle(agent("a/b"), nack).await,
        [false, false, true, false]
    );
    assert_eq!(
        settle(agent("a"), Settlement::Ack).await,
        [true, false, true, true]
    );
    let rest = settle(Principal::Operator, Settlement::Ack).await;
    assert_eq!(rest, [false, true, false, false]);
}

async fn a_nack_that_attempted_nothing_takes_the_attempt_back(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.fill(&grant, 1).await[0];
    let untried = |delay| Settlement::Nack {
        delay,
        reason: None,
        attempted: false,
    };
    // More often than there are attempts: it never dies of it.
    for n in 0..7 {
        let leased = s.take("acme", ANN, at(n)).await;
        assert_eq!((ids(&leased), leased[0].attempt), (vec![id], 1), "{n}");
        assert_eq!(s.settle(untried(NO_DELAY), &[id], ANN, at(n)).await, [true]);
        assert_eq!(s.state(id, at(n)).await, (State::Pending, 0));
    }
    // It rests as after any other nack.
    s.take("acme", ANN, at(10)).await;
    let rest = Duration::from_secs(30);
    assert_eq!(s.settle(untried(rest), &[id], ANN, at(10)).await, [true]);
    assert_eq!(ids(&s.take("acme", ANN, just_before(at(40))).await), []);
    // Four that counted stay counted, and the fifth is taken back.
    for n in 1..=5 {
        assert_eq!(s.take("acme", ANN, at(40)).await[0].attempt, n);
        if n < 5 {
            assert!(s.nack(id, NO_DELAY, ANN, at(40)).await);
        }
    }
    assert_eq!(
        s.settle(untried(NO_DELAY), &[id], ANN, at(41)).await,
        [true]
    );
    assert_eq!(s.state(id, at(41)).await, (State::Pending, 4));
    // Nobody holds it: there is no attempt to take back.
    assert_eq!(
        s.settle(untried(NO_DELAY), &[id], BOB, at(42)).await,
        [true]
    );
    assert_eq!(s.state(id, at(42)).await, (State::Pending, 4));
    let life = s.detail(id, at(42)).await.life;
    let nacked = life.iter().filter(|event| event.what == Happening::Nacked);
    let told: Vec<_> = nacked.map(|e| (e.attempt, e.attempted)).collect();
    assert_eq!(told[..2], [(1, false), (1, false)]);
    assert_eq!(
        told[8..],
        [
            (1, true),
            (2, true),
            (3, true),
            (4, true),
            (5, false),
            (4, true)
        ]
    );
}

async fn a_nack_keeps_its_reason_and_every_death_has_one(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let all = s.fill(&grant, 3).await;
    let why = |text: &str| text.parse::<Reason>().expect("a short reason");
    let long = "\u{1f514}".repeat(MAX_REASON);
    for n in 1..=5 {
        s.take("acme", ANN, at(n)).await;
        let reason = Some(why(if n == 1 {
            &long
        } else {
            "exit status 1\nno such table"
        }));
        let nack = |reason| Settlement::Nack {
            delay: NO_DELAY,
            reason,
            attempted: true,
        };
        assert_eq!(s.settle(nack(reason), &all[..1], ANN, at(n)).await, [true]);
        assert_eq!(s.settle(nack(None), &all[1..2], ANN, at(n)).await, [true]);
        if n < 5 {
            assert!(s.nack(all[2], NO_DELAY, ANN, at(n)).await);
        }
    }
    let end = at(5).plus(LEASE);
    let mut reasons = Vec::new();
    for id in &all {
        assert_eq!(s.state(*id, end).await, (State::Dead, 5));
        let life = s.detail(*id, end).await.life;
        reasons.push(
            life.into_iter()
                .map(|event| event.reason)
                .collect::<Vec<_>>(),
        );
    }
    let same = Some(why("exit status 1\nno such table"));
    assert_eq!(reasons[0][1], Some(why(&long)));
    assert_eq!(reasons[0][9..], [same.clone(), same]);
    assert_eq!(reasons[1][9..], [None, Some(Reason::given_back())]);
    assert_eq!(reasons[2].last(), Some(&Some(Reason::lease_ended())));
}
