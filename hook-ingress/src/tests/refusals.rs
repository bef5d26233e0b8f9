//! Every way to say no.

use std::time::Duration;

use doorbell_core::token::TokenKind;

use super::house::{House, post};
use crate::{
    body_clock::BodyPace,
    limits::{ConnectionLimits, Limits},
};

#[tokio::test]
async fn unknown_expired_revoked_and_garbage_read_alike() {
    let house = House::open().await;
    let stranger = House::open().await;
    let _ = stranger.token().await;
    let unknown = stranger.token().await;
    let (expired, _) = house
        .mint(TokenKind::Hook, Some(Duration::from_secs(1)))
        .await;
    let (revoked, grant) = house.mint(TokenKind::Hook, None).await;
    house.revoke(grant).await;
    house.clock.advance(Duration::from_secs(1));
    let (key, _) = stranger.mint(TokenKind::Key, None).await;
    let mut bodies = Vec::new();
    for bad in [
        unknown.as_str(),
        &expired,
        &revoked,
        &key,
        "x",
        "dbh_",
        "%ff",
        "a%2Fb",
    ] {
        let reply = house.post(bad, "", b"{}").await;
        assert_eq!(reply.refusal(401), "invalid_token", "{bad}");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        bodies.push(reply.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
    // That none was sent is no secret.
    let none = house.post("", "", b"{}").await;
    assert_eq!(none.refusal(401), "invalid_token");
    assert_eq!(none.header("www-authenticate"), Some("Bearer"));
    assert_ne!(none.body, bodies[0]);
    assert!(house.stored().await.is_empty());
}

#[tokio::test]
async fn a_bad_channel_token_is_403_in_path_and_header() {
    let house = House::open().await;
    let reply = house.post("dbc_AAAA.BBBB", "", b"{}").await;
    assert_eq!(reply.refusal(403), "invalid_channel_token");
    let reply = house
        .send("POST /hook HTTP/1.1\r\nhost: d\r\nauthorization: Bearer dbc_x\r\n\r\n")
        .await;
    assert_eq!(reply.refusal(403), "invalid_channel_token");
}

#[tokio::test]
async fn a_web_token_at_hook_is_404_and_an_unknown_one_401() {
    let house = House::open().await;
    let (live, _) = house.mint(TokenKind::Web, None).await;
    house.post(&live, "", b"{}").await.refusal(404);
    let stranger = House::open().await;
    let _ = stranger.token().await;
    let (unknown, _) = stranger.mint(TokenKind::Web, None).await;
    house.post(&unknown, "", b"{}").await.refusal(401);
}

#[tokio::test]
async fn another_method_is_405_with_allow_but_only_for_those_let_in() {
    let house = House::open().await;
    let token = house.token().await;
    for method in ["DELETE", "OPTIONS", "TRACE", "BREW", "post"] {
        let reply = house
            .send(format!(
                "{method} /hook/{token} HTTP/1.1\r\nhost: d\r\n\r\n"
            ))
            .await;
        reply.refusal(405);
        assert_eq!(reply.header("allow"), Some("POST, PUT, PATCH, GET, HEAD"));
    }
    let (channel, _) = house.channel("build").await;
    for method in ["GET", "HEAD", "OPTIONS", "PUT"] {
        let mut sender = house.connect().await;
        let asks = "host: d\r\nwebhook-request-origin: o\r\n\r\n";
        sender
            .write(format!("{method} /hook/{channel} HTTP/1.1\r\n{asks}"))
            .await;
        let reply = sender.reply_to(method).await;
        assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
    }
    assert!(house.stored().await.is_empty());
    let mut sender = house.connect().await;
    sender
        .write("GET /hook/nobody HTTP/1.1\r\nhost: d\r\n\r\n")
        .await;
    sender.reply().await.refusal(401);
    // Nothing was left unread, so the connection goes on.
    sender
        .write("GET /healthz HTTP/1.1\r\nhost: d\r\n\r\n")
        .await;
    assert_eq!(sender.reply().await.status, 200);
}

#[tokio::test]
async fn nothing_else_is_served_and_nothing_is_redirected() {
    let house = House::open().await;
    let token = house.token().await;
    for path in [
        "/",
        "/hook/x/y",
        "/v1/messages",
        "/mcp",
        "/HEALTHZ",
        "//hooks",
        "/hook/x/%20y",
    ] {
        let reply = house
            .send(format!("POST {path} HTTP/1.1\r\nhost: d\r\n\r\n"))
            .await;
        assert_eq!(reply.refusal(404), "not_found", "{path}");
    }
    house
        .post(&format!("{token}/x"), "", b"{}")
        .await
        .refusal(404);
    assert!(house.stored().await.is_empty());
}

#[tokio::test]
async fn slashes_and_white_space_around_the_token_are_let_go() {
    let house = House::open().await;
    let token = house.token().await;
    let targets = [
        format!("/hook/{token}/"),
        format!("//hook//{token}//"),
        format!("/hook/{token}%20"),
        format!("/hook/{token}/%0A/?a=1"),
        format!("/hook/{token} "),
        format!("http://door/hook/{token}/"),
    ];
    for target in &targets {
        let request = format!("POST {target} HTTP/1.1\r\nhost: d\r\ncontent-length: 0\r\n\r\n");
        house.send(request).await.accepted();
    }
    assert_eq!(house.stored().await.len(), targets.len());
    let bearer =
        format!("POST //hook// HTTP/1.1\r\nhost: d\r\nauthorization: bearer {token}\r\n\r\n");
    house.send(bearer).await.accepted();
}

#[tokio::test]
async fn a_token_in_the_query_is_401_and_told_where_it_belongs() {
    let house = House::open().await;
    let token = house.token().await;
    for query in [
        format!("access_token={token}"),
        format!("a=1&t={token}"),
        "access_token=x".into(),
    ] {
        let request =
            format!("POST /hook?{query} HTTP/1.1\r\nhost: d\r\ncontent-length: 0\r\n\r\n");
        let reply = house.send(request).await;
        assert_eq!(reply.refusal(401), "invalid_token");
        let said = String::from_utf8(reply.body).expect("UTF-8");
        assert!(
            said.contains("/hook/<token>") && said.contains("Bearer"),
            "{said}"
        );
    }
    // Beside a good token it is a query like any.
    house
        .post(&format!("{token}?access_token=x"), "", b"")
        .await
        .accepted();
    assert_eq!(house.stored().await.len(), 1);
}

#[tokio::test]
async fn two_authorizations_are_400_where_one_is_to_carry_the_token() {
    let house = House::open().await;
    let token = house.token().await;
    for other in ["Bearer x", "Basic dTpw", &format!("Bearer {token}")] {
        for lines in [
            format!("authorization: Bearer {token}\r\nauthorization: {other}\r\n"),
            format!("authorization: {other}\r\nx: y\r\nAuthorization: Bearer {token}\r\n"),
        ] {
            let request = format!("POST /hook HTTP/1.1\r\nhost: d\r\n{lines}\r\n");
            assert_eq!(
                house.send(request).await.refusal(400),
                "ambiguous_credentials"
            );
            house.post(&token, &lines, b"").await.accepted();
        }
    }
    assert_eq!(house.stored().await.len(), 6);
}

#[tokio::test]
async fn what_is_framed_against_the_rules_is_refused_before_the_token_is_looked_at() {
    let house = House::open().await;
    let token = house.token().await;
    for (line, lines, status, code) in [
        ("HTTP/1.1", "", 400, "bad_request"),
        ("HTTP/1.1", "host: d\r\nhost: d\r\n", 400, "bad_request"),
        ("HTTP/1.1", "host: a b\r\n", 400, "bad_request"),
        (
            "HTTP/1.1",
            "host: d\r\ntransfer-encoding: gzip, chunked\r\n",
            501,
            "unsupported_transfer_coding",
        ),
        (
            "HTTP/1.1",
            "host: d\r\ntransfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n",
            501,
            "unsupported_transfer_coding",
        ),
        (
            "HTTP/1.1",
            "host: d\r\ntransfer-encoding: chunked, chunked\r\n",
            400,
            "bad_request",
        ),
        // These the parser refuses.
        (
            "HTTP/1.1",
            "host: d\r\ntransfer-encoding: gzip\r\n",
            400,
            "bad_request",
        ),
        (
            "HTTP/1.0",
            "transfer-encoding: chunked\r\n",
            400,
            "bad_request",
        ),
        ("HTTP/1.1", "host: d\r\n folded: x\r\n", 400, "bad_request"),
        ("HTTP/1.1", "host : d\r\n", 400, "bad_request"),
        ("HTTP/1.1", "host: d\r\nno colon\r\n", 400, "bad_request"),
        (
            "HTTP/1.1",
            "host: d\r\ncontent-length: 1\r\ncontent-length: 2\r\n",
            400,
            "bad_request",
        ),
        (
            "HTTP/1.1",
            "host: d\r\ncontent-length: +1\r\n",
            400,
            "bad_request",
        ),
        (
            "HTTP/1.1",
            "host: d\r\ncontent-length: 1, 1\r\n",
            400,
            "bad_request",
        ),
        ("HTTP/3.0", "host: d\r\n", 400, "bad_request"),
    ] {
        let mut sender = house.connect().await;
        sender
            .write(format!("POST /hook/{token} {line}\r\n{lines}\r\n"))
            .await;
        let reply = sender.reply().await;
        assert_eq!(reply.refusal(status), code, "{line} {lines}");
    }
    let request = format!("POST /hook/{token} HTTP/1.0\r\ncontent-length: 1\r\n\r\nx");
    house.send(request).await.accepted();
    assert_eq!(house.stored().await.len(), 1);
}

#[tokio::test]
async fn a_head_that_cannot_be_read_is_told_which_rule_it_breaks() {
    let house = House::open().await;
    let token = house.token().await;
    let path = format!("/hook/{token}");
    for (head, rule) in [
        (format!("PO ST {path} HTTP/1.1\r\nhost: d"), "a blank in"),
        (format!("POST {path} x HTTP/1.1\r\nhost: d"), "a blank in"),
        (
            format!("\r\nPOST {path}?a=b c HTTP/1.1\r\nhost: d"),
            "a blank in",
        ),
        (format!("POST {path}"), "The first line is"),
        (
            format!("POST {path}\u{7f} HTTP/1.1\r\nhost: d"),
            "The target",
        ),
        (format!("P(ST {path} HTTP/1.1\r\nhost: d"), "The method"),
        (format!("POST {path} HTTP/1.7\r\nhost: d"), "The version"),
        (
            format!(
                "POST {path} HTTP/1.1\r\nhost: d\r\ncontent-length: {}",
                u64::MAX
            ),
            "Content-Length",
        ),
        (
            format!(
                "POST {path} HTTP/1.1\r\nhost: d\r\ncontent-length: {}0",
                u64::MAX
            ),
            "Content-Length",
        ),
        (format!("POST {path} HTTP/1.1\r\nhost: d:x"), "The Host"),
    ] {
        let mut sender = house.connect().await;
        sender.write(format!("{head}\r\n\r\n")).await;
        let reply = sender.reply().await;
        assert_eq!(reply.refusal(400), "bad_request", "{head}");
        let said = String::from_utf8(reply.body).expect("JSON is UTF-8");
        assert!(said.contains(rule), "{head}: {said}");
    }
    assert!(house.stored().await.is_empty());
}

#[tokio::test]
async fn a_body_of_exactly_the_cap_is_stored_and_one_byte_more_is_413() {
    let house = House::open().await;
    let token = house.token().await;
    let body = vec![b'x'; 1_048_577];
    house.post(&token, "", &body[1..]).await.accepted();
    assert_eq!(house.stored().await[0].body_bytes, 1_048_576);
    let reply = house.post(&token, "", &body).await;
    assert_eq!(reply.refusal(413), "body_too_large");
    assert_eq!(reply.header("connection"), Some("close"));
    assert_eq!(house.stored().await.len(), 1);
}

#[tokio::test]
async fn the_cap_holds_for_chunked_bodies_too() {
    let house = House::open().await;
    let token = house.token().await;
    let head =
        format!("POST /hook/{token} HTTP/1.1\r\nhost: d\r\ntransfer-encoding: chunked\r\n\r\n");
    let chunk = format!("40000\r\n{}\r\n", "y".repeat(0x40000));
    let exact = format!("{head}{}0\r\n\r\n", chunk.repeat(4));
    house.send(&exact).await.accepted();
    let stored = house.stored().await;
    assert_eq!(stored[0].body, "y".repeat(1_048_576));
    let over = format!("{head}{}1\r\nz\r\n0\r\n\r\n", chunk.repeat(4));
    house.send(&over).await.refusal(413);
    assert_eq!(house.stored().await.len(), 1);
}

#[tokio::test]
async fn a_413_is_known_from_the_length_before_any_body_came() {
    let house = House::open().await;
    let token = house.token().await;
    for length in ["1048577", "9223372036854775807"] {
        let reply = house
            .send(format!(
                "POST /hook/{token} HTTP/1.1\r\nhost: d\r\ncontent-length: {length}\r\n\r\n"
            ))
            .await;
        reply.refusal(413);
    }
}

#[tokio::test]
async fn one_header_too_many_or_one_too_long_is_431_with_a_reason() {
    let house = House::open().await;
    let token = house.token().await;
    let headers = |n: usize| (0..n).map(|i| format!("x-{i}: v\r\n")).collect::<String>();
    // Host and content-length are headers too.
    house.post(&token, &headers(98), b"{}").await.accepted();
    let reply = house.post(&token, &headers(99), b"{}").await;
    assert_eq!(reply.refusal(431), "headers_too_large");
    house.post(&token, &headers(250), b"{}").await.refusal(431);
    let long = |n: usize| format!("x-long: {}\r\n", "v".repeat(n));
    house.post(&token, &long(65_000), b"{}").await.accepted();
    house.post(&token, &long(65_536), b"{}").await.refusal(431);
    assert_eq!(house.post(&token, &headers(300), b"{}").await.status, 431);
    assert_eq!(house.post(&token, &long(140_000), b"{}").await.status, 431);
    assert_eq!(house.stored().await.len(), 2);
}

#[tokio::test]
async fn checks_run_token_method_rate_size() {
    let mut limits = Limits::default();
    limits.hook_rate.burst = 1;
    let house = House::open_with(limits, ConnectionLimits::default()).await;
    let token = house.token().await;
    let wrong = |method: &str, token: &str| {
        format!("{method} /hook/{token} HTTP/1.1\r\nhost: d\r\ncontent-length: 9999999\r\n\r\n")
    };
    house.send(wrong("GET", "x")).await.refusal(401);
    house.send(wrong("DELETE", &token)).await.refusal(405);
    house.send(wrong("GET", &token)).await.refusal(413);
    house.send(wrong("POST", &token)).await.refusal(429);
    house.send(wrong("GET", &token)).await.refusal(429);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let limits = Limits {
        body_pace: BodyPace {
            time: Duration::from_millis(50),
            ..BodyPace::default()
        },
        ..Limits::default()
    };
    let house = House::open_with(limits, ConnectionLimits::default()).await;
    let token = house.token().await;
    let mut request = post(&token, "", b"0123456789");
    request.truncate(request.len() - 1);
    let reply = house.send(request).await;
    assert_eq!(reply.refusal(408), "body_timeout");
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(house.stored().await.is_empty());
}

#[tokio::test]
async fn a_body_that_comes_too_slowly_is_408_before_its_time_is_over() {
    let limits = Limits {
        body_pace: BodyPace {
            grace: Duration::from_millis(50),
            rate: 1_000_000,
            time: Duration::from_secs(3600),
        },
        ..Limits::default()
    };
    let house = House::open_with(limits, ConnectionLimits::default()).await;
    let token = house.token().await;
    // Half of it buys half a second.
    let body = vec![b'x'; 500_000];
    let request = post(&token, "content-type: text/plain\r\n", &body);
    let mut sender = house.connect().await;
    let began = std::time::Instant::now();
    sender.write(&request[..request.len() - 1]).await;
    let reply = sender.reply().await;
    assert_eq!(reply.refusal(408), "body_timeout");
    assert!(began.elapsed() >= Duration::from_millis(500));
    assert!(house.stored().await.is_empty());
}

#[tokio::test]
async fn a_full_or_broken_store_is_503_with_retry_after_and_the_door_recovers() {
    let house = House::open().await;
    let token = house.token().await;
    let mut sender = house.connect().await;
    house.fill_up(true);
    sender.write(post(&token, "", b"{}")).await;
    let full = sender.reply().await;
    assert_eq!(full.refusal(503), "storage_full");
    assert!(full.header("retry-after").is_some());
    house.fill_up(false);
    house.break_store(true);
    sender.write(post(&token, "", b"{}")).await;
    let broken = sender.reply().await;
    assert_eq!(broken.refusal(503), "not_stored");
    assert!(broken.header("retry-after").is_some());
    house.break_store(false);
    // What is known before the body is read is said before.
    house.unready_store(true);
    let request = post(&token, "expect: 100-continue\r\n", b"{}");
    let unready = house.send(&request[..request.len() - 2]).await;
    assert_eq!(unready.refusal(503), "not_stored");
    house.unready_store(false);
    sender.write(post(&token, "", b"{}")).await;
    sender.reply().await.accepted();
    assert_eq!(house.stored().await.len(), 1);
}

#[tokio::test]
async fn a_grant_revoked_while_its_body_uploads_stores_nothing() {
    let house = House::open().await;
    let (token, grant) = house.mint(TokenKind::Hook, None).await;
    let mut sender = house.connect().await;
    let request = post(&token, "expect: 100-continue\r\n", b"late");
    let (head, body) = request.split_at(request.len() - 4);
    sender.write(head).await;
    // The 100 says that the token was good; what comes now was admitted.
    assert_eq!(sender.reply().await.status, 100);
    house.revoke(grant).await;
    sender.write(body).await;
    sender.reply().await.refusal(401);
    assert!(house.stored().await.is_empty());
}

#[tokio::test]
async fn a_grant_that_expires_while_its_body_uploads_stores_nothing() {
    let house = House::open().await;
    let ttl = Duration::from_secs(1);
    let (token, _) = house.mint(TokenKind::Hook, Some(ttl)).await;
    let mut sender = house.connect().await;
    let request = post(&token, "expect: 100-continue\r\n", b"late");
    let (head, body) = request.split_at(request.len() - 4);
    sender.write(head).await;
    assert_eq!(sender.reply().await.status, 100);
    house.clock.advance(ttl);
    sender.write(body).await;
    sender.reply().await.refusal(401);
    assert!(house.stored().await.is_empty());
}
