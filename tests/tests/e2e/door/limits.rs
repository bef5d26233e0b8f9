//! Size, rate, headers and overload.

use std::io::ErrorKind;

use e2e::{
    http::{Wire, request},
    server::Home,
};
use serde_json::json;

use super::refused;

const MIB: usize = 1024 * 1024;

#[test]
fn a_body_of_exactly_the_cap_is_accepted_and_one_byte_more_is_413() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "large");
    let cap = vec![b'x'; MIB];
    let id = hook.deliver(&cap);
    let stored = operator.get(&format!("/v1/messages/{id}"));
    assert_eq!(stored["body"].as_str().map(str::len), Some(MIB));
    let chunk = |body: &[u8]| {
        [
            format!("{:x}\r\n", body.len()).as_bytes(),
            body,
            b"\r\n0\r\n\r\n",
        ]
        .concat()
    };
    let chunked = [("Transfer-Encoding", "chunked")];
    hook.post(&chunked, &chunk(&cap)).expect(200);
    let over = vec![b'x'; MIB + 1];
    refused(hook.post(&[], &over), 413, "body_too_large");
    refused(hook.post(&chunked, &chunk(&over)), 413, "body_too_large");
    // Known from the length alone: the answer comes before the body.
    let mut wire = Wire::open(server.front).expect("connected");
    let length = [("Content-Length", "99999999999")];
    wire.write(&request("POST", &hook.path(), &length, b""))
        .expect("written");
    refused(wire.reply(false).expect("an answer"), 413, "body_too_large");
    assert_eq!(operator.log().len(), 2);
}

#[test]
fn a_sender_that_writes_it_all_and_then_reads_gets_the_refusal_and_no_reset() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme", "large");
    let chunked = [("Transfer-Encoding", "chunked")];
    for _ in 0..5 {
        let body = vec![b'x'; 2 * MIB];
        refused(hook.post(&[], &body), 413, "body_too_large");
        let framed = [b"200000\r\n".as_slice(), &body, b"\r\n0\r\n\r\n"].concat();
        refused(hook.post(&chunked, &framed), 413, "body_too_large");
        let stranger = server.front("POST", "/hook/dbh_no", &[], &body);
        refused(stranger, 401, "invalid_token");
    }
    assert_eq!(server.operator().log().len(), 0);
}

#[test]
fn a_strangers_body_is_never_waited_for() {
    let home = Home::new();
    let server = home.serve();
    let mut wire = Wire::open(server.front).expect("connected");
    let announced = [("Content-Length", "1000000")];
    wire.write(&request("POST", "/hook/dbh_no", &announced, b""))
        .expect("written");
    let reply = refused(wire.reply(false).expect("an answer"), 401, "invalid_token");
    assert_eq!(reply.header("connection"), Some("close"));
}

#[test]
fn a_sender_that_expects_100_continue_is_told_to_go_on_only_if_it_is_let_in() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme", "curl");
    let headers = [("Expect", "100-continue"), ("Content-Length", "2")];
    let mut wire = Wire::open(server.front).expect("connected");
    wire.write(&request("POST", &hook.path(), &headers, b""))
        .expect("written");
    assert_eq!(wire.stream().expect("a head").status, 100);
    wire.write(b"{}").expect("written");
    wire.reply(false).expect("an answer").expect(200);
    let mut wire = Wire::open(server.front).expect("connected");
    wire.write(&request("POST", "/hook/dbh_no", &headers, b""))
        .expect("written");
    assert_eq!(wire.stream().expect("a head").status, 401);
}

#[test]
fn a_token_over_its_rate_is_429_with_retry_after_and_another_is_not() {
    let home = Home::new();
    let server = home.serve_with(&["--hook-rate", "30", "--hook-burst", "3"]);
    let operator = server.operator();
    let busy = operator.hook("acme", "busy");
    let again = operator.hook("acme", "busy");
    assert_eq!(busy.jid, again.jid, "two tokens of one JID");
    for _ in 0..3 {
        busy.deliver(b"{}");
    }
    let reply = refused(busy.post(&[], b"{}"), 429, "rate_limited");
    let wait: u64 = reply
        .header("retry-after")
        .expect("Retry-After")
        .parse()
        .expect("seconds");
    assert!(
        (1..=2).contains(&wait),
        "30 a minute is one every two seconds, not {wait}"
    );
    // Per token, not per JID; the method is looked at first, the size afterwards.
    again.deliver(b"{}");
    refused(
        server.front("DELETE", &busy.path(), &[], b""),
        405,
        "method_not_allowed",
    );
    refused(busy.post(&[], &vec![b'x'; MIB + 1]), 429, "rate_limited");
    assert_eq!(operator.log().len(), 4);
}

#[test]
fn a_rate_of_zero_is_no_limit() {
    let home = Home::new();
    let server = home.serve_with(&["--hook-rate", "0", "--hook-burst", "1"]);
    let hook = server.operator().hook("acme", "busy");
    for _ in 0..20 {
        hook.deliver(b"{}");
    }
}

