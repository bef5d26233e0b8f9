//! Knocks at a session: what is said is heard once, in order, by whoever is attached, whatever
//! breaks meanwhile; and nothing is heard once the right to speak has ended.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use e2e::{
    http::{Reply, Wire, request, send},
    server::{Doorbell, Home, wait_for},
};
use serde_json::{Value, json};

/// Makes a named session and a channel token for it; the grant's id too.
fn expose(server: &Doorbell<'_>, session: &str) -> (String, String) {
    let operator = server.operator();
    let made = |path, ask: Value| operator.call("POST", path, Some(&ask)).expect(201).json();
    made("/v1/sessions", json!({"id": session, "folder": "acme"}));
    let exposed = made("/v1/channels", json!({"session_id": session}));
    let text = |name: &str| exposed[name].as_str().expect("a text").to_owned();
    (text("token"), text("grant_id"))
}

fn knock(server: &Doorbell<'_>, token: &str, words: &Value) -> Reply {
    let path = format!("/hook/{token}");
    send(
        server.front,
        "POST",
        &path,
        &[],
        words.to_string().as_bytes(),
    )
    .expect("answered")
}

/// A consumer of a session.
struct Attached(Wire);

impl Attached {
    /// Attaches, or says with which status that was refused.
    fn to(server: &Doorbell<'_>, session: &str) -> Result<Self, u16> {
        let mut wire = Wire::open(server.control).expect("listening");
        let target = format!("/v1/stream?session={session}&attach=true");
        let operator = server.operator();
        let bearer = format!("Bearer {}", operator.key());
        let ask = request("GET", &target, &[("Authorization", &bearer)], b"");
        wire.write(&ask).expect("written");
        let head = wire.stream().expect("a head");
        if head.status == 200 {
            Ok(Self(wire))
        } else {
            Err(head.status)
        }
    }

    /// The next pushed message; `None` once the session has ended.
    fn next(&mut self) -> Option<Value> {
        loop {
            let chunk = self.0.chunk().expect("a chunk")?;
            let chunk = String::from_utf8(chunk).expect("UTF-8");
            if chunk.starts_with("event: ended") {
                return None;
            }
            let data = chunk.lines().find_map(|line| line.strip_prefix("data: "));
            if let (true, Some(data)) = (chunk.starts_with("event: message"), data) {
                return Some(serde_json::from_str(data).expect("JSON"));
            }
        }
    }
}

/// Attaches as soon as the last one has been noticed to be gone.
fn attach(server: &Doorbell<'_>, session: &str) -> Attached {
    wait_for("a place at the session", || {
        Attached::to(server, session).ok()
    })
}

fn text(message: &Value) -> &str {
    message["body"].as_str().expect("a body")
}

#[test]
fn a_thousand_knocks_arrive_once_and_in_order_while_someone_attaches_and_leaves() {
    const KNOCKS: usize = 1_000;
    let home = Home::new();
    let server = home.serve_with(&["--hook-rate", "0"]);
    let (token, _) = expose(&server, "build");
    let operator = server.operator();
    let mut heard: Vec<usize> = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..KNOCKS {
                let reply = knock(&server, &token, &json!({"message": n.to_string()}));
                assert!(matches!(reply.status, 200 | 202), "{}", reply.text());
            }
        });
        let mut takes = [1, 7, 40, 3, 150].into_iter().cycle();
        while heard.len() < KNOCKS {
            let mut attached = attach(&server, "build");
            let most = takes.next().expect("a cycle").min(KNOCKS - heard.len());
            for _ in 0..most {
                let message = attached.next().expect("the session goes on");
                heard.push(text(&message).parse().expect("a number"));
                let acked = operator.ack(&[message]);
                assert_eq!(acked, ["acked"]);
            }
            // Gone without a word, with who knows how many on their way.
        }
    });
    assert_eq!(heard, (0..KNOCKS).collect::<Vec<_>>());
    let more = operator.get("/v1/messages?state=pending");
    assert_eq!(more["messages"], json!([]));
}

#[test]
fn what_was_pushed_to_a_consumer_that_died_is_pushed_to_the_next() {
    let home = Home::new();
    let server = home.serve();
    let (token, _) = expose(&server, "build");
    let first = attach(&server, "build");
    assert_eq!(
        Attached::to(&server, "build").err(),
        Some(409),
        "one consumer at a time"
    );
    let reply = knock(&server, &token, &json!({"message": "hello"})).expect(200);
    assert_eq!(reply.json()["status"], "delivered");
    drop(first);
    let message = attach(&server, "build").next().expect("still there");
    assert_eq!(message["id"], reply.json()["message_id"]);
    assert_eq!(message["attempt"], 0, "a push is no attempt");
}

