//! Laws of the log and its cursors.

use std::time::Duration;

use super::{
    list_laws,
    subject::{ANN, Subject, agent, arrival, at, from, ids, in_folder, messages_of, pattern, read},
};
use crate::{
    message::{Destination, LEASE, MessageId, State},
    ports::{Order, ReadRequest},
    principal::Principal,
};

list_laws![
    pages_hold_every_message_once_in_either_order,
    reading_changes_nothing,
    a_cursor_is_always_returned_and_stays_good_at_the_end,
    a_page_from_the_end_holds_only_what_comes_later,
    a_page_from_a_message_goes_on_behind_it,
    a_page_that_found_nothing_still_moves_on,
    a_page_is_filtered_by_pattern,
    a_page_is_filtered_by_how_messages_stand_at_the_time,
    a_page_is_filtered_by_folder_and_by_time,
    a_page_reaches_no_further_than_the_scope,
    a_body_in_a_page_is_cut_at_the_limit,
    a_page_says_whether_the_log_goes_on,
    what_came_through_a_probe_is_shown_while_it_lives_and_never_after,
    a_page_holds_no_more_bytes_than_it_may_but_for_its_first_message,
];

/// Every id that pages of so many bring, and how many pages that took.
async fn walk(s: &Subject, order: Order, limit: usize) -> (Vec<MessageId>, usize) {
    let mut request = ReadRequest {
        order,
        limit,
        ..read(at(0))
    };
    let mut found = Vec::new();
    for pages in 0..100 {
        let page = s.page(request.clone()).await;
        assert!(page.messages.len() <= limit);
        if page.messages.is_empty() {
            return (found, pages);
        }
        found.extend(ids(&page.messages));
        request.cursor = Some(page.cursor);
    }
    panic!("the pages have no end")
}

async fn pages_hold_every_message_once_in_either_order(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let all = s.fill(&grant, 7).await;
    let backwards: Vec<_> = all.iter().rev().copied().collect();
    for (limit, pages) in [(1, 7), (3, 3), (7, 1), (100, 1)] {
        let oldest = walk(&s, Order::OldestFirst, limit).await;
        assert_eq!(oldest, (all.clone(), pages));
        let newest = walk(&s, Order::NewestFirst, limit).await;
        assert_eq!(newest, (backwards.clone(), pages));
    }
}

async fn reading_changes_nothing(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let all = s.fill(&grant, 2).await;
    let before = s.page(read(at(1))).await;
    assert_eq!(s.page(read(at(1))).await, before);
    assert_eq!(s.detail(all[0], at(1)).await.message, before.messages[0]);
    assert_eq!(s.take("acme", ANN, at(1)).await.len(), 2);
    assert_eq!(s.page(read(at(1))).await.messages[0].state, State::Leased);
}

async fn a_cursor_is_always_returned_and_stays_good_at_the_end(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let mut cursor = None;
    let mut seen = Vec::new();
    for round in 0..4 {
        let request = ReadRequest {
            cursor,
            ..read(at(0))
        };
        let page = s.page(request.clone()).await;
        assert_eq!(page.messages.len(), usize::from(round > 0));
        seen.extend(ids(&page.messages));
        let at_the_end = ReadRequest {
            cursor: Some(page.cursor),
            ..request
        };
        for _ in 0..2 {
            let nothing = s.page(at_the_end.clone()).await;
            assert_eq!((nothing.messages, nothing.cursor), (vec![], page.cursor));
        }
        cursor = Some(page.cursor);
        s.stored(arrival(&grant)).await;
    }
    assert_eq!(seen, s.log().await[..3]);

    // Backwards the end is the beginning.
    let newest = ReadRequest {
        order: Order::NewestFirst,
        ..read(at(0))
    };
    let page = s.page(newest.clone()).await;
    s.stored(arrival(&grant)).await;
    let rest = s.page(ReadRequest {
        cursor: Some(page.cursor),
        ..newest
    });
    assert_eq!(
        rest.await.messages,
        [],
        "what comes later is not further back"
    );
}

async fn a_page_from_the_end_holds_only_what_comes_later(s: Subject) {
    let grant = s.mint("acme", "github").await;
    for _ in 0..3 {
        let from_end = ReadRequest {
            cursor: Some(s.store.end()),
            ..read(at(0))
        };
        assert_eq!(s.page(from_end.clone()).await.messages, []);
        let id = s.stored(arrival(&grant)).await;
        assert_eq!(ids(&s.page(from_end).await.messages), [id]);
    }
}

