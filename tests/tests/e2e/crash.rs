//! A 200 means that the message survives a crash.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use e2e::{
    api::Hook,
    server::{Home, wait_for},
};
use serde_json::json;

/// How many senders post at once.
const SENDERS: usize = 12;
/// How often the server is killed.
const CRASHES: usize = 5;
/// How many 200s there must be between two crashes.
const BETWEEN: usize = 150;

/// A body that names its delivery and differs from all others in length and bytes.
fn body(delivery: &str, n: usize) -> Vec<u8> {
    let mut body = format!("{{\"delivery\":\"{delivery}\",\"fill\":\"").into_bytes();
    body.extend(
        (0..n * 97 % 6_000).map(|at| b'a' + u8::try_from((at + n) % 26).expect("below 26")),
    );
    body.extend_from_slice(b"\"}");
    body
}

/// Posts one delivery until it is answered with a 200, as a provider does: the same id each time.
fn deliver(hook: &Hook, delivery: &str, body: &[u8], tries: &AtomicUsize) -> String {
    loop {
        tries.fetch_add(1, Ordering::Relaxed);
        let answer: io::Result<_> = hook.try_post(&[("webhook-id", delivery)], body);
        match answer {
            Ok(reply) if reply.status == 200 => {
                return reply.header("x-message-id").expect("an id").to_owned();
            }
            Ok(reply) => assert_eq!(reply.status, 503, "{}", reply.text()),
            // Nobody is there, or it was killed before it answered.
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

#[test]
fn every_200_is_there_exactly_once_after_kill_9_under_load() {
    let home = Home::new();
    let mut server = home.serve_with(&["--hook-rate", "0", "--log", "info"]);
    let operator = server.operator();
    let hooks = [
        operator.hook("acme", "one"),
        operator.hook("acme/eng", "two"),
    ];
    let answered: Mutex<BTreeMap<String, (String, Vec<u8>)>> = Mutex::default();
    let (count, tries, enough) = (
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicBool::new(false),
    );
    thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (hook, answered, count, tries, enough) =
                (&hooks[sender % 2], &answered, &count, &tries, &enough);
            scope.spawn(move || {
                for n in 0.. {
                    if enough.load(Ordering::Relaxed) {
                        return;
                    }
                    let delivery = format!("{sender}-{n}");
                    let body = body(&delivery, sender * 1_000 + n);
                    let id = deliver(hook, &delivery, &body, tries);
                    answered
                        .lock()
                        .expect("no panic")
                        .insert(id, (delivery, body));
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for crash in 1..=CRASHES {
            wait_for("more 200s", || {
                (count.load(Ordering::Relaxed) >= crash * BETWEEN).then_some(())
            });
            server.crash_and_restart();
        }
        wait_for("the last 200s", || {
            (count.load(Ordering::Relaxed) > (CRASHES + 1) * BETWEEN).then_some(())
        });
        enough.store(true, Ordering::Relaxed);
    });
    let answered = answered.into_inner().expect("no panic");
    assert_eq!(
        answered.len(),
        count.load(Ordering::Relaxed),
        "an id was given to two deliveries"
    );
    // One more crash, now that the last 200 is out.
    server.crash_and_restart();
    let operator = server.operator();
    let log = operator.log();
    let stored: BTreeMap<&str, &str> = log
        .iter()
        .map(|message| {
            (
                message["id"].as_str().expect("an id"),
                message["body"].as_str().expect("a body"),
            )
        })
        .collect();
    assert_eq!(stored.len(), log.len(), "an id stands in the log twice");
    for (id, (delivery, body)) in &answered {
        let have = stored.get(id.as_str()).map(|body| body.as_bytes());
        assert!(
            have == Some(body.as_slice()),
            "{id} of {delivery} had a 200 and is not what was sent: {have:?}"
        );
    }
    assert_eq!(
        stored.len(),
        answered.len(),
        "something is stored twice, under another id"
    );
    assert!(
        tries.load(Ordering::Relaxed) > answered.len(),
        "no crash met a delivery: nothing was tested"
    );
    // All are still known to be repeats, and all reach the inbox, once, in the log's order.
    for (id, (delivery, body)) in answered.iter().step_by(20) {
        let hook = &hooks[delivery
            .split('-')
            .next()
            .expect("a number")
            .parse::<usize>()
            .expect("a number")
            % 2];
        let reply = hook.post(&[("webhook-id", delivery)], body).expect(200);
        assert_eq!(reply.header("x-duplicate-of"), Some(id.as_str()));
    }
    let mut seen = BTreeSet::new();
    for folder in ["acme", "acme/eng"] {
        loop {
            let messages = operator.receive(json!({"folder": folder, "max": 100}));
            if messages.is_empty() {
                break;
            }
            assert!(
                operator
                    .ack(&messages)
                    .iter()
                    .all(|status| status == "acked")
            );
            for message in messages {
                assert_eq!(message["attempt"], 1);
                assert!(seen.insert(message["id"].as_str().expect("an id").to_owned()));
            }
        }
    }
    assert!(seen.iter().eq(answered.keys()));
}

#[test]
fn what_was_acked_and_answered_so_stays_settled_through_crashes_while_a_receiver_drains() {
    const COUNT: usize = 300;
    let home = Home::new();
    let mut server = home.serve_with(&["--hook-rate", "0", "--log", "info"]);
    let key = server.operator().issue_key("acme");
    let hook = server.operator().hook("acme", "github");
    for n in 0..COUNT {
        hook.deliver(n.to_string().as_bytes());
    }
    let mut settled = BTreeSet::new();
    let mut round = 0;
    while settled.len() < COUNT {
        let agent = e2e::api::Caller::new(&server, key.clone()).named("one");
        let messages = agent.receive(json!({"max": 20}));
        for message in &messages {
            let id = message["id"].as_str().expect("an id");
            assert!(!settled.contains(id), "{id} was acked and came again");
        }
        assert!(!messages.is_empty(), "{} of {COUNT} came", settled.len());
        // Half of the crashes come between the lease and the ack, which counts all the same.
        round += 1;
        if round % 4 == 1 {
            server.crash_and_restart();
        }
        let agent = e2e::api::Caller::new(&server, key.clone()).named("one");
        assert!(agent.ack(&messages).iter().all(|status| status == "acked"));
        settled.extend(e2e::api::ids(&messages).into_iter().map(str::to_owned));
        if round % 4 == 3 {
            server.crash_and_restart();
        }
    }
    let agent = e2e::api::Caller::new(&server, key).named("one");
    assert_eq!(agent.receive(json!({"max": 100})).len(), 0);
}

#[test]
fn a_revocation_that_was_answered_holds_after_a_crash() {
    let home = Home::new();
    let mut server = home.serve();
    for n in 0..5 {
        let operator = server.operator();
        let hook = operator.hook("acme", &format!("label{n}"));
        let made = operator
            .call("POST", "/v1/keys", Some(&json!({"folder": "acme"})))
            .expect(201)
            .json();
        operator
            .call("DELETE", &format!("/v1/route_tokens/{}", hook.jid), None)
            .expect(200);
        let path = format!("/v1/keys/{}", made["key_id"].as_str().expect("an id"));
        operator.call("DELETE", &path, None).expect(200);
        server.crash_and_restart();
        hook.post(&[], b"").expect(401);
        let dead = e2e::api::Caller::new(&server, made["key"].as_str().expect("a key").to_owned());
        dead.call("GET", "/v1/messages", None).expect(401);
    }
    assert_eq!(server.operator().log().len(), 0);
}

#[test]
fn a_crash_at_any_moment_of_a_start_leaves_a_store_that_opens() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme", "github");
    hook.deliver(b"kept");
    drop(server);
    for moment in 0..80 {
        let args = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--control",
            "127.0.0.1:0",
        ];
        let starting = home.start(&args, "server");
        // Every moment of a start is met by one of them; which one is the machine's to say.
        thread::sleep(Duration::from_millis(moment));
        drop(starting);
    }
    let server = home.serve();
    assert_eq!(server.operator().log()[0]["body"], "kept");
    // The same from nothing: the first start of all may be cut short too.
    for moment in 0..40 {
        let home = Home::new();
        let args = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--control",
            "127.0.0.1:0",
        ];
        let starting = home.start(&args, "server");
        thread::sleep(Duration::from_millis(moment * 2));
        drop(starting);
        home.serve()
            .operator()
            .hook("acme", "github")
            .deliver(b"{}");
    }
}