#[test]
fn nothing_said_after_a_revoke_has_returned_is_stored() {
    let home = Home::new();
    let server = home.serve_with(&["--hook-rate", "0"]);
    let (token, grant) = expose(&server, "build");
    let operator = server.operator();
    let (sent, revoked) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let accepted: usize = thread::scope(|scope| {
        let knockers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut accepted = 0;
                    loop {
                        let after = sent.load(Ordering::SeqCst) >= revoked.load(Ordering::SeqCst);
                        let status = knock(&server, &token, &json!({"message": "m"})).status;
                        sent.fetch_add(1, Ordering::SeqCst);
                        match status {
                            202 => accepted += 1,
                            403 => return accepted,
                            other => panic!("answered {other}"),
                        }
                        assert!(!after, "accepted after the revoke had returned");
                    }
                })
            })
            .collect();
        wait_for("some knocks", || {
            (sent.load(Ordering::SeqCst) > 50).then_some(())
        });
        operator
            .call("DELETE", &format!("/v1/channels/{grant}"), None)
            .expect(200);
        revoked.store(sent.load(Ordering::SeqCst), Ordering::SeqCst);
        knockers
            .into_iter()
            .map(|knocker| knocker.join().expect("no panic"))
            .sum()
    });
    let stored = operator.get("/v1/messages?limit=500")["messages"]
        .as_array()
        .expect("messages")
        .len();
    assert_eq!(stored, accepted.min(500));
}

#[test]
fn what_waits_and_what_has_ended_stay_so_when_the_server_is_killed() {
    let home = Home::new();
    let mut server = home.serve();
    let (token, _) = expose(&server, "build");
    let (over, _) = expose(&server, "over");
    server
        .operator()
        .call("DELETE", "/v1/sessions/over", None)
        .expect(200);
    let words = json!({"message": "0", "idempotency_key": "first", "from": "cron"});
    let first = knock(&server, &token, &words).expect(202).json();
    for n in 1..20 {
        knock(&server, &token, &json!({"message": n.to_string()})).expect(202);
    }
    server.crash_and_restart();
    let sessions = server.operator().get("/v1/sessions");
    let states: BTreeSet<_> = sessions["sessions"]
        .as_array()
        .expect("sessions")
        .iter()
        .map(|session| (session["id"].as_str(), session["state"].as_str()))
        .collect();
    assert_eq!(
        states,
        BTreeSet::from([(Some("build"), Some("idle")), (Some("over"), Some("ended"))])
    );
    knock(&server, &over, &json!({"message": "m"})).expect(410);
    let again = knock(&server, &token, &words).expect(200).json();
    assert_eq!(again["message_id"], first["message_id"]);
    assert_eq!(
        (&again["status"], &again["duplicate"]),
        (&json!("buffered"), &json!(true))
    );
    knock(
        &server,
        &token,
        &json!({"message": "other", "idempotency_key": "first"}),
    )
    .expect(409);
    let mut attached = attach(&server, "build");
    for n in 0..20 {
        assert_eq!(text(&attached.next().expect("kept")), n.to_string());
    }
    let again = knock(&server, &token, &words).expect(200).json();
    assert_eq!(again["status"], "delivered", "someone is attached now");
    server
        .operator()
        .call("DELETE", "/v1/sessions/build", None)
        .expect(200);
    assert_eq!(attached.next(), None, "and is told that it is over");
}

#[test]
fn what_is_wrong_with_a_line_is_named_and_said_behind_what_is_wrong_with_the_session() {
    let home = Home::new();
    let server = home.serve();
    let (token, grant) = expose(&server, "build");
    let path = format!("/hook/{token}");
    let say = |headers: &[(&str, &str)], body: &[u8]| {
        send(server.front, "POST", &path, headers, body).expect("answered")
    };
    let keyed = [
        ("Idempotency-Key", "k1"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ];
    let first = say(&keyed, "\u{feff}{\"message\":\"m\"}".as_bytes())
        .expect(202)
        .json();
    let again = say(&[], br#"{"message":"m","idempotency_key":"k1"}"#)
        .expect(200)
        .json();
    assert_eq!(
        (&again["message_id"], &again["duplicate"]),
        (&first["message_id"], &json!(true))
    );
    say(&keyed, br#"{"message":"another"}"#).expect(409);
    say(&keyed, br#"{"message":"m","from":"else"}"#).expect(409);
    for (body, named) in [
        (&b"{}"[..], "message"),
        (br#"{"message":7}"#, "message"),
        (br#"{"message":"m","from":["x"]}"#, "from"),
        (br#"{"message":"m","idempotency_key":1}"#, "idempotency_key"),
    ] {
        let reply = say(&keyed, body).expect(400).json();
        assert_eq!(reply["error"]["code"], "invalid_message");
        let said = reply["error"]["message"].as_str().expect("a sentence");
        assert!(said.starts_with(named), "{said}");
    }
    server
        .operator()
        .call("DELETE", "/v1/sessions/build", None)
        .expect(200);
    for body in [
        &br#"{"message":"m"}"#[..],
        br#"{"message":"another"}"#,
        b"{}",
    ] {
        say(&keyed, body).expect(410);
    }
    server
        .operator()
        .call("DELETE", &format!("/v1/channels/{grant}"), None)
        .expect(200);
    say(&keyed, br#"{"message":"m"}"#).expect(403);
    say(&keyed, b"{}").expect(403);
}
