//! Laws of arrivals: what is stored, what is a repeat, what is refused, who is told.

use std::{sync::Arc, time::Duration};

use super::{
    list_laws,
    subject::{
        Subject, T0, arrival, at, everything, hash, in_folder, inbox, just_before, session,
        together,
    },
};
use crate::{
    address::Address,
    grant::{Door, Grant, GrantId},
    message::{
        Arrival, DEDUPE_WINDOW, DedupeId, Destination, Happening, Head, Headers, Kind, Matched,
        Message, MessageId, Mode, REVIVAL_PAUSE, Reason, Repeats, RouteId, State,
    },
    ports::Put,
    time::Timestamp,
};

list_laws![
    a_message_reads_back_as_it_came,
    a_body_of_any_size_and_any_bytes_reads_back_whole,
    a_body_is_cut_at_the_limit_and_its_whole_length_told,
    ids_sort_by_arrival_even_when_the_clock_steps_back,
    a_repeat_is_a_duplicate_of_the_first_and_is_not_stored,
    a_known_id_with_another_body_or_query_is_a_message_of_its_own,
    a_message_of_its_own_is_known_for_a_window_of_its_own,
    a_repeat_counts_in_the_message_that_it_repeats,
    a_repeat_of_a_dead_message_makes_it_pending_again_once_an_hour,
    a_repeat_is_known_after_the_first_was_settled,
    an_id_is_forgotten_when_its_window_ends,
    one_id_through_two_grants_is_no_repeat,
    other_ids_and_none_are_no_repeats,
    nothing_comes_through_a_revoked_grant_whatever_copy_the_caller_holds,
    nothing_comes_through_a_grant_from_its_expiry_on,
    nothing_comes_through_a_grant_the_store_does_not_know,
    a_repeat_through_a_dead_grant_is_refused_as_such,
    what_was_refused_uses_up_no_id,
    by_the_time_put_returns_the_inbox_was_rung,
    what_is_observed_or_not_stored_rings_nobody,
    the_logs_growth_is_told_for_observed_messages_too,
    of_repeats_that_come_at_once_one_is_stored,
    what_comes_at_once_is_stored_each_under_an_id_of_its_own,
];

fn repeatable(grant: &Arc<Grant>, id: &[u8], received_at: Timestamp) -> Arrival {
    Arrival {
        received_at,
        dedupe: Some(DedupeId::new("webhook-id", id)),
        ..arrival(grant)
    }
}

async fn a_message_reads_back_as_it_came(s: Subject) {
    let (mut record, hash_of_it) = s.record("acme/eng", "github");
    record.context = Some("push events;\nsummarise daily".parse().expect("short"));
    record.door = Door::Hook {
        label: "github".parse().expect("legal"),
        suffix: Some("comments".parse().expect("legal")),
    };
    let grant = s.insert((record, hash_of_it)).await.expect("kept");
    let pairs = [
        ("x-b", "2, 3"),
        ("content-type", "text/\u{e9}"),
        ("x-empty", ""),
    ];
    let head = Head {
        method: "PATCH".into(),
        query: "a=1&b=%20".into(),
        peer: Some("2001:db8::7".parse().expect("legal")),
        headers: Headers::from_pairs(pairs.map(|(n, v)| (n.into(), v.into())).into()),
        from: Some("Ann".into()),
    };
    let to = Destination {
        inbox: session("build"),
        folder: in_folder("acme/eng/web"),
    };
    let rule = Some(Arc::new(Matched {
        id: RouteId::from_u128(5),
        said: "hook:** -> doorbell:/sessions/build".into(),
    }));
    let came = Arrival {
        to: to.clone(),
        rule: rule.clone(),
        kind: Kind::Handshake,
        received_at: at(3),
        head: head.clone(),
        test: true,
        repeat_of: Some(MessageId::from_u128(7)),
        ..arrival(&grant)
    };
    let id = s.stored(came).await;
    let expected = Message {
        id,
        cursor: s.store.end(),
        address: Address::Jid(grant.jid()),
        sender: "github".into(),
        grant: grant.id,
        context: grant.context.clone(),
        to,
        rule,
        kind: Kind::Handshake,
        mode: Mode::Trigger,
        received_at: at(3),
        head,
        body: "hello".into(),
        body_bytes: 5,
        attempt: 0,
        state: State::Pending,
        repeat_of: Some(MessageId::from_u128(7)),
        test: true,
        damaged: false,
    };
    let detail = s.detail(id, at(3)).await;
    assert_eq!(detail.message, expected);
    assert_eq!(detail.life, [], "nothing has happened to it yet");
}

