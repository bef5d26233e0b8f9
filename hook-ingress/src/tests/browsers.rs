//! Pages of other origins, which ask before they post and read what they are answered.

use super::house::{House, Reply, post};
use crate::limits::{ConnectionLimits, Limits};

const ORIGIN: &str = "origin: https://page.example\r\n";
const ASKS: &str = "origin: https://page.example\r\naccess-control-request-method: POST\r\n\
                    access-control-request-headers: content-type,x-event\r\n";

fn options(path: &str, headers: &str) -> String {
    format!("OPTIONS {path} HTTP/1.1\r\nhost: d\r\n{headers}\r\n")
}

#[track_caller]
fn is_open(reply: &Reply) {
    assert_eq!(
        reply.header("access-control-allow-origin"),
        Some("*"),
        "{reply:?}"
    );
    let exposed = reply.header("access-control-expose-headers");
    assert_eq!(exposed, Some("X-Message-Id, X-Duplicate-Of, Retry-After"));
    assert_eq!(reply.header("access-control-allow-credentials"), None);
}

#[tokio::test]
async fn a_preflight_is_204_for_any_live_token_and_leaves_no_trace() {
    let house = House::open().await;
    let token = house.token().await;
    let (channel, _) = house.channel("build").await;
    for (token, methods) in [(&token, "POST, PUT, PATCH, GET, HEAD"), (&channel, "POST")] {
        let reply = house.send(options(&format!("/hook/{token}/"), ASKS)).await;
        assert_eq!((reply.status, reply.body.len()), (204, 0));
        is_open(&reply);
        assert_eq!(reply.header("access-control-allow-methods"), Some(methods));
        let headers = reply.header("access-control-allow-headers");
        assert_eq!(headers, Some("content-type,x-event"));
        assert_eq!(reply.header("access-control-max-age"), Some("600"));
        assert_eq!(reply.header("content-type"), None);
        assert_eq!(reply.header("x-message-id"), None);
    }
    assert!(house.stored().await.is_empty());
}

#[tokio::test]
async fn a_preflight_of_a_bad_token_is_refused_and_of_a_busy_one_too() {
    let mut limits = Limits::default();
    limits.hook_rate.burst = 2;
    let house = House::open_with(limits, ConnectionLimits::default()).await;
    let (token, grant) = house
        .mint(doorbell_core::token::TokenKind::Hook, None)
        .await;
    for (path, status) in [
        ("/hook/dbh_no", 401),
        ("/hook", 401),
        ("/hook/dbc_no", 403),
        ("/hook/x/y", 404),
    ] {
        let reply = house.send(options(path, ASKS)).await;
        reply.refusal(status);
        is_open(&reply);
    }
    let path = format!("/hook/{token}");
    for _ in 0..2 {
        assert_eq!(house.send(options(&path, ASKS)).await.status, 204);
    }
    let busy = house.send(options(&path, ASKS)).await;
    busy.refusal(429);
    is_open(&busy);
    assert!(busy.header("retry-after").is_some());
    house.revoke(grant).await;
    house.send(options(&path, ASKS)).await.refusal(401);
}

#[tokio::test]
async fn cloud_events_question_goes_before_a_preflight_and_another_options_is_405() {
    let house = House::open().await;
    let path = format!("/hook/{}", house.token().await);
    let both = format!("{ASKS}webhook-request-origin: o\r\n");
    let reply = house.send(options(&path, &both)).await;
    assert_eq!(
        (reply.status, reply.header("webhook-allowed-origin")),
        (200, Some("o"))
    );
    is_open(&reply);
    // What may not be said back makes it an ordinary preflight.
    let odd = format!("{ASKS}webhook-request-origin: caf\u{e9}\r\n");
    assert_eq!(house.send(options(&path, &odd)).await.status, 204);
    house.send(options(&path, ORIGIN)).await.refusal(405);
    assert_eq!(house.stored().await.len(), 1);
}

#[tokio::test]
async fn every_answer_to_a_page_may_be_read_by_it_and_no_other_says_so() {
    let house = House::open().await;
    let token = house.token().await;
    let (channel, _) = house.channel("build").await;
    let big = vec![b'x'; 1_048_577];
    let said = br#"{"message":"m"}"#;
    for (request, status) in [
        (post(&token, ORIGIN, b"{}"), 200),
        (post(&token, ORIGIN, &big), 413),
        (post("no", ORIGIN, b"{}"), 401),
        (post("dbc_no", ORIGIN, b"{}"), 403),
        (post(&channel, ORIGIN, said), 202),
        (post(&channel, ORIGIN, b"{}"), 400),
        (
            format!("GET /x HTTP/1.1\r\nhost: d\r\n{ORIGIN}\r\n").into(),
            404,
        ),
        (format!("GET /x HTTP/1.1\r\n{ORIGIN}\r\n").into(), 400),
        (
            format!("GET /healthz HTTP/1.1\r\nhost: d\r\n{ORIGIN}\r\n").into(),
            200,
        ),
        (
            format!("GET /hook/{token} HTTP/1.1\r\nhost: d\r\n{ORIGIN}\r\n").into(),
            200,
        ),
        (
            format!("GET / HTTP/1.1\r\nhost: d\r\n{ORIGIN} folded\r\n\r\n").into(),
            400,
        ),
    ] {
        let reply = house.send(&request).await;
        assert_eq!(reply.status, status, "{reply:?}");
        is_open(&reply);
    }
    let plain = house.post(&token, "", b"{}").await;
    assert_eq!(plain.header("access-control-allow-origin"), None);
}
