//! Nothing that one URL, one key or one peer does keeps another out.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

use e2e::{
    api::ids,
    hostile::{Attack, Strength},
    http::{Reply, Wire},
    server::{Home, wait_for},
};
use serde_json::json;

/// A connection on which nothing was sent yet.
fn idle(addr: SocketAddr) -> Wire {
    Wire::open(addr).expect("connected")
}

/// A head that announces a body, and a little of it; what the server says in the end.
fn begun(addr: SocketAddr, head: &str, body: &[u8]) -> thread::JoinHandle<(Reply, Instant)> {
    let head = format!("{head}Host: {addr}\r\nContent-Length: 100\r\n\r\n");
    let body = body.to_vec();
    thread::spawn(move || {
        let mut wire = idle(addr);
        wire.write(head.as_bytes()).expect("written");
        wire.write(&body).expect("written");
        let reply = wire.reply(false).expect("an answer");
        (reply, Instant::now())
    })
}

#[test]
fn a_body_that_does_not_come_is_408_wherever_it_was_announced() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "slow");
    let began = Instant::now();
    let bearer = format!(
        "Authorization: Bearer {}\r\nContent-Type: application/json\r\nAccept: application/json\r\n",
        operator.key()
    );
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let waiting = [
        begun(
            server.front,
            &format!("POST {} HTTP/1.1\r\n", hook.path()),
            b"x",
        ),
        begun(
            server.control,
            &format!("POST /sign-in HTTP/1.1\r\n{form}"),
            b"key=",
        ),
        begun(
            server.control,
            &format!("POST /v1/messages/receive HTTP/1.1\r\n{bearer}"),
            b"{",
        ),
        begun(
            server.control,
            &format!("POST /mcp HTTP/1.1\r\n{bearer}"),
            b"{",
        ),
    ];
    for waited in waiting {
        let (reply, at) = waited.join().expect("it was answered");
        let reply = reply.expect(408);
        assert_eq!(reply.header("connection"), Some("close"));
        assert!(reply.text().contains("slow"), "{}", reply.text());
        assert!(at.duration_since(began).as_secs() >= 5);
    }
    assert_eq!(operator.receive(json!({"folder": "acme"})).len(), 0);
}

#[test]
fn connections_at_rest_make_room_and_leave_the_store_its_files() {
    let home = Home::new();
    let server = home.serve_with_files(256, &["--peer-connections", "all"]);
    let operator = server.operator();
    let hook = operator.hook("acme", "x");
    // Far more than there are places for, on both listeners.
    let held: Vec<Wire> = (0..300)
        .flat_map(|_| [idle(server.front), idle(server.control)])
        .collect();
    for n in 0..20 {
        hook.deliver(format!("{n}").as_bytes());
    }
    let received = operator.receive(json!({"folder": "acme", "max": 20}));
    assert_eq!(received.len(), 20);
    server.front("GET", "/healthz", &[], b"").expect(200);
    let ready = e2e::http::send(server.control, "GET", "/readyz", &[], b"");
    ready.expect("an answer").expect(200);
    drop(held);
    assert!(!home.read("server.err").contains("ERROR"));
}

#[test]
fn a_key_that_has_too_many_streams_is_refused_and_another_is_not() {
    let home = Home::new();
    let server = home.serve_with(&["--peer-connections", "all"]);
    let (greedy, other) = (server.agent("acme"), server.agent("other"));
    let open = |key: &str| {
        let mut wire = idle(server.control);
        let head = format!(
            "GET /v1/stream HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {key}\r\n\r\n",
            server.control
        );
        wire.write(head.as_bytes()).expect("written");
        let status = wire.stream().expect("an answer").status;
        (wire, status)
    };
    let mut held = Vec::new();
    let refused = loop {
        let (wire, status) = open(greedy.key());
        if status != 200 {
            break status;
        }
        held.push(wire);
        assert!(held.len() < 2_048, "nobody was refused");
    };
    assert_eq!(refused, 503);
    assert_eq!(open(other.key()).1, 200);
    assert!(held.len() >= 512, "{}", held.len());
}

#[test]
fn while_a_token_a_key_and_an_address_do_their_worst_another_url_works() {
    let home = Home::new();
    // Few enough files that the attack, and not what this test may have open, is what runs out.
    let server = home.serve_with_files(512, &["--body-budget", "8MiB"]);
    let operator = server.operator();
    let attack = Attack {
        front: server.front,
        control: server.control,
        token: operator.hook("hostile", "worst").token,
        key: server.agent("hostile").key().to_owned(),
        strength: Strength {
            slow_bodies: 24,
            // Of the control listener's 80 places some are left to be fought for.
            streams: 20,
            waits: 20,
            idle: 150,
            half_open: 100,
            loops: 1,
        },
    };
    let (hook, agent) = (operator.hook("acme", "github"), server.agent("acme"));
    let running = attack.begin().expect("the attack begins");
    let told = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let tally = running.tally();
    wait_for("everything to be under attack", || {
        // Where its slow bodies have all of its part, its whole ones are refused.
        let posted = told(&tally.stored) + told(&tally.refused);
        let all = [posted, told(&tally.pages), told(&tally.garbage)];
        all.into_iter().all(|count| count > 3).then_some(())
    });
    for n in 0..40 {
        let sent = hook.deliver(format!("{n}").as_bytes());
        let received = agent.receive(json!({}));
        assert_eq!(ids(&received), [sent]);
        assert_eq!(agent.ack(&received), ["acked"]);
    }
    assert!(told(&tally.slow_bodies) > 24, "none was refused");
    drop(running);
    assert!(!home.read("server.err").contains("ERROR"));
}
