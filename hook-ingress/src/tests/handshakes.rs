//! Senders that look before they trust a URL: answered at the door, and kept.

use std::{sync::Arc, time::Duration};

use doorbell_core::{
    grant::Grant,
    message::{Destination, Head, Kind, Mode, State},
    route::default_outcome,
    token::TokenKind,
};

use super::house::{House, Reply, post};
use crate::limits::{ConnectionLimits, Limits};

const JSON: &str = "content-type: application/json\r\n";
const ASK: &[u8] = br#"{"type":"url_verification","token":"t","challenge":"c4a11enge"}"#;

/// A request without a body.
fn bare(method: &str, target: &str, headers: &str) -> String {
    format!("{method} /hook/{target} HTTP/1.1\r\nhost: d\r\n{headers}\r\n")
}

/// The body, having checked what every handshake's answer has.
#[track_caller]
fn body_of(reply: &Reply, content_type: Option<&str>) -> String {
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("content-type"), content_type, "{reply:?}");
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("content-security-policy"), Some("sandbox"));
    assert_eq!(reply.header("x-message-id").map(str::len), Some(26));
    assert_eq!(reply.header("x-duplicate-of"), None);
    String::from_utf8(reply.body.clone()).expect("ASCII")
}

const TEXT: Option<&str> = Some("text/plain; charset=utf-8");
const OBJECT: Option<&str> = Some("application/json");

