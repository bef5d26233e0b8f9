//! Leased, settled, given back, dead; and who is rung.

use std::{
    thread,
    time::{Duration, Instant},
};

use e2e::{api::ids, pace::assert_within, server::Home};
use serde_json::{Value, json};

use super::bodies;

#[test]
fn receive_leases_in_order_and_ack_settles_once() {
    let home = Home::new();
    let server = home.serve();
    let agent = server.agent("acme");
    let hook = agent.mint(json!({"source_label": "github"}));
    for n in 0..12 {
        hook.deliver(n.to_string().as_bytes());
    }
    let first = agent.receive(json!({}));
    assert_eq!(
        bodies(&first),
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
        "10 unless asked"
    );
    let rest = agent.receive(json!({"max": 100}));
    assert_eq!(bodies(&rest), ["10", "11"]);
    assert_eq!(agent.receive(json!({"max": 100})), Vec::<Value>::new());
    assert_eq!(agent.ack(&first), ["acked"; 10]);
    assert_eq!(agent.ack(&first), ["not_found"; 10]);
    let unknown = json!({"ids": ["01K0000000000000000000000A", "no id", rest[0]["id"]]});
    assert_eq!(
        agent.settle("ack", unknown),
        ["not_found", "not_found", "acked"]
    );
    let state = |n: usize| agent.get(&format!("/v1/messages/{}", ids(&rest)[n]))["state"].clone();
    assert_eq!((state(0), state(1)), (json!("settled"), json!("leased")));
}

#[test]
fn a_nacked_message_comes_again_and_after_five_attempts_it_is_dead_and_replayable() {
    let home = Home::new();
    let server = home.serve();
    let agent = server.agent("acme");
    let hook = agent.mint(json!({"source_label": "github"}));
    let id = hook.deliver(b"poison");
    for attempt in 1..=5 {
        let leased = agent.receive(json!({}));
        assert_eq!((leased.len(), &leased[0]["attempt"]), (1, &json!(attempt)));
        assert_eq!(agent.nack(&leased), ["nacked"]);
    }
    assert_eq!(agent.receive(json!({})).len(), 0, "dead");
    let dead = agent.get("/v1/messages?state=dead");
    assert_eq!(dead["messages"][0]["id"], id.as_str());
    let detail = agent.get(&format!("/v1/messages/{id}"));
    assert_eq!(detail["state"], "dead");
    assert_eq!(agent.ack(&[detail]), ["not_found"]);
    let path = format!("/v1/messages/{id}/replay");
    assert_eq!(
        agent.post(&path, json!({})),
        json!({"id": id, "replayed": true})
    );
    let again = agent.receive(json!({}));
    assert_eq!(
        (bodies(&again), &again[0]["id"]),
        (vec!["poison"], &json!(id))
    );
    assert_eq!(agent.ack(&again), ["acked"]);
    // What was settled can be replayed too.
    agent.post(&path, json!({}));
    assert_eq!(agent.receive(json!({})).len(), 1);
}

#[test]
fn a_nack_with_a_delay_keeps_the_message_back_so_long_and_a_waiting_receive_gets_it_then() {
    let home = Home::new();
    let server = home.serve();
    let agent = server.agent("acme");
    agent
        .mint(json!({"source_label": "github"}))
        .deliver(b"later");
    let leased = agent.receive(json!({}));
    let ask = json!({"ids": ids(&leased), "delay_seconds": 2});
    assert_eq!(agent.settle("nack", ask), ["nacked"]);
    assert_eq!(agent.receive(json!({})).len(), 0);
    let began = Instant::now();
    let again = agent.receive(json!({"wait_seconds": 20}));
    assert_eq!(bodies(&again), ["later"]);
    let took = began.elapsed();
    assert!(took > Duration::from_secs(1), "{took:?}");
    assert_within(Duration::from_secs(4), took);
}

#[test]
fn an_unsettled_lease_ends_after_60_s_and_its_late_ack_still_counts_until_another_has_it() {
    let home = Home::new();
    let server = home.serve();
    let agent = server.agent("acme");
    let (one, other) = (agent.clone().named("one"), agent.clone().named("other"));
    let hook = agent.mint(json!({"source_label": "github"}));
    hook.deliver(b"taken over");
    hook.deliver(b"acked late");
    let began = Instant::now();
    let first = one.receive(json!({}));
    assert_eq!(first.len(), 2);
    // It waits in two goes, because one is 50 s at the most.
    assert_eq!(other.receive(json!({"wait_seconds": 50})).len(), 0);
    let again = other.receive(json!({"wait_seconds": 30, "max": 1}));
    let took = began.elapsed();
    assert!(took > Duration::from_secs(59), "{took:?}");
    assert_within(Duration::from_secs(66), took);
    assert_eq!(
        (bodies(&again), &again[0]["attempt"]),
        (vec!["taken over"], &json!(2))
    );
    assert_eq!(one.ack(&first), ["not_found", "acked"]);
    assert_eq!(other.ack(&again), ["acked"]);
    assert_eq!(other.receive(json!({})).len(), 0);
}

