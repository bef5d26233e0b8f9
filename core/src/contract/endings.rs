//! Laws of what becomes of messages whose session ends.

use std::{sync::Arc, time::Duration};

use super::{
    Subject, list_laws,
    subject::{
        ANN, BOB, arrival, at, everything, ids, in_folder, inbox, messages_of, open_session,
        session,
    },
};
use crate::{
    address::{Inbox, SessionRef},
    capability::Verb,
    channel::ChannelGrant,
    contract::T0,
    grant::{Grant, GrantId},
    message::{
        Arrival, Destination, Happening, Head, Kind, LEASE, MessageId, Mode, Reason, RouteId,
        State, Via,
    },
    ports::{LeaseRequest, Put, Waiting},
    principal::Principal,
    route::{HeaderGlobs, NewRule, Owner},
    session::Session,
    time::Timestamp,
};

list_laws![
    what_waits_for_a_session_that_ends_is_routed_anew_in_its_old_place_and_rings,
    what_is_held_when_its_session_ends_is_routed_anew_when_its_lease_ends,
    what_is_held_when_its_session_ends_is_its_receivers_to_settle,
    what_is_routed_anew_goes_where_the_rules_say_then,
    what_was_to_be_met_in_a_session_that_ends_is_met_elsewhere,
    a_replay_routes_anew_what_was_for_a_session_that_has_ended,
    a_channels_text_dies_with_its_session_and_is_not_replayed,
];

/// To the session `build` of acme, made at T0, by the way of acme's hook.
fn to_build(grant: &Arc<Grant>, received_at: Timestamp) -> Arrival {
    Arrival {
        to: Destination {
            inbox: session("build"),
            folder: in_folder("acme"),
        },
        received_at,
        ..arrival(grant)
    }
}

async fn end(s: &Subject, at: Timestamp) {
    let id = "build".parse().expect("legal");
    assert_eq!(s.store.end_session(id, at).await, Ok(true));
}

/// Up to so many from the session's inbox.
async fn take_from_build(s: &Subject, max: usize, now: Timestamp) -> Vec<MessageId> {
    let request = LeaseRequest {
        inboxes: vec![session("build")],
        max,
        ..super::subject::from("acme", ANN, now)
    };
    ids(&s.lease(request).await.messages)
}

async fn what_waits_for_a_session_that_ends_is_routed_anew_in_its_old_place_and_rings(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let resting = s.stored(to_build(&grant, at(0))).await;
    let waiting = s.stored(to_build(&grant, at(1))).await;
    let later = s.stored(Arrival {
        received_at: at(2),
        ..arrival(&grant)
    });
    let later = later.await;
    assert_eq!(take_from_build(&s, 1, at(3)).await, [resting]);
    assert!(s.nack(resting, Duration::from_secs(900), ANN, at(3)).await);
    s.rings.take();

    end(&s, at(4)).await;
    let mut rung = s.rings.take();
    rung.sort();
    assert_eq!(rung, [(inbox("acme"), resting), (inbox("acme"), waiting)]);
    assert_eq!(
        s.store.waiting(&session("build"), None, at(4)),
        Waiting::default()
    );
    assert_eq!(s.store.waiting(&inbox("acme"), None, at(4)).ready, 3);
    let detail = s.detail(resting, at(4)).await;
    let message = detail.message;
    assert_eq!((message.state, message.attempt), (State::Pending, 0));
    assert_eq!(message.to, Destination::folder(in_folder("acme")));
    let last = detail.life.last().expect("it has one");
    assert_eq!(last.what, Happening::Rerouted);
    assert_eq!(last.reason, Some(Reason::session_ended()));
    let taken = s.take("acme", BOB, at(5)).await;
    assert_eq!(ids(&taken), [resting, waiting, later]);
    assert!(taken.iter().all(|message| message.attempt == 1));
}

async fn what_is_held_when_its_session_ends_is_routed_anew_when_its_lease_ends(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let kept = s.stored(to_build(&grant, at(0))).await;
    let given_back = s.stored(to_build(&grant, at(1))).await;
    let taken = take_from_build(&s, 9, at(2)).await;
    assert_eq!(taken, [kept, given_back]);
    s.rings.take();
    end(&s, at(3)).await;
    assert_eq!(s.rings.take(), []);
    assert_eq!(s.state(kept, at(3)).await, (State::Leased, 1));

    assert!(s.nack(given_back, Duration::ZERO, ANN, at(4)).await);
    assert_eq!(ids(&s.take("acme", BOB, at(5)).await), [given_back]);
    let over = at(2).plus(LEASE);
    let taken = s.take("acme", BOB, over).await;
    assert_eq!(ids(&taken), [kept]);
    assert_eq!(taken[0].attempt, 1);
}

async fn what_is_held_when_its_session_ends_is_its_receivers_to_settle(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.stored(to_build(&grant, at(0))).await;
    assert_eq!(take_from_build(&s, 1, at(1)).await, [id]);
    end(&s, at(2)).await;
    assert!(s.ack(id, ANN, at(3)).await);
    assert_eq!(s.state(id, at(3)).await, (State::Settled, 1));
    assert_eq!(s.take("acme", BOB, at(99)).await, []);
}