async fn a_body_of_any_size_and_any_bytes_reads_back_whole(s: Subject) {
    let grant = s.mint("acme", "github").await;
    for length in [0, 1, 255, 65_536, 262_143, 262_144, 262_145, 1_048_576] {
        let bytes: Vec<u8> = (0..length).map(|i: u32| (i % 251) as u8 ^ 0x80).collect();
        let mut big = arrival(&grant);
        big.body = bytes.clone().into();
        let id = s.stored(big).await;
        let message = s.detail(id, T0).await.message;
        assert!(message.body == bytes, "{length} bytes");
        assert_eq!(message.body_bytes, u64::from(length));
    }
}

async fn a_body_is_cut_at_the_limit_and_its_whole_length_told(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.stored(arrival(&grant)).await;
    for (limit, body) in [(0, ""), (2, "he"), (5, "hello"), (6, "hello")] {
        let found = s.store.get(id, everything(), limit, T0).await;
        let message = found.expect("read").expect("there").message;
        assert_eq!(
            (&message.body[..], message.body_bytes),
            (body.as_bytes(), 5)
        );
    }
}

async fn ids_sort_by_arrival_even_when_the_clock_steps_back(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let mut ids = Vec::new();
    for second in [10, 10, 10, 2, 2, 11, 1] {
        let mut one = arrival(&grant);
        one.received_at = at(second);
        ids.push(s.stored(one).await);
    }
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    assert!(ids.is_sorted_by(|a, b| a.to_string() < b.to_string()));
    assert_eq!(s.log().await, ids);
    assert_eq!(s.detail(ids[3], T0).await.message.received_at, at(2));
}

async fn a_repeat_is_a_duplicate_of_the_first_and_is_not_stored(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let first = s.stored(repeatable(&grant, b"1", at(0))).await;
    let mut repeat = repeatable(&grant, b"1", at(1));
    // What the content is told by is the query and the body.
    repeat.head.method = "PUT".into();
    repeat.head.headers = Headers::from_pairs(vec![("x-retry".into(), "1".into())]);
    repeat.to = Destination::folder(in_folder("acme/eng"));
    for _ in 0..2 {
        assert_eq!(s.put(repeat.clone()).await, Put::Duplicate(first));
    }
    // A sender's clock is not asked, but ours may step back.
    let earlier = repeatable(&grant, b"1", T0.minus(Duration::from_secs(60)));
    assert_eq!(s.put(earlier).await, Put::Duplicate(first));
    assert_eq!(s.log().await, [first]);
}

/// The same id with another body.
fn variant(grant: &Arc<Grant>, body: &'static str, received_at: Timestamp) -> Arrival {
    Arrival {
        body: body.into(),
        ..repeatable(grant, b"1", received_at)
    }
}

async fn a_known_id_with_another_body_or_query_is_a_message_of_its_own(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let first = s.stored(repeatable(&grant, b"1", at(0))).await;
    let body = s.stored(variant(&grant, "another", at(1))).await;
    let mut queried = repeatable(&grant, b"1", at(2));
    queried.head.query = "n=2".into();
    let query = s.stored(queried.clone()).await;
    assert_eq!(s.log().await, [first, body, query]);
    for (id, of) in [(first, None), (body, Some(first)), (query, Some(first))] {
        assert_eq!(s.detail(id, at(3)).await.message.repeat_of, of);
    }
    // Each has retries of its own.
    queried.received_at = at(4);
    assert_eq!(s.put(queried).await, Put::Duplicate(query));
    let again = variant(&grant, "another", at(4));
    assert_eq!(s.put(again).await, Put::Duplicate(body));
    let again = repeatable(&grant, b"1", at(4));
    assert_eq!(s.put(again).await, Put::Duplicate(first));
    // What stands in the query is not taken for what stands in the body.
    let mut both = repeatable(&grant, b"1", at(5));
    (both.head.query, both.body) = ("n=2h".into(), "ello".into());
    s.stored(both).await;
}

