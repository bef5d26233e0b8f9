//! What happens when there is too much.

use doorbell_core::testing::PATIENCE;
use tokio::time::timeout;

use super::house::{House, post};
use crate::limits::{ConnectionLimits, Limits, Rate};

#[tokio::test]
async fn a_token_over_its_rate_is_429_and_another_is_not() {
    let limits = Limits {
        hook_rate: Rate {
            per_minute: 6,
            burst: 2,
        },
        ..Limits::default()
    };
    let house = House::open_with(limits, ConnectionLimits::default()).await;
    let token = house.token().await;
    for _ in 0..2 {
        house.post(&token, "", b"{}").await.accepted();
    }
    let reply = house.post(&token, "", b"{}").await;
    assert_eq!(reply.refusal(429), "rate_limited");
    let wait: u64 = reply
        .header("retry-after")
        .expect("a time")
        .parse()
        .expect("seconds");
    assert!((1..=10).contains(&wait), "{wait}");
    let other = house.token().await;
    house.post(&other, "", b"{}").await.accepted();
    assert_eq!(house.stored().await.len(), 3);
}

#[tokio::test]
async fn the_default_burst_is_300() {
    let house = House::open().await;
    let token = house.token().await;
    let mut sender = house.connect().await;
    for _ in 0..300 {
        sender.write(post(&token, "", b"")).await;
        sender.reply().await.accepted();
    }
    sender.write(post(&token, "", b"")).await;
    // A token a tenth of a second comes back meanwhile; many more than that are not let in.
    let mut refused = sender.reply().await.status == 429;
    for _ in 0..300 {
        sender.write(post(&token, "", b"")).await;
        refused |= sender.reply().await.status == 429;
    }
    assert!(refused);
}

#[tokio::test]
async fn uploads_beyond_the_budget_are_503_at_once_and_the_others_finish() {
    let limits = Limits {
        in_flight_bytes: 2 * 1024 * 1024,
        ..Limits::default()
    };
    let house = House::open_with(limits, ConnectionLimits::default()).await;
    let token = house.token().await;
    let before = house.door.0.budget.left();
    let body = vec![b'b'; 1_000_000];
    let request = post(&token, "expect: 100-continue\r\n", &body);
    let head = &request[..request.len() - body.len()];
    let mut uploads = Vec::new();
    for _ in 0..2 {
        let mut sender = house.connect().await;
        sender.write(head).await;
        assert_eq!(sender.reply().await.status, 100);
        uploads.push(sender);
    }
    let reply = house.post(&token, "", &body).await;
    assert_eq!(reply.refusal(503), "overloaded");
    assert!(reply.header("retry-after").is_some());
    // A chunked body takes its share as it comes.
    let chunked = format!(
        "POST /hook/{token} HTTP/1.1\r\nhost: d\r\ntransfer-encoding: chunked\r\n\r\n\
         40000\r\n{}\r\n",
        "c".repeat(0x40000)
    );
    house.send(chunked).await.refusal(503);
    // What is small still gets through.
    house.post(&token, "", b"small").await.accepted();
    for sender in &mut uploads {
        sender.write(&body).await;
        sender.reply().await.accepted();
    }
    assert_eq!(house.stored().await.len(), 3);
    assert_eq!(house.door.0.budget.left(), before);
}

#[tokio::test]
async fn an_upload_that_is_broken_off_gives_its_share_back() {
    let house = House::open().await;
    let token = house.token().await;
    let before = house.door.0.budget.left();
    let mut sender = house.connect().await;
    let request = post(&token, "expect: 100-continue\r\n", b"body");
    sender.write(&request[..request.len() - 4]).await;
    assert_eq!(sender.reply().await.status, 100);
    assert!(house.door.0.budget.left() < before);
    drop(sender);
    let given_back = async {
        while house.door.0.budget.left() < before {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, given_back)
        .await
        .expect("the share comes back");
    assert!(house.stored().await.is_empty());
}