#[test]
fn a_hundred_headers_are_let_in_and_one_more_is_431() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "many");
    let with = |count: usize| {
        // Host and Content-Length are two of them.
        let names: Vec<String> = (2..count).map(|n| format!("X-{n}")).collect();
        let headers: Vec<_> = names.iter().map(|name| (name.as_str(), "v")).collect();
        hook.post(&headers, b"{}")
    };
    with(100).expect(200);
    refused(with(101), 431, "headers_too_large");
    refused(with(256), 431, "headers_too_large");
    with(300).expect(431);
    assert_eq!(operator.log().len(), 1);
}

#[test]
fn more_than_64_kib_of_headers_is_431() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "long");
    hook.post(&[("X-Long", &"v".repeat(60 * 1024))], b"{}")
        .expect(200);
    for length in [64, 100] {
        let long = "v".repeat(length * 1024);
        refused(
            hook.post(&[("X-Long", &long)], b"{}"),
            431,
            "headers_too_large",
        );
    }
    let long = "v".repeat(200 * 1024);
    hook.post(&[("X-Long", &long)], b"{}").expect(431);
    assert_eq!(operator.log().len(), 1);
}

#[test]
fn beyond_the_budget_of_bodies_in_flight_a_sender_is_told_503_and_nothing_is_stored() {
    let home = Home::new();
    let server = home.serve_with(&["--body-budget", "1MiB", "--hook-rate", "0"]);
    let operator = server.operator();
    let hook = operator.hook("acme", "flood");
    let length = (MIB - 4096).to_string();
    let headers = [("Content-Length", length.as_str())];
    // All of it but the end: what is only announced takes nothing.
    let most = vec![b'x'; MIB - 4097];
    let (held, reply) = e2e::server::wait_for("overload", || {
        // Anew, since a body that was not read in time is let go.
        let mut held = Wire::open(server.front).expect("connected");
        held.write(&request("POST", &hook.path(), &headers, &most))
            .expect("written");
        let posts = (0..20).map(|_| hook.post(&[], &vec![b'x'; MIB / 2]));
        let reply = posts.into_iter().find(|reply| reply.status == 503)?;
        Some((held, reply))
    });
    let reply = refused(reply, 503, "overloaded");
    let wait: u64 = reply
        .header("retry-after")
        .expect("Retry-After")
        .parse()
        .expect("seconds");
    assert!(wait >= 1);
    let before = operator.log().len();
    drop(held);
    e2e::server::wait_for("the budget to be free again", || {
        (hook.post(&[], &vec![b'y'; MIB / 2]).status == 200).then_some(())
    });
    assert_eq!(
        operator.log().len(),
        before + 1,
        "the half-sent are not stored"
    );
}

#[test]
fn a_head_that_is_not_http_is_refused_and_a_connection_serves_many_requests() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "keepalive");
    let mut wire = Wire::open(server.front).expect("connected");
    for n in 0..3 {
        let body = n.to_string();
        wire.write(&request("POST", &hook.path(), &[], body.as_bytes()))
            .expect("written");
        wire.reply(false).expect("an answer").expect(200);
    }
    // A refusal that has read the body leaves the connection as it was.
    wire.write(&request("POST", "/hook/dbh_no", &[], b""))
        .expect("written");
    refused(wire.reply(false).expect("an answer"), 401, "invalid_token");
    wire.write(&request("POST", &hook.path(), &[], b"3"))
        .expect("written");
    wire.reply(false).expect("an answer").expect(200);
    let bodies: Vec<_> = operator
        .receive(json!({"folder": "acme"}))
        .iter()
        .map(|m| m["body"].clone())
        .collect();
    assert_eq!(bodies, ["0", "1", "2", "3"]);

    let mut wire = Wire::open(server.front).expect("connected");
    wire.write(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03 hello tls\r\n\r\n")
        .expect("written");
    match wire.reply(false) {
        Ok(reply) => assert_eq!(reply.status, 400),
        Err(error) => assert_eq!(error.kind(), ErrorKind::UnexpectedEof),
    }
}

#[test]
fn a_full_disk_is_503_with_retry_after_and_what_had_a_200_stays() {
    let home = Home::new();
    let server = home.serve_with(&["--max-disk", "8MiB"]);
    let operator = server.operator();
    let hook = operator.hook("acme", "much");
    let mut stored = Vec::new();
    let full = loop {
        let id = stored.len().to_string();
        let reply = hook.post(&[("webhook-id", &id)], &vec![b'x'; MIB]);
        if reply.status != 200 {
            break reply;
        }
        stored.push(reply.header("x-message-id").expect("an id").to_owned());
        assert!(stored.len() < 20, "there is no end");
    };
    let full = refused(full, 503, "storage_full");
    assert!(full.header("retry-after").is_some());
    assert!(!stored.is_empty(), "nothing fits");
    assert_eq!(e2e::api::ids(&operator.log()), stored);
    // A repeat takes no room; nor does an answer to an agent.
    let repeat = hook
        .post(&[("webhook-id", "0")], &vec![b'x'; MIB])
        .expect(200);
    assert_eq!(repeat.header("x-duplicate-of"), Some(stored[0].as_str()));
    let leased = operator.receive(json!({"folder": "acme"}));
    assert!(operator.ack(&leased).iter().all(|status| status == "acked"));
}