async fn a_message_of_its_own_is_known_for_a_window_of_its_own(s: Subject) {
    let grant = s.mint("acme", "github").await;
    s.stored(repeatable(&grant, b"1", T0)).await;
    let later = just_before(T0.plus(DEDUPE_WINDOW));
    let second = s.stored(variant(&grant, "another", later)).await;
    // The first's window has ended, the second's has not.
    let third = s
        .stored(repeatable(&grant, b"1", T0.plus(DEDUPE_WINDOW)))
        .await;
    assert_eq!(s.detail(third, later).await.message.repeat_of, None);
    let end = later.plus(DEDUPE_WINDOW);
    let last = variant(&grant, "another", just_before(end));
    assert_eq!(s.put(last).await, Put::Duplicate(second));
    let fourth = s.stored(variant(&grant, "another", end)).await;
    assert_eq!(s.detail(fourth, end).await.message.repeat_of, Some(third));
}

async fn a_repeat_counts_in_the_message_that_it_repeats(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let first = s.stored(repeatable(&grant, b"1", at(0))).await;
    let other = s.stored(variant(&grant, "another", at(1))).await;
    assert_eq!(s.detail(first, at(1)).await.repeats, None);
    for second in 2..5 {
        s.put(repeatable(&grant, b"1", at(second))).await;
    }
    s.put(variant(&grant, "another", at(9))).await;
    let repeats = |count, last_at| Some(Repeats { count, last_at });
    let (one, two) = (s.detail(first, at(9)).await, s.detail(other, at(9)).await);
    assert_eq!(
        (one.repeats, two.repeats),
        (repeats(3, at(4)), repeats(1, at(9)))
    );
    assert_eq!((one.life, two.life), (vec![], vec![]));
    assert!(s.ack(first, super::subject::ANN, at(10)).await);
    s.put(repeatable(&grant, b"1", at(11))).await;
    let settled = s.detail(first, at(11)).await;
    assert_eq!(settled.repeats, repeats(4, at(11)));
    assert_eq!(settled.message.state, State::Settled, "it is done with");
}

async fn a_repeat_of_a_dead_message_makes_it_pending_again_once_an_hour(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let id = s.stored(repeatable(&grant, b"1", at(0))).await;
    let dead = s.wear_out("acme", at(0)).await;
    s.rings.take();
    assert_eq!(
        s.put(repeatable(&grant, b"1", dead)).await,
        Put::Duplicate(id)
    );
    assert_eq!(s.state(id, dead).await, (State::Pending, 0));
    assert_eq!(s.rings.take(), [(inbox("acme"), id)]);
    let life = s.detail(id, dead).await.life;
    let [.., died, again] = &life[..] else {
        panic!("{life:?}");
    };
    assert_eq!(
        (died.what, again.what),
        (Happening::Died, Happening::Replayed)
    );
    assert_eq!(
        (again.at, again.reason.clone()),
        (dead, Some(Reason::sent_again()))
    );
    // Dead once more within the hour, it stays so until that is over.
    let again = s.wear_out("acme", dead).await;
    let hour = dead.plus(REVIVAL_PAUSE);
    for (at, state) in [
        (again, State::Dead),
        (just_before(hour), State::Dead),
        (hour, State::Pending),
    ] {
        assert_eq!(
            s.put(repeatable(&grant, b"1", at)).await,
            Put::Duplicate(id)
        );
        assert_eq!(s.state(id, at).await.0, state, "{at}");
    }
    assert_eq!(s.detail(id, hour).await.repeats.map(|r| r.count), Some(4));
    assert_eq!(s.log().await, [id]);
}