#[test]
fn a_waiting_receive_is_rung_at_once_and_an_empty_one_waits_its_time() {
    let home = Home::new();
    let server = home.serve();
    let agent = server.agent("acme");
    let hook = agent.mint(json!({"source_label": "github"}));
    let mut took = Vec::new();
    for _ in 0..5 {
        thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let messages = agent.receive(json!({"wait_seconds": 20}));
                (messages, Instant::now())
            });
            // It must wait before it is rung, or this would measure nothing.
            server.until_waited_at(1);
            assert!(!waiting.is_finished());
            let rung = Instant::now();
            hook.deliver(b"ring");
            let (messages, heard) = waiting.join().expect("no panic");
            assert_eq!(bodies(&messages), ["ring"]);
            agent.ack(&messages);
            took.push(heard.saturating_duration_since(rung));
        });
    }
    took.sort_unstable();
    assert_within(Duration::from_secs(1), took[2]);
    let began = Instant::now();
    assert_eq!(agent.receive(json!({"wait_seconds": 1})).len(), 0);
    let took = began.elapsed();
    assert!(took > Duration::from_millis(900), "{took:?}");
    assert_within(Duration::from_secs(3), took);
}

#[test]
fn two_receivers_never_hold_the_same_message() {
    let home = Home::new();
    let server = home.serve_with(&["--hook-rate", "0"]);
    let agent = server.agent("acme");
    let hook = agent.mint(json!({"source_label": "github"}));
    const COUNT: usize = 200;
    let mut taken: Vec<String> = thread::scope(|scope| {
        let receivers: Vec<_> = (0..6)
            .map(|n| {
                let agent = agent.clone().named(&n.to_string());
                scope.spawn(move || {
                    let mut mine = Vec::new();
                    loop {
                        let messages = agent.receive(json!({"max": 7, "wait_seconds": 2}));
                        if messages.is_empty() {
                            return mine;
                        }
                        mine.extend(ids(&messages).into_iter().map(str::to_owned));
                        assert!(agent.ack(&messages).iter().all(|status| status == "acked"));
                    }
                })
            })
            .collect();
        for _ in 0..COUNT {
            hook.deliver(b"{}");
        }
        receivers
            .into_iter()
            .flat_map(|one| one.join().expect("no panic"))
            .collect()
    });
    assert_eq!(taken.len(), COUNT);
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), COUNT);
}

#[test]
fn another_receiver_on_the_same_key_cannot_settle_what_is_leased() {
    let home = Home::new();
    let server = home.serve();
    let agent = server.agent("acme");
    agent
        .mint(json!({"source_label": "github"}))
        .deliver(b"mine");
    let (one, other) = (agent.clone().named("one"), agent.clone().named("other"));
    let leased = one.receive(json!({}));
    assert_eq!(other.ack(&leased), ["not_found"]);
    assert_eq!(other.nack(&leased), ["not_found"]);
    assert_eq!(one.ack(&leased), ["acked"]);
}

#[test]
fn a_lease_of_many_large_bodies_brings_some_of_them_whole_and_leaves_the_others() {
    let home = Home::new();
    let server = home.serve();
    let agent = server.agent("acme");
    let hook = agent.mint(json!({"source_label": "github"}));
    let large = vec![b'x'; 1024 * 1024];
    for _ in 0..10 {
        hook.deliver(&large);
    }
    let ask = json!({"max": 100, "max_body_bytes": 32 * 1024 * 1024});
    let first = agent.post("/v1/messages/receive", ask.clone());
    let some = first["messages"].as_array().expect("messages");
    assert!((2..9).contains(&some.len()), "{}", some.len());
    assert_eq!(first["more"], true);
    let whole = |message: &Value| message["body"].as_str().map(str::len) == Some(large.len());
    assert!(some.iter().all(whole));
    let rest = agent.post("/v1/messages/receive", ask);
    let rest = rest["messages"].as_array().expect("messages");
    assert_eq!(some.len() + rest.len(), 10);
    assert!(rest.iter().all(|message| message["attempt"] == 1));
}