async fn a_page_from_a_message_goes_on_behind_it(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let all = s.fill(&grant, 4).await;
    let leased = s.take("acme", ANN, at(9)).await;
    let listed = s.page(read(at(9))).await.messages;
    for (i, message) in listed.iter().enumerate() {
        assert_eq!(leased[i].cursor, message.cursor);
        assert_eq!(s.detail(all[i], at(9)).await.message.cursor, message.cursor);
        let mut request = ReadRequest {
            cursor: Some(message.cursor),
            ..read(at(9))
        };
        assert_eq!(s.page(request.clone()).await.messages, listed[i + 1..]);
        request.order = Order::NewestFirst;
        let mut before = s.page(request).await.messages;
        before.reverse();
        assert_eq!(before, listed[..i]);
    }
}

async fn a_page_that_found_nothing_still_moves_on(s: Subject) {
    let github = s.mint("acme", "github").await;
    let linear = s.mint("acme", "linear").await;
    s.fill(&github, 5).await;
    let request = ReadRequest {
        pattern: pattern("hook:acme/linear"),
        limit: 2,
        ..read(at(0))
    };
    let page = s.page(request.clone()).await;
    assert_eq!((page.messages, page.cursor), (vec![], s.store.end()));
    let id = s.stored(arrival(&linear)).await;
    s.fill(&github, 2).await;
    let page = s.page(ReadRequest {
        cursor: Some(page.cursor),
        ..request
    });
    let page = page.await;
    assert_eq!(
        (ids(&page.messages), page.cursor),
        (vec![id], s.store.end())
    );
}

async fn a_page_is_filtered_by_pattern(s: Subject) {
    let mut sent = Vec::new();
    for (folder, label) in [
        ("acme", "eng"),
        ("acme/eng", "github"),
        ("acme/eng", "linear"),
    ] {
        let grant = s.mint(folder, label).await;
        sent.push(s.stored(arrival(&grant)).await);
    }
    for (text, found) in [
        ("hook:acme/*", &sent[..1]),
        ("hook:acme/eng/*", &sent[1..]),
        ("hook:acme/**", &sent[..]),
        ("hook:*/eng/linear", &sent[2..]),
        ("hook:acme/nothing/**", &[]),
        ("web:acme/**", &[]),
        ("doorbell:/sessions/*", &[]),
    ] {
        let page = s.page(ReadRequest {
            pattern: pattern(text),
            ..read(at(0))
        });
        assert_eq!(ids(&page.await.messages), found, "{text}");
    }
}

async fn a_page_is_filtered_by_how_messages_stand_at_the_time(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let dead = s.fill(&grant, 1).await[0];
    let now = s.wear_out("acme", at(0)).await;
    let mut one = arrival(&grant);
    one.received_at = now;
    let leased = s.stored(one.clone()).await;
    s.take("acme", ANN, now).await;
    let settled = s.stored(one.clone()).await;
    assert!(s.ack(settled, ANN, now).await);
    let resting = s.stored(one.clone()).await;
    assert!(s.nack(resting, Duration::from_secs(9), ANN, now).await);
    let pending = s.stored(one.clone()).await;
    one.mode = crate::message::Mode::Observe;
    let observed = s.stored(one).await;

    let standing = async |state, now| {
        let page = s.page(ReadRequest {
            state: Some(state),
            ..read(now)
        });
        ids(&page.await.messages)
    };
    assert_eq!(standing(State::Dead, now).await, [dead]);
    assert_eq!(standing(State::Leased, now).await, [leased]);
    assert_eq!(standing(State::Settled, now).await, [settled]);
    assert_eq!(standing(State::Pending, now).await, [resting, pending]);
    assert_eq!(standing(State::Observed, now).await, [observed]);
    let later = now.plus(LEASE);
    assert_eq!(standing(State::Leased, later).await, []);
    assert_eq!(
        standing(State::Pending, later).await,
        [leased, resting, pending]
    );
}

async fn a_page_is_filtered_by_folder_and_by_time(s: Subject) {
    let above = s.mint("a", "github").await;
    let below = s.mint("a/b", "github").await;
    let beside = s.mint("ab", "github").await;
    let mut all = Vec::new();
    for (second, grant) in [(1, &above), (2, &below), (3, &beside), (4, &above)] {
        let mut one = arrival(grant);
        one.received_at = at(second);
        all.push(s.stored(one).await);
    }
    let found = async |within: Option<&str>, since: Option<u64>, until: Option<u64>| {
        let page = s.page(ReadRequest {
            within: within.map(in_folder),
            since: since.map(at),
            until: until.map(at),
            ..read(at(9))
        });
        ids(&page.await.messages)
    };
    assert_eq!(found(Some("a"), None, None).await, [all[0], all[1], all[3]]);
    assert_eq!(found(Some("a/b"), None, None).await, all[1..2]);
    assert_eq!(found(None, Some(2), None).await, all[1..]);
    assert_eq!(found(None, None, Some(4)).await, all[..3]);
    assert_eq!(found(None, Some(2), Some(3)).await, all[1..2]);
    assert_eq!(found(Some("ab"), Some(4), None).await, []);
    assert_eq!(found(None, Some(3), Some(2)).await, []);
}

