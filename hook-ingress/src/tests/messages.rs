//! What is kept of a request.

use std::sync::Arc;

use doorbell_core::{
    grant::Grant,
    message::{Destination, Head, Mode},
    route::Outcome,
};

use super::house::{House, post};
use crate::limits::ConnectionLimits;

#[tokio::test]
async fn a_post_is_kept_verbatim_with_its_head() {
    let house = House::open().await;
    let token = house.token().await;
    let body = b"\x00\xff{\"a\":  1}\r\n";
    for (n, method) in ["POST", "PUT", "PATCH"].into_iter().enumerate() {
        let mut request = format!(
            "{method} /hook/{token}?a=%20b&c HTTP/1.1\r\nHost: door\r\nX-GitHub-Event: push\r\n\
             content-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        let id = house.send(request).await.accepted();
        let message = &house.stored().await[n];
        assert_eq!(message.id.to_string(), id);
        assert_eq!(message.body, body.as_slice());
        assert_eq!(message.head.method, method);
        assert_eq!(message.head.query, "a=%20b&c");
        assert_eq!(message.head.peer, Some([127, 0, 0, 1].into()));
        assert_eq!(message.head.headers.get("x-github-event"), Some("push"));
        assert_eq!(message.head.headers.get("content-encoding"), Some("gzip"));
        assert_eq!(&*message.sender, "github");
    }
}

#[tokio::test]
async fn the_token_rides_in_the_path_or_as_a_bearer_and_the_path_goes_first() {
    let house = House::open().await;
    let token = house.token().await;
    let bearer = format!("authorization: Bearer {token}\r\n");
    let by_header = format!("POST /hook HTTP/1.1\r\nhost: d\r\n{bearer}\r\n");
    house.send(&by_header).await.accepted();
    let message = house.stored().await.remove(0);
    assert_eq!(message.head.headers.get("authorization"), None);
    assert!(message.body.is_empty());
    house.post("x", &bearer, b"{}").await.refusal(401);
    house
        .post(&token, "authorization: Bearer x\r\n", b"{}")
        .await
        .accepted();
    house
        .send("POST /hook HTTP/1.1\r\nhost: d\r\n\r\n")
        .await
        .refusal(401);
    house
        .send(by_header.replace("Bearer", "Basic"))
        .await
        .refusal(401);
    house
        .post(&token.replace('_', "%5f"), "", b"{}")
        .await
        .accepted();
}

#[tokio::test]
async fn no_token_of_ours_is_stored_wherever_a_proxy_wrote_it() {
    let house = House::open().await;
    let token = house.token().await;
    let other = house.token().await;
    let escaped = other.replace('_', "%5F");
    let basic = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("user:{token}"),
    );
    let request = format!(
        "POST /hook/{token}?next={other}&again={escaped} HTTP/1.1\r\nhost: d\r\n\
         X-Original-URI: /hook/{token}?x=1\r\nreferer: https://d/{other}, {token}\r\n\
         authorization: Basic {basic}\r\nauthorization: Bearer kept\r\n\
         cookie: a=1; doorbell_session=secret; b={token}\r\ncontent-length: 0\r\n\r\n"
    );
    house.send(request).await.accepted();
    let head = house.stored().await.remove(0).head;
    assert_eq!(head.query, "next=[token]&again=[token]");
    assert_eq!(
        head.headers.get("x-original-uri"),
        Some("/hook/[token]?x=1")
    );
    assert_eq!(
        head.headers.get("referer"),
        Some("https://d/[token], [token]")
    );
    assert_eq!(head.headers.get("authorization"), Some("Bearer kept"));
    assert_eq!(head.headers.get("cookie"), Some("a=1; b=[token]"));
    let kept = format!("{head:?}");
    assert!(
        !kept.contains(&token[4..]) && !kept.contains(&other[4..]),
        "{kept}"
    );
}

