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
async fn bodies_that_are_announced_and_never_sent_keep_nobody_out() {
    let limits = Limits {
        in_flight_bytes: 2 * 1024 * 1024,
        ..Limits::default()
    };
    let house = House::open_with(limits, ConnectionLimits::default()).await;
    let token = house.token().await;
    let body = vec![b'b'; 1_000_000];
    let request = post(&token, "expect: 100-continue\r\n", &body);
    let mut announced = Vec::new();
    for _ in 0..16 {
        let mut sender = house.connect().await;
        sender.write(&request[..request.len() - body.len()]).await;
        assert_eq!(sender.reply().await.status, 100);
        announced.push(sender);
    }
    let other = house.token().await;
    for token in [&token, &other] {
        house.post(token, "", &body).await.accepted();
    }
    for sender in &mut announced[..1] {
        sender.write(&body).await;
        sender.reply().await.accepted();
    }
}

#[tokio::test]
async fn uploads_of_one_url_beyond_its_part_are_503_at_once_and_anothers_are_not() {
    const MIB: usize = 1024 * 1024;
    let limits = Limits {
        in_flight_bytes: 8 * MIB,
        hook_rate: Rate {
            per_minute: 0,
            burst: 0,
        },
        ..Limits::default()
    };
    let house = House::open_with(limits, ConnectionLimits::default()).await;
    let token = house.token().await;
    let before = house.door.0.budget.left();
    let body = vec![b'b'; MIB];
    let request = post(&token, "", &body);
    let mut uploads = Vec::new();
    // All but the last byte.
    while house.door.0.budget.left() > 2 * MIB {
        let left = house.door.0.budget.left();
        let mut sender = house.connect().await;
        sender.write(&request[..request.len() - 1]).await;
        let came = async {
            while left - house.door.0.budget.left() < MIB - 1 {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, came).await.expect("it is counted");
        uploads.push(sender);
    }
    let reply = house.post(&token, "", &body).await;
    assert_eq!(reply.refusal(503), "overloaded");
    assert!(reply.header("retry-after").is_some());
    let chunked = format!(
        "POST /hook/{token} HTTP/1.1\r\nhost: d\r\ntransfer-encoding: chunked\r\n\r\n\
         40000\r\n{}\r\n",
        "c".repeat(0x40000)
    );
    house.send(chunked).await.refusal(503);
    let other = house.token().await;
    house.post(&other, "", &body).await.accepted();
    // What is under way counts too, to the last byte: one is let go, which makes room for the rest.
    let mut refused = uploads.swap_remove(0);
    refused.write("b").await;
    assert_eq!(refused.reply().await.refusal(503), "overloaded");
    for sender in &mut uploads {
        sender.write("b").await;
        sender.reply().await.accepted();
    }
    house.post(&token, "", &body).await.accepted();
    assert_eq!(house.stored().await.len(), uploads.len() + 2);
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
