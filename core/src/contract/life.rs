//! Laws of one message: seen by whom, its life, and its replay.

use std::time::Duration;

use super::{
    list_laws,
    subject::{
        ANN, BOB, Subject, agent, arrival, at, from, ids, in_folder, inbox, messages_of, session,
    },
};
use crate::{
    message::{Destination, Happening, LEASE, MessageId, Mode, State},
    principal::Principal,
};

list_laws![
    a_message_is_shown_to_whoever_contains_the_folder_it_was_routed_to,
    the_life_of_a_message_is_told_oldest_first,
    an_ended_fifth_lease_is_told_as_death_at_its_end,
    a_replayed_message_is_as_new_whatever_became_of_it,
    a_replayed_message_has_five_attempts_again,
    a_replay_out_of_scope_does_nothing,
    of_many_only_what_is_over_is_replayed_and_each_once,
];

async fn a_message_is_shown_to_whoever_contains_the_folder_it_was_routed_to(s: Subject) {
    let grant = s.mint("c", "github").await;
    let mut routed = arrival(&grant);
    routed.to = Destination {
        inbox: session("build"),
        folder: in_folder("a/b"),
    };
    let id = s.stored(routed).await;
    for (who, sees) in [
        (Principal::Operator, true),
        (agent("a"), true),
        (agent("a/b"), true),
        (agent("a/bc"), false),
        (agent("a/b/c"), false),
        (agent("c"), false),
    ] {
        let found = s.store.get(id, messages_of(&who), 10, at(0)).await;
        assert_eq!(found.expect("read").is_some(), sees, "{who}");
    }
    let nobodys = MessageId::new(at(9_999), 1);
    let found = s
        .store
        .get(nobodys, messages_of(&Principal::Operator), 10, at(0));
    assert_eq!(found.await, Ok(None));
}

async fn life(s: &Subject, id: MessageId, now: u64) -> Vec<(Happening, u64, u8)> {
    let life = s.detail(id, at(now)).await.life;
    life.iter()
        .map(|event| (event.what, event.at.since(at(0)).as_secs(), event.attempt))
        .collect()
}

async fn the_life_of_a_message_is_told_oldest_first(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.fill(&grant, 1).await[0];
    assert_eq!(life(&s, id, 1).await, []);
    s.take("acme", ANN, at(1)).await;
    assert!(s.nack(id, Duration::from_secs(5), ANN, at(2)).await);
    s.take("acme", BOB, at(7)).await;
    s.take("acme", ANN, at(7).plus(LEASE)).await;
    assert!(s.ack(id, ANN, at(70)).await);
    assert!(s.replay(id, at(71)).await);
    assert!(s.ack(id, ANN, at(72)).await);
    assert_eq!(
        life(&s, id, 80).await,
        [
            (Happening::Leased, 1, 1),
            (Happening::Nacked, 2, 1),
            (Happening::Leased, 7, 2),
            (Happening::Leased, 67, 3),
            (Happening::Acked, 70, 3),
            (Happening::Replayed, 71, 0),
            (Happening::Acked, 72, 0),
        ]
    );
}

async fn an_ended_fifth_lease_is_told_as_death_at_its_end(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.fill(&grant, 1).await[0];
    s.wear_out("acme", at(0)).await;
    let leases = (1..=5).map(|n: u8| (Happening::Leased, u64::from(n - 1) * 60, n));
    let leased: Vec<_> = leases.collect();
    assert_eq!(life(&s, id, 299).await, leased);
    let died = [leased, vec![(Happening::Died, 300, 5)]].concat();
    assert_eq!(life(&s, id, 300).await, died);
    assert_eq!(life(&s, id, 999).await, died);
    assert!(s.replay(id, at(1_000)).await);
    let replayed = [died, vec![(Happening::Replayed, 1_000, 0)]].concat();
    assert_eq!(life(&s, id, 1_000).await, replayed);

    // A nack of the fifth is an end as well.
    let id = s.stored(arrival(&grant)).await;
    for second in 2_000..2_005 {
        let taken = s.take("acme", ANN, at(second)).await;
        assert!(ids(&taken).contains(&id));
        assert!(s.nack(id, Duration::ZERO, ANN, at(second)).await);
    }
    let told = life(&s, id, 2_004).await;
    assert_eq!(
        told[8..],
        [
            (Happening::Leased, 2_004, 5),
            (Happening::Nacked, 2_004, 5),
            (Happening::Died, 2_004, 5),
        ]
    );
}