async fn a_repeat_is_known_after_the_first_was_settled(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let first = s.stored(repeatable(&grant, b"1", at(0))).await;
    assert!(s.ack(first, super::subject::ANN, at(1)).await);
    assert_eq!(
        s.put(repeatable(&grant, b"1", at(2))).await,
        Put::Duplicate(first)
    );
}

async fn an_id_is_forgotten_when_its_window_ends(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let first = s.stored(repeatable(&grant, b"1", T0)).await;
    let end = T0.plus(DEDUPE_WINDOW);
    let last = repeatable(&grant, b"1", just_before(end));
    assert_eq!(s.put(last).await, Put::Duplicate(first));
    let second = s.stored(repeatable(&grant, b"1", end)).await;
    assert_ne!(second, first);
    // From then on it is the second that is repeated, for a window of its own.
    let last = repeatable(&grant, b"1", just_before(end.plus(DEDUPE_WINDOW)));
    assert_eq!(s.put(last).await, Put::Duplicate(second));
}

async fn one_id_through_two_grants_is_no_repeat(s: Subject) {
    let one = s.mint("acme", "github").await;
    let twin = s.mint("acme", "github").await;
    let first = s.stored(repeatable(&one, b"1", T0)).await;
    let second = s.stored(repeatable(&twin, b"1", T0)).await;
    assert_eq!(
        s.put(repeatable(&one, b"1", T0)).await,
        Put::Duplicate(first)
    );
    assert_eq!(
        s.put(repeatable(&twin, b"1", T0)).await,
        Put::Duplicate(second)
    );
}

async fn other_ids_and_none_are_no_repeats(s: Subject) {
    let grant = s.mint("acme", "github").await;
    s.stored(repeatable(&grant, b"1", T0)).await;
    s.stored(repeatable(&grant, b"2", T0)).await;
    let mut other_header = arrival(&grant);
    other_header.dedupe = Some(DedupeId::new("svix-id", b"1"));
    s.stored(other_header).await;
    s.fill(&grant, 2).await;
    assert_eq!(s.log().await.len(), 5);
}

async fn nothing_comes_through_a_revoked_grant_whatever_copy_the_caller_holds(s: Subject) {
    let live_copy = s.mint("acme", "github").await;
    let twin = s.mint("acme", "github").await;
    s.stored(arrival(&live_copy)).await;
    s.store
        .revoke_grants(vec![live_copy.id], at(9))
        .await
        .expect("revoked");
    assert!(live_copy.is_live(at(9)), "the caller's copy does not know");
    // Also one that came in before, by its own time, and was slow.
    for second in [0, 8, 9, 10] {
        let mut late = arrival(&live_copy);
        late.received_at = at(second);
        assert_eq!(s.put(late).await, Put::Revoked);
    }
    s.stored(arrival(&twin)).await;
    assert_eq!(s.log().await.len(), 2);
}

async fn nothing_comes_through_a_grant_from_its_expiry_on(s: Subject) {
    let (mut record, hash_of_it) = s.record("acme", "github");
    record.expires_at = Some(at(10));
    let grant = s.insert((record, hash_of_it)).await.expect("kept");
    let mut one = arrival(&grant);
    one.received_at = just_before(at(10));
    s.stored(one.clone()).await;
    one.received_at = at(10);
    // The store's own copy decides, not what the caller makes of it.
    one.via = crate::message::Via::Route(Arc::new(Grant {
        expires_at: None,
        ..(*grant).clone()
    }));
    assert_eq!(s.put(one).await, Put::Revoked);
    assert_eq!(s.log().await.len(), 1);
}

async fn nothing_comes_through_a_grant_the_store_does_not_know(s: Subject) {
    let known = s.mint("acme", "github").await;
    let stranger = Arc::new(Grant {
        id: GrantId::new(T0, 999),
        ..(*known).clone()
    });
    assert_eq!(s.put(arrival(&stranger)).await, Put::Revoked);
    assert!(s.log().await.is_empty());
    assert!(s.store.grant(&hash(999)).is_none());
}