async fn a_page_reaches_no_further_than_the_scope(s: Subject) {
    let grant = s.mint("c", "github").await;
    let mut sent = Vec::new();
    for to in ["a", "ab", "a/b", "c"] {
        let mut one = arrival(&grant);
        one.to = Destination::folder(in_folder(to));
        sent.push(s.stored(one).await);
    }
    let [a, ab, a_b, c] = [sent[0], sent[1], sent[2], sent[3]];
    for (who, found) in [
        (Principal::Operator, vec![a, ab, a_b, c]),
        (agent("a"), vec![a, a_b]),
        (agent("ab"), vec![ab]),
        (agent("a/b"), vec![a_b]),
        (agent("c"), vec![c]),
        (agent("c/d"), vec![]),
    ] {
        // A pattern that is wider than the scope is no error.
        for wide in [None, pattern("hook:**"), pattern("hook:c/github")] {
            let page = s.page(ReadRequest {
                scope: messages_of(&who),
                pattern: wide,
                ..read(at(0))
            });
            assert_eq!(ids(&page.await.messages), found, "{who}");
        }
    }
}

async fn a_body_in_a_page_is_cut_at_the_limit(s: Subject) {
    let grant = s.mint("acme", "github").await;
    s.fill(&grant, 1).await;
    s.lease(from("acme", ANN, at(1))).await;
    let page = s.page(ReadRequest {
        body_limit: 1,
        ..read(at(1))
    });
    let message = page.await.messages.remove(0);
    assert_eq!((&message.body[..], message.body_bytes), (&b"h"[..], 5));
}

async fn what_came_through_a_probe_is_shown_while_it_lives_and_never_after(s: Subject) {
    let lasting = s.mint("acme", "github").await;
    let (mut revoked, hash) = s.record("acme", "probe");
    revoked.probe = true;
    let revoked = s.insert((revoked, hash)).await.expect("no clash");
    let (mut expires, hash) = s.record("acme", "another");
    expires.probe = true;
    expires.expires_at = Some(at(10));
    let expires = s.insert((expires, hash)).await.expect("no clash");
    let kept = s.stored(arrival(&lasting)).await;
    let first = s.stored(arrival(&revoked)).await;
    let second = s.stored(arrival(&expires)).await;
    let shown = async |now| ids(&s.page(read(now)).await.messages);
    assert_eq!(shown(at(9)).await, [kept, first, second]);
    assert_eq!(s.detail(first, at(9)).await.message.id, first);

    let gone = s.store.revoke_grants(vec![revoked.id, lasting.id], at(9));
    assert_eq!(gone.await.expect("revoked").len(), 2);
    assert_eq!(shown(at(9)).await, [kept, second]);
    assert_eq!(shown(at(10)).await, [kept]);
    let (scope, body) = (messages_of(&agent("acme")), usize::MAX);
    for id in [first, second] {
        let found = s.store.get(id, scope.clone(), body, at(10)).await;
        assert_eq!(found.expect("readable"), None);
    }
}

async fn a_page_says_whether_the_log_goes_on(s: Subject) {
    let grant = s.mint("acme", "github").await;
    assert!(!s.page(read(at(0))).await.more, "of an empty log");
    s.fill(&grant, 3).await;
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let mut request = ReadRequest {
            order,
            limit: 2,
            ..read(at(0))
        };
        let first = s.page(request.clone()).await;
        assert!(first.more, "{order:?}");
        request.cursor = Some(first.cursor);
        for _ in 0..2 {
            let rest = s.page(request.clone()).await;
            assert!(!rest.more, "{order:?}");
            request.cursor = Some(rest.cursor);
        }
        request.cursor = None;
        request.limit = 3;
        assert!(!s.page(request).await.more, "{order:?}: full at the end");
    }
}

async fn a_page_holds_no_more_bytes_than_it_may_but_for_its_first_message(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let mut all = Vec::new();
    for length in [4_000, 1_000, 1_000, 3_000] {
        let mut one = arrival(&grant);
        one.body = vec![b'x'; length].into();
        all.push(s.stored(one).await);
    }
    let mut request = ReadRequest {
        budget: 2_900,
        ..read(at(0))
    };
    for (expected, more) in [(&all[..1], true), (&all[1..3], true), (&all[3..], false)] {
        let page = s.page(request.clone()).await;
        assert_eq!((&*ids(&page.messages), page.more), (expected, more));
        request.cursor = Some(page.cursor);
    }
    // What counts is what is read of a body.
    let cut = ReadRequest {
        body_limit: 100,
        cursor: None,
        ..request
    };
    assert_eq!(ids(&s.page(cut).await.messages), all);
    let backwards = ReadRequest {
        order: Order::NewestFirst,
        budget: 2_900,
        ..read(at(0))
    };
    assert_eq!(ids(&s.page(backwards).await.messages), all[3..]);
}