#[tokio::test]
async fn lookalikes_latin_1_and_repeats_come_through() {
    let house = House::open().await;
    let token = house.token().await;
    let mut bent = token.clone();
    bent.pop();
    let mut request = format!(
        "POST /hook/{token} HTTP/1.1\r\nhost: d\r\nx-like: {bent}! dbh_ dbc_x.y\r\n\
         x-r: 1\r\nx-other: o\r\nX-R: 2\r\nx-latin: caf"
    )
    .into_bytes();
    request.extend_from_slice(b"\xe9\r\ncontent-length: 0\r\n\r\n");
    house.send(request).await.accepted();
    let headers = house.stored().await.remove(0).head.headers;
    assert_eq!(
        headers.get("x-like"),
        Some(&*format!("{bent}! dbh_ dbc_x.y"))
    );
    assert_eq!(headers.get("x-r"), Some("1, 2"));
    assert_eq!(headers.get("x-latin"), Some("café"));
}

#[tokio::test]
async fn a_providers_retry_is_stored_once_and_names_the_first() {
    let house = House::open().await;
    let token = house.token().await;
    let github = "x-github-delivery: 72d3162e\r\n";
    let first = house.post(&token, github, b"one").await;
    assert_eq!(first.header("x-duplicate-of"), None);
    let id = first.accepted();
    let again = house.post(&token, github, b"one").await;
    assert_eq!(again.accepted(), id);
    assert_eq!(again.header("x-duplicate-of"), Some(&*id));
    // With another body or query it is something else, whatever the sender calls it.
    let other = house.post(&token, github, b"two").await;
    assert_eq!(other.header("x-duplicate-of"), None);
    let other = other.accepted();
    assert_ne!(other, id);
    let again = house.post(&token, github, b"two").await;
    assert_eq!(again.header("x-duplicate-of"), Some(&*other));
    // An earlier header in the list wins over the one that was seen.
    let both = format!("{github}webhook-id: new\r\n");
    assert_ne!(house.post(&token, &both, b"three").await.accepted(), id);
    // Another grant's ids are its own.
    let other = house.token().await;
    assert_ne!(house.post(&other, github, b"four").await.accepted(), id);
    // Without an id, two like bodies are two messages.
    assert_ne!(
        house.post(&token, "", b"five").await.accepted(),
        house.post(&token, "", b"five").await.accepted()
    );
    assert_eq!(house.stored().await.len(), 6);
}

#[tokio::test]
async fn a_sender_that_asks_first_is_told_to_go_on_or_refused_at_once() {
    let house = House::open().await;
    let token = house.token().await;
    let mut sender = house.connect().await;
    let request = post(&token, "expect: 100-continue\r\n", b"body");
    let (head, body) = request.split_at(request.len() - 4);
    sender.write(head).await;
    assert_eq!(sender.reply().await.status, 100);
    sender.write(body).await;
    sender.reply().await.accepted();

    let mut stranger = house.connect().await;
    let request = post("nobody", "expect: 100-continue\r\n", b"body");
    stranger.write(&request[..request.len() - 4]).await;
    stranger.reply().await.refusal(401);
}

#[tokio::test]
async fn routing_sees_the_grant_and_the_kept_head_and_decides() {
    let route = |grant: &Grant, head: &Head| Outcome {
        to: Destination::folder(
            format!("{}/quiet", grant.target_folder)
                .parse()
                .expect("legal"),
        ),
        mode: match head.headers.get("x-github-event") {
            Some("push") => Mode::Trigger,
            _ => Mode::Observe,
        },
        rule: None,
    };
    let house = House::open_as(ConnectionLimits::default(), |config| {
        config.routing = Arc::new(route);
    })
    .await;
    let token = house.token().await;
    house
        .post(&token, "x-github-event: push\r\n", b"")
        .await
        .accepted();
    house
        .post(&token, "x-github-event: star\r\n", b"")
        .await
        .accepted();
    let stored = house.stored().await;
    assert_eq!(
        [stored[0].mode, stored[1].mode],
        [Mode::Trigger, Mode::Observe]
    );
    assert_eq!(stored[1].to.folder.as_str(), "acme/eng/quiet");
}