async fn what_is_routed_anew_goes_where_the_rules_say_then(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.stored(to_build(&grant, at(0))).await;
    let rule = |n: u128, target: &str, session_made| NewRule {
        id: RouteId::from_u128(n),
        owner: Owner::Root,
        pattern: "hook:**".parse().expect("legal"),
        sender: None,
        headers: HeaderGlobs::default(),
        target: target.parse().expect("legal"),
        session_made,
        seq: None,
        created_at: at(1),
    };
    // One whose session is the one that ends, one whose session stands.
    let other = Session {
        id: "other".parse().expect("legal"),
        folder: in_folder("b"),
        named: true,
        probe: false,
        created_at: at(1),
        ended_at: None,
    };
    s.store.make_session(other).await.expect("made");
    for (n, id, made) in [(1, "build", T0), (2, "other", at(1))] {
        let target = format!("doorbell:/sessions/{id}");
        let set = s.store.set_rule(rule(n, &target, Some(made))).await;
        set.expect("kept");
    }
    end(&s, at(2)).await;
    let to = Inbox::Session(SessionRef {
        id: "other".parse().expect("legal"),
        made: at(1),
    });
    let message = s.detail(id, at(2)).await.message;
    assert_eq!(
        (&message.to.inbox, &message.to.folder),
        (&to, &in_folder("b"))
    );
    let by = message.rule.map(|rule| rule.id);
    assert_eq!(by, Some(RouteId::from_u128(2)));
    assert_eq!(s.store.waiting(&to, None, at(2)).ready, 1);
    // Who reads the folder that it is in now settles it, and nobody else.
    let settle = |who: &str| crate::ports::SettleRequest {
        ids: vec![id],
        how: crate::ports::Settlement::Ack,
        receiver: ANN,
        scope: messages_of(&Principal::Agent(in_folder(who))),
        now: at(3),
    };
    assert_eq!(s.store.settle(settle("acme")).await, Ok(vec![false]));
    assert_eq!(s.store.settle(settle("b")).await, Ok(vec![true]));
}

async fn what_was_to_be_met_in_a_session_that_ends_is_met_elsewhere(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let handshake = Arrival {
        kind: Kind::Handshake,
        mode: Mode::Observe,
        ..to_build(&grant, at(0))
    };
    let id = s.stored(handshake).await;
    end(&s, at(1)).await;
    assert_eq!(s.rings.take(), []);
    assert_eq!(s.state(id, at(1)).await, (State::Observed, 0));
    let leased = s.lease(super::subject::from("acme", ANN, at(2))).await;
    assert_eq!((leased.messages, ids(&leased.observed)), (vec![], vec![id]));
}

async fn a_replay_routes_anew_what_was_for_a_session_that_has_ended(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let settled = s.stored(to_build(&grant, at(0))).await;
    let many = s.stored(to_build(&grant, at(0))).await;
    for id in [settled, many] {
        assert!(s.ack(id, ANN, at(1)).await);
    }
    end(&s, at(2)).await;
    // A later session of that id, in another folder, has nothing of it.
    let later = Destination {
        inbox: session("build"),
        folder: in_folder("b"),
    };
    open_session(&*s.store, &later).await;
    assert_eq!(s.state(settled, at(3)).await.0, State::Settled);
    s.rings.take();
    assert!(s.replay(settled, at(4)).await);
    assert_eq!(s.rings.take(), [(inbox("acme"), settled)]);
    let replayed = s.store.replay_many(vec![many], everything(), at(4)).await;
    assert_eq!(replayed, Ok(vec![true]));
    assert_eq!(ids(&s.take("acme", BOB, at(5)).await), [settled, many]);
}

async fn a_channels_text_dies_with_its_session_and_is_not_replayed(s: Subject) {
    let grant = ChannelGrant {
        id: GrantId::new(T0, 1),
        session: SessionRef {
            id: "build".parse().expect("legal"),
            made: T0,
        },
        verb: Verb::SendInput,
        label: None,
        owner_folder: in_folder("acme"),
        probe: false,
        created_at: T0,
        expires_at: at(1_000_000),
        revoked_at: None,
    };
    let grant = s.store.insert_channel_grant(grant).await.expect("kept");
    let text = |received_at| Arrival {
        via: Via::Channel(grant.clone()),
        to: Destination {
            inbox: session("build"),
            folder: in_folder("acme"),
        },
        rule: None,
        kind: Kind::Channel,
        mode: Mode::Trigger,
        received_at,
        head: Head::default(),
        body: "deploy".into(),
        dedupe: None,
        test: false,
        repeat_of: None,
    };
    let held = s.stored(text(at(0))).await;
    let waiting = s.stored(text(at(1))).await;
    assert_eq!(take_from_build(&s, 1, at(2)).await, [held]);
    end(&s, at(3)).await;
    assert_eq!(s.state(waiting, at(3)).await, (State::Dead, 0));
    assert_eq!(s.state(held, at(3)).await, (State::Leased, 1));
    assert!(s.nack(held, Duration::ZERO, ANN, at(4)).await);
    // Whoever asks next finds it so.
    assert_eq!(s.take("acme", BOB, at(5)).await, []);
    for id in [waiting, held] {
        let detail = s.detail(id, at(5)).await;
        assert_eq!(detail.message.state, State::Dead);
        let last = detail.life.last().expect("it has one");
        assert_eq!(
            (last.what, &last.reason),
            (Happening::Died, &Some(Reason::session_ended()))
        );
        assert!(!s.replay(id, at(6)).await);
    }
    let both = vec![waiting, held];
    let replayed = s.store.replay_many(both, everything(), at(6)).await;
    assert_eq!(replayed, Ok(vec![false, false]));
    assert_eq!(s.state(waiting, at(7)).await, (State::Dead, 0));
    assert_eq!(s.put(text(at(8))).await, Put::Ended);
}
