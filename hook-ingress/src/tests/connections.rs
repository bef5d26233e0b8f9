//! What a connection lives through.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::Instant,
};

use super::house::{House, post};
use crate::limits::{ConnectionLimits, Limits};

#[tokio::test]
async fn a_sender_that_writes_three_mebibytes_first_reads_the_413_and_no_reset() {
    let house = House::open().await;
    let token = house.token().await;
    let body = vec![b'x'; 3 * 1024 * 1024];
    for token in [token.as_str(), "nobody"] {
        let mut sender = house.connect().await;
        sender.write(post(token, "", &body)).await;
        let expected = if token == "nobody" { 401 } else { 413 };
        sender.reply().await.refusal(expected);
    }
    let chunked = format!(
        "POST /hook/{token} HTTP/1.1\r\nhost: d\r\ntransfer-encoding: chunked\r\n\r\n\
         2fff00\r\n{}\r\n0\r\n\r\n",
        "x".repeat(0x2f_ff00)
    );
    let mut sender = house.connect().await;
    sender.write(chunked).await;
    sender.reply().await.refusal(413);
    assert!(sender.closed().await);
}

#[tokio::test]
async fn a_refusal_is_read_before_the_connection_ends_whatever_hyper_thought_of_it() {
    let house = House::open().await;
    let long = format!("GET /{} HTTP/1.1\r\nhost: d\r\n\r\n", "a".repeat(70_000));
    let endless = "a".repeat(200_000);
    let lines = "x: y\r\n".repeat(300);
    let wide = format!("x: {}\r\n", "y".repeat(200_000));
    let get = "GET / HTTP/1.1\r\nhost: d\r\n";
    for (garbage, status) in [
        ("\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
        ("GET\r\n\r\n", 400),
        ("POST / HTTP/9.9\r\n\r\n", 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (long.as_str(), 414),
        (endless.as_str(), 414),
        (&format!("{get}{lines}\r\n"), 431),
        (&format!("{get}{wide}\r\n"), 431),
    ] {
        let mut sender = house.connect().await;
        sender.write(garbage).await;
        let reply = sender.reply().await;
        reply.refusal(status);
        assert_eq!(reply.header("connection"), Some("close"));
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
        assert!(sender.closed().await);
    }
}

#[tokio::test]
async fn a_broken_head_behind_good_ones_is_refused_in_its_turn() {
    let house = House::open().await;
    let token = house.token().await;
    let mut sender = house.connect().await;
    let mut requests = post(&token, "", b"1");
    requests.extend(post("nobody", "", b""));
    requests.extend(post(&token, "", &vec![b'2'; 200_000]));
    requests.extend(b"GET / HTTP/1.1\r\n folded\r\n\r\n");
    sender.write(requests).await;
    sender.reply().await.accepted();
    sender.reply().await.refusal(401);
    sender.reply().await.accepted();
    sender.reply().await.refusal(400);
    assert!(sender.closed().await);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let house = House::open().await;
    let token = house.token().await;
    let mut sender = house.connect().await;
    let mut requests = Vec::new();
    for n in 0..20_u8 {
        requests.extend(post(&token, "", &[b'0' + n]));
    }
    requests.extend(b"GET /healthz HTTP/1.1\r\nhost: d\r\n\r\n");
    sender.write(requests).await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(sender.reply().await.accepted());
    }
    let healthz = sender.reply().await;
    assert_eq!((healthz.status, healthz.body.as_slice()), (200, &b"ok"[..]));
    let stored = house.stored().await;
    assert!(stored.iter().map(|message| message.id.to_string()).eq(ids));
    assert!((0..20).all(|n| stored[usize::from(n)].body == [b'0' + n].as_slice()));
}

#[tokio::test]
async fn a_sender_that_closed_its_half_is_answered_all_the_same() {
    let house = House::open().await;
    let token = house.token().await;
    let mut sender = house.connect().await;
    sender.write(post(&token, "", b"{}")).await;
    sender.stream.shutdown().await.expect("our half");
    sender.reply().await.accepted();
    assert!(sender.closed().await);
}

#[tokio::test]
async fn a_slow_head_ends_the_connection_and_a_rest_between_requests_does_not() {
    let connections = ConnectionLimits {
        head_time: Duration::from_millis(400),
        idle_time: Duration::from_secs(2),
        ..ConnectionLimits::default()
    };
    let house = House::open_with(Limits::default(), connections).await;
    let token = house.token().await;

    let mut silent = house.connect().await;
    let began = Instant::now();
    assert!(silent.closed().await);
    assert!(began.elapsed() >= connections.head_time);

    let mut kept = house.connect().await;
    kept.write(post(&token, "", b"one")).await;
    kept.reply().await.accepted();
    let rested = Instant::now();
    assert!(kept.closed().await, "a rest has its end too");
    assert!(rested.elapsed() >= connections.idle_time);

    let mut slow = house.connect().await;
    slow.write(post(&token, "", b"two")).await;
    slow.reply().await.accepted();
    slow.write("POST /hook").await;
    let began = Instant::now();
    assert!(slow.closed().await);
    assert!(
        began.elapsed() < connections.idle_time,
        "the head's time was not kept"
    );
}

#[tokio::test]
async fn what_rests_gives_its_place_to_whoever_comes() {
    let connections = ConnectionLimits {
        connections: 2,
        ..ConnectionLimits::default()
    };
    let house = House::open_with(Limits::default(), connections).await;
    let token = house.token().await;
    let mut came = vec![house.connect().await];
    for _ in 0..8 {
        let mut next = house.connect().await;
        next.write(post(&token, "", b"{}")).await;
        next.reply().await.accepted();
        came.push(next);
    }
    let kept = came.split_off(7);
    for mut gone in came {
        assert!(gone.closed().await);
    }
    for mut resting in kept {
        resting.write(post(&token, "", b"{}")).await;
        resting.reply().await.accepted();
    }
}

#[tokio::test]
async fn where_nothing_rests_whoever_comes_is_told_503_and_what_is_busy_goes_on() {
    let connections = ConnectionLimits {
        connections: 1,
        ..ConnectionLimits::default()
    };
    let house = House::open_with(Limits::default(), connections).await;
    let token = house.token().await;
    let mut busy = house.connect().await;
    let request = post(&token, "expect: 100-continue\r\n", b"body");
    let (head, body) = request.split_at(request.len() - 4);
    busy.write(head).await;
    assert_eq!(busy.reply().await.status, 100);
    let mut refused = house.connect().await;
    let reply = refused.reply().await;
    assert_eq!(reply.refusal(503), "too_many_connections");
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(refused.closed().await);
    busy.write(body).await;
    busy.reply().await.accepted();
}

#[tokio::test]
async fn stopping_finishes_what_is_in_flight_and_closes_what_rests() {
    let mut house = House::open().await;
    let token = house.token().await;
    let mut resting = house.connect().await;
    resting.write(post(&token, "", b"before")).await;
    resting.reply().await.accepted();
    let mut busy = house.connect().await;
    let request = post(&token, "expect: 100-continue\r\n", b"body");
    let (head, body) = request.split_at(request.len() - 4);
    busy.write(head).await;
    assert_eq!(busy.reply().await.status, 100);

    let stopped = house.stop();
    assert!(resting.closed().await);
    busy.write(body).await;
    let reply = busy.reply().await;
    reply.accepted();
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(busy.closed().await);
    drop((resting, busy));
    stopped.await.expect("no panic");
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever() {
    let connections = ConnectionLimits {
        shutdown_time: Duration::from_millis(50),
        ..ConnectionLimits::default()
    };
    let mut house = House::open_with(Limits::default(), connections).await;
    let token = house.token().await;
    let mut stuck = house.connect().await;
    let request = post(&token, "expect: 100-continue\r\n", b"body");
    stuck.write(&request[..request.len() - 4]).await;
    assert_eq!(stuck.reply().await.status, 100);
    house.stop().await.expect("no panic");
    let mut rest = Vec::new();
    let _ = stuck.stream.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
    assert!(house.stored().await.is_empty());
}