async fn a_repeat_through_a_dead_grant_is_refused_as_such(s: Subject) {
    let grant = s.mint("acme", "github").await;
    s.stored(repeatable(&grant, b"1", T0)).await;
    s.store
        .revoke_grants(vec![grant.id], T0)
        .await
        .expect("revoked");
    assert_eq!(s.put(repeatable(&grant, b"1", T0)).await, Put::Revoked);
}

async fn what_was_refused_uses_up_no_id(s: Subject) {
    let (mut record, hash_of_it) = s.record("acme", "github");
    record.expires_at = Some(at(10));
    let grant = s.insert((record, hash_of_it)).await.expect("kept");
    assert_eq!(s.put(repeatable(&grant, b"1", at(10))).await, Put::Revoked);
    // The clock was set back meanwhile.
    s.stored(repeatable(&grant, b"1", at(9))).await;
}

async fn by_the_time_put_returns_the_inbox_was_rung(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let here = s.stored(arrival(&grant)).await;
    assert_eq!(s.rings.take(), [(inbox("acme"), here)]);
    let mut routed = arrival(&grant);
    routed.to.inbox = session("build");
    let there = s.stored(routed).await;
    assert_eq!(s.rings.take(), [(session("build"), there)]);
}

async fn what_is_observed_or_not_stored_rings_nobody(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let mut quiet = repeatable(&grant, b"1", T0);
    quiet.mode = Mode::Observe;
    s.stored(quiet).await;
    let repeat = repeatable(&grant, b"1", T0);
    assert!(matches!(s.put(repeat).await, Put::Duplicate(_)));
    s.store
        .revoke_grants(vec![grant.id], T0)
        .await
        .expect("revoked");
    assert_eq!(s.put(arrival(&grant)).await, Put::Revoked);
    assert_eq!(s.rings.take(), []);
}

async fn the_logs_growth_is_told_for_observed_messages_too(s: Subject) {
    let grant = s.mint("acme", "github").await;
    s.rings.take_grown();
    for mode in [Mode::Trigger, Mode::Observe] {
        let mut one = arrival(&grant);
        one.mode = mode;
        s.stored(one).await;
        assert!(s.rings.take_grown(), "{mode:?}");
    }
}

async fn of_repeats_that_come_at_once_one_is_stored(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let repeats = (0..8).map(|_| s.store.put(repeatable(&grant, b"1", T0)));
    let answers = together(repeats.collect()).await;
    let [first] = s.log().await[..] else {
        panic!("one is stored");
    };
    let count = |put| answers.iter().filter(|answer| **answer == Ok(put)).count();
    assert_eq!(count(Put::Stored(first)), 1);
    assert_eq!(count(Put::Duplicate(first)), 7);
    assert_eq!(s.rings.take(), [(inbox("acme"), first)]);
}

async fn what_comes_at_once_is_stored_each_under_an_id_of_its_own(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let bodies: Vec<String> = (0..50).map(|n| format!("body {n}")).collect();
    let arrivals = bodies.iter().map(|body| {
        let mut one = arrival(&grant);
        one.body = body.clone().into();
        s.store.put(one)
    });
    let answers = together(arrivals.collect()).await;
    let mut stored = Vec::new();
    for (answer, body) in answers.iter().zip(&bodies) {
        let Ok(Put::Stored(id)) = answer else {
            panic!("expected it to be stored, but: {answer:?}");
        };
        assert_eq!(s.detail(*id, T0).await.message.body, body.as_bytes());
        stored.push(*id);
    }
    stored.sort();
    assert_eq!(
        s.log().await,
        stored,
        "and the log stands in the ids' order"
    );
    let mut rung: Vec<_> = s.rings.take().into_iter().map(|(_, id)| id).collect();
    rung.sort();
    assert_eq!(rung, stored, "each was rung once");
}