#[tokio::test]
async fn a_handshake_is_answered_and_kept_verbatim_as_one_to_be_observed() {
    let house = House::open().await;
    let token = house.token().await;
    let reply = house.post(&token, JSON, ASK).await;
    assert_eq!(body_of(&reply, OBJECT), r#"{"challenge":"c4a11enge"}"#);
    let message = house.stored().await.remove(0);
    assert_eq!(Some(&*message.id.to_string()), reply.header("x-message-id"));
    assert_eq!(message.body, ASK);
    assert_eq!(
        (message.kind, message.mode, message.state),
        (Kind::Handshake, Mode::Observe, State::Observed)
    );
    assert_eq!(message.head.method, "POST");
    assert_eq!(message.to.folder.as_str(), "acme/eng");
}

#[tokio::test]
async fn get_and_options_are_answered_on_one_connection_and_kept_with_what_they_asked() {
    let house = House::open().await;
    let token = house.token().await;
    let mut sender = house.connect().await;
    let origin = "webhook-request-origin: eventemitter.example.com\r\n";
    let okta = "x-okta-verification-challenge: v\r\n";
    let asked = [
        ("GET", format!("{token}?challenge=a%20b"), "", TEXT, "a b"),
        (
            "GET",
            token.clone(),
            okta,
            OBJECT,
            r#"{"verification":"v"}"#,
        ),
        ("OPTIONS", token.clone(), origin, None, ""),
    ];
    for (method, target, headers, content_type, body) in &asked {
        sender.write(bare(method, target, headers)).await;
        let reply = sender.reply_to(method).await;
        assert_eq!(body_of(&reply, *content_type), *body, "{method}");
        if *method == "OPTIONS" {
            let origin = reply.header("webhook-allowed-origin");
            assert_eq!(origin, Some("eventemitter.example.com"));
            assert_eq!(reply.header("webhook-allowed-rate"), Some("*"));
            assert_eq!(reply.header("allow"), Some("POST"));
        }
    }
    let stored = house.stored().await;
    assert_eq!(stored.len(), asked.len());
    for (message, (method, target, ..)) in stored.iter().zip(&asked) {
        assert_eq!(
            (message.kind, message.mode),
            (Kind::Handshake, Mode::Observe)
        );
        assert_eq!(message.head.method, *method);
        let query = target.split_once('?').map_or("", |(_, query)| query);
        assert_eq!(message.head.query, query);
        assert!(message.body.is_empty());
    }
}

#[tokio::test]
async fn the_body_of_a_get_is_bounded_like_any() {
    let house = House::open().await;
    let token = house.token().await;
    for method in ["GET", "HEAD"] {
        let mut sender = house.connect().await;
        let request = bare(method, &token, "content-length: 1048577\r\n");
        sender.write(request).await;
        assert_eq!(sender.reply_to(method).await.status, 413);
    }
    assert!(house.stored().await.is_empty());
}

#[tokio::test]
async fn an_mcp_events_server_is_answered_each_time_it_asks() {
    let house = House::open().await;
    let token = house.token().await;
    let headers = format!("{JSON}webhook-id: w1\r\nwebhook-signature: v1,x\r\n");
    let asks = br#"{"type":"verification","challenge":"n-1"}"#;
    for _ in 0..2 {
        let reply = house.post(&token, &headers, asks).await;
        assert_eq!(body_of(&reply, OBJECT), r#"{"challenge":"n-1"}"#);
    }
    // Its events come with the same id once it may send; without one it is no such server's.
    let event = house.post(&token, &headers, b"{}").await;
    assert_eq!(event.header("x-duplicate-of"), None);
    house.post(&token, JSON, asks).await.accepted();
    let kinds: Vec<_> = house
        .stored()
        .await
        .iter()
        .map(|message| message.kind)
        .collect();
    assert_eq!(
        kinds,
        [Kind::Handshake, Kind::Handshake, Kind::Hook, Kind::Hook]
    );
}

#[tokio::test]
async fn only_a_live_hook_token_is_answered_and_all_others_learn_nothing() {
    let house = House::open().await;
    let (revoked, grant) = house.mint(TokenKind::Hook, None).await;
    house.revoke(grant).await;
    let (expired, _) = house
        .mint(TokenKind::Hook, Some(Duration::from_secs(1)))
        .await;
    house.clock.advance(Duration::from_secs(1));
    let (web, _) = house.mint(TokenKind::Web, None).await;
    let headers = "webhook-request-origin: o\r\nx-okta-verification-challenge: echo\r\n\
                   x-hook-secret: echo\r\nsmartsheet-hook-challenge: echo\r\n";
    for (token, status) in [
        ("x", 401),
        ("dbc_x", 403),
        (&revoked, 401),
        (&expired, 401),
        (&web, 404),
    ] {
        for method in ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE"] {
            let target = format!("{token}?challenge=echo&validationToken=echo");
            let mut sender = house.connect().await;
            sender.write(bare(method, &target, headers)).await;
            let reply = sender.reply_to(method).await;
            assert_eq!(reply.status, status, "{method} {token}");
            assert!(!format!("{reply:?}").contains("echo"), "{reply:?}");
        }
        house.post(token, JSON, ASK).await.refusal(status);
    }
    assert!(house.stored().await.is_empty());
}

#[tokio::test]
async fn asanas_secret_rings_and_goes_where_routing_sends_it_and_the_others_never_ring() {
    let loud = |grant: &Grant, head: &Head| {
        let mut outcome = default_outcome(grant);
        outcome.to = Destination::folder("acme/ops".parse().expect("legal"));
        if head.headers.get("x-hook-secret").is_some() {
            outcome.mode = Mode::Observe;
        }
        outcome
    };
    let house = House::open_as(ConnectionLimits::default(), |config| {
        config.routing = Arc::new(loud);
    })
    .await;
    let token = house.token().await;
    let reply = house.post(&token, "X-Hook-Secret: b537\r\n", b"{}").await;
    assert_eq!(body_of(&reply, None), "");
    assert_eq!(reply.header("x-hook-secret"), Some("b537"));
    house.post(&token, JSON, ASK).await;
    let stored = house.stored().await;
    assert_eq!(
        [stored[0].mode, stored[1].mode],
        [Mode::Trigger, Mode::Observe]
    );
    assert_eq!(stored[0].state, State::Pending);
    assert_eq!(stored[0].head.headers.get("x-hook-secret"), Some("b537"));
    for message in stored {
        assert_eq!(message.to.folder.as_str(), "acme/ops");
        assert_eq!(message.kind, Kind::Handshake);
    }
}

#[tokio::test]
async fn notions_token_is_kept_and_not_said_back() {
    let house = House::open().await;
    let token = house.token().await;
    let body = br#"{"verification_token":"secret_fixture"}"#;
    let reply = house.post(&token, JSON, body).await;
    assert_eq!(body_of(&reply, None), "");
    let message = house.stored().await.remove(0);
    assert_eq!(
        (message.kind, message.mode),
        (Kind::Handshake, Mode::Observe)
    );
    assert_eq!(message.body, body.as_slice());
}

#[tokio::test]
async fn what_may_not_be_said_back_is_an_ordinary_message() {
    let house = House::open().await;
    let token = house.token().await;
    let body = r#"{"challenge":"café"}"#;
    house.post(&token, JSON, body.as_bytes()).await.accepted();
    house
        .post(&format!("{token}?validationToken=%0d%0a"), "", b"")
        .await
        .accepted();
    let secret = format!("x-hook-secret: {}\r\n", "x".repeat(1025));
    house.post(&token, &secret, b"{}").await.accepted();
    let own = format!("smartsheet-hook-challenge: {token}\r\n");
    house.post(&token, &own, b"{}").await.accepted();
    for message in house.stored().await {
        assert_eq!((message.kind, message.mode), (Kind::Hook, Mode::Trigger));
    }
    let origin = "webhook-request-origin: caf\u{e9}\r\n";
    house
        .send(bare("OPTIONS", &token, origin))
        .await
        .refusal(405);
}

#[tokio::test]
async fn each_handshake_is_answered_though_its_id_came_before() {
    let house = House::open().await;
    let token = house.token().await;
    let headers = format!("{JSON}webhook-id: 1\r\n");
    let ids = [
        house.post(&token, &headers, ASK).await,
        house.post(&token, &headers, ASK).await,
    ];
    for reply in &ids {
        assert_eq!(body_of(reply, OBJECT), r#"{"challenge":"c4a11enge"}"#);
    }
    // Nor does it use the id up.
    let message = house.post(&token, &headers, b"{}").await;
    assert_eq!(message.header("x-duplicate-of"), None);
    message.accepted();
    assert_eq!(house.stored().await.len(), 3);
}

#[tokio::test]
async fn handshakes_count_against_the_rate() {
    let mut limits = Limits::default();
    limits.hook_rate.burst = 2;
    let house = House::open_with(limits, ConnectionLimits::default()).await;
    let token = house.token().await;
    let asked = bare("GET", &format!("{token}?challenge=x"), "");
    body_of(&house.send(&asked).await, TEXT);
    body_of(&house.post(&token, JSON, ASK).await, OBJECT);
    let reply = house.send(&asked).await;
    reply.refusal(429);
    assert!(reply.header("retry-after").is_some());
}

#[tokio::test]
async fn no_handshake_is_answered_before_it_is_stored() {
    let house = House::open().await;
    let token = house.token().await;
    house.fill_up(true);
    let reply = house.post(&token, JSON, ASK).await;
    assert_eq!(reply.refusal(503), "storage_full");
    assert!(!String::from_utf8_lossy(&reply.body).contains("c4a11enge"));
    house.fill_up(false);
    house.break_store(true);
    let reply = house
        .send(bare("GET", &format!("{token}?challenge=c4a11enge"), ""))
        .await;
    assert_eq!(reply.refusal(503), "not_stored");
    house.break_store(false);
    body_of(&house.post(&token, JSON, ASK).await, OBJECT);
    assert_eq!(house.stored().await.len(), 1);
}

#[tokio::test]
async fn a_grant_revoked_while_a_handshake_uploads_is_not_answered() {
    let house = House::open().await;
    let (token, grant) = house.mint(TokenKind::Hook, None).await;
    let mut sender = house.connect().await;
    let request = post(&token, &format!("{JSON}expect: 100-continue\r\n"), ASK);
    let (head, body) = request.split_at(request.len() - ASK.len());
    sender.write(head).await;
    assert_eq!(sender.reply().await.status, 100);
    house.revoke(grant).await;
    sender.write(body).await;
    sender.reply().await.refusal(401);
    assert!(house.stored().await.is_empty());
}