async fn a_replayed_message_is_as_new_whatever_became_of_it(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let dead = s.fill(&grant, 1).await[0];
    let now = s.wear_out("acme", at(0)).await;
    let mut one = arrival(&grant);
    one.received_at = now;
    let leased = s.stored(one.clone()).await;
    s.take("acme", BOB, now).await;
    let resting = s.stored(one.clone()).await;
    assert!(s.nack(resting, Duration::from_secs(999), ANN, now).await);
    let settled = s.stored(one.clone()).await;
    assert!(s.ack(settled, ANN, now).await);
    let pending = s.stored(one).await;
    s.rings.take();

    let all = [dead, leased, resting, settled, pending];
    for (id, state) in all.iter().zip([
        State::Dead,
        State::Leased,
        State::Pending,
        State::Settled,
        State::Pending,
    ]) {
        assert_eq!(s.state(*id, now).await.0, state);
        assert!(s.replay(*id, now).await, "{state}");
        assert_eq!(s.rings.take(), [(inbox("acme"), *id)], "{state}");
        assert_eq!(s.state(*id, now).await, (State::Pending, 0), "{state}");
    }
    let again = s.take("acme", ANN, now).await;
    assert_eq!(ids(&again), all);
    assert!(again.iter().all(|message| message.attempt == 1));
}

async fn a_replayed_message_has_five_attempts_again(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.fill(&grant, 1).await[0];
    let dead = s.wear_out("acme", at(0)).await;
    assert!(s.replay(id, dead).await);
    let dead = s.wear_out("acme", dead).await;
    assert_eq!(s.state(id, dead).await, (State::Dead, 5));
}

async fn a_replay_out_of_scope_does_nothing(s: Subject) {
    let grant = s.mint("a", "github").await;
    let id = s.fill(&grant, 1).await[0];
    assert!(s.ack(id, ANN, at(1)).await);
    s.rings.take();
    for who in [agent("ab"), agent("a/b"), agent("c")] {
        let replayed = s.store.replay(id, messages_of(&who), at(2)).await;
        assert_eq!(replayed, Ok(false), "{who}");
    }
    assert!(!s.replay(MessageId::new(at(9_999), 1), at(2)).await);
    assert_eq!(s.state(id, at(2)).await, (State::Settled, 0));
    assert_eq!(s.rings.take(), []);
    assert_eq!(s.lease(from("a", ANN, at(2))).await.messages, []);
    let replayed = s.store.replay(id, messages_of(&agent("a")), at(3)).await;
    assert_eq!(replayed, Ok(true));
}

async fn of_many_only_what_is_over_is_replayed_and_each_once(s: Subject) {
    let grant = s.mint("a", "github").await;
    let dead = s.fill(&grant, 1).await[0];
    let now = s.wear_out("a", at(0)).await;
    let mut one = arrival(&grant);
    one.received_at = now;
    let leased = s.stored(one.clone()).await;
    s.take("a", BOB, now).await;
    let settled = s.stored(one.clone()).await;
    assert!(s.ack(settled, ANN, now).await);
    let pending = s.stored(one.clone()).await;
    one.mode = Mode::Observe;
    let observed = s.stored(one).await;
    s.rings.take();

    let unknown = MessageId::new(at(9_999), 1);
    let all = [dead, unknown, leased, settled, dead, pending, observed];
    let replay = |who: Principal| s.store.replay_many(all.to_vec(), messages_of(&who), now);
    for stranger in [agent("ab"), agent("a/b")] {
        assert_eq!(replay(stranger).await, Ok(vec![false; 7]));
    }
    let replayed = replay(agent("a")).await.expect("replayed");
    assert_eq!(replayed, [true, false, false, true, false, false, true]);
    let rung: Vec<_> = s.rings.take().into_iter().map(|(_, id)| id).collect();
    assert_eq!(rung, [dead, settled, observed]);
    for id in [dead, settled, observed, pending] {
        assert_eq!(s.state(id, now).await, (State::Pending, 0));
    }
    assert_eq!(s.state(leased, now).await, (State::Leased, 1));
    let none = s
        .store
        .replay_many(Vec::new(), messages_of(&agent("a")), now);
    assert_eq!(none.await, Ok(vec![]));
}
