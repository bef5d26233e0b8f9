//! Whoever looks at a URL without saying anything: answered, and not kept.

use super::house::{House, Reply};
use crate::limits::{ConnectionLimits, Limits};

fn bare(method: &str, target: &str, headers: &str) -> String {
    format!("{method} /hook/{target} HTTP/1.1\r\nhost: d\r\n{headers}\r\n")
}

#[track_caller]
fn only_a_look(reply: &Reply) {
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("x-message-id"), None);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn a_bare_get_and_any_head_are_200_and_leave_no_trace() {
    let house = House::open().await;
    let token = house.token().await;
    let mut sender = house.connect().await;
    for (method, target) in [
        ("GET", token.clone()),
        ("GET", format!("{token}/?")),
        ("HEAD", token.clone()),
        ("HEAD", format!("{token}?challenge=x&a=b")),
    ] {
        sender.write(bare(method, &target, "accept: */*\r\n")).await;
        let reply = sender.reply_to(method).await;
        only_a_look(&reply);
        assert_eq!((reply.header("content-type"), reply.body.len()), (None, 0));
    }
    // Its sender cannot know that the store is away, and need not.
    house.unready_store(true);
    only_a_look(&house.send(bare("GET", &token, "")).await);
    house.unready_store(false);
    assert!(house.stored().await.is_empty());
}

#[tokio::test]
async fn a_browser_reads_one_line_that_says_what_the_url_is() {
    let house = House::open().await;
    let token = house.token().await;
    let accept = "accept: text/html,application/xhtml+xml;q=0.9\r\n";
    let reply = house.send(bare("GET", &token, accept)).await;
    only_a_look(&reply);
    assert_eq!(
        reply.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
    let said = String::from_utf8(reply.body).expect("UTF-8");
    assert!(
        said.contains("Doorbell") && said.lines().count() == 1,
        "{said}"
    );
    assert!(!said.contains(&token));
    assert!(house.stored().await.is_empty());
}

#[tokio::test]
async fn a_look_counts_against_the_rate_and_is_for_those_let_in() {
    let mut limits = Limits::default();
    limits.hook_rate.burst = 2;
    let house = House::open_with(limits, ConnectionLimits::default()).await;
    let token = house.token().await;
    only_a_look(&house.send(bare("GET", &token, "")).await);
    let mut sender = house.connect().await;
    sender.write(bare("HEAD", &token, "")).await;
    only_a_look(&sender.reply_to("HEAD").await);
    let busy = house.send(bare("GET", &token, "")).await;
    busy.refusal(429);
    assert!(busy.header("retry-after").is_some());
    house.send(bare("GET", "dbh_no", "")).await.refusal(401);
}

#[tokio::test]
async fn a_get_with_a_query_or_a_body_is_a_message() {
    let house = House::open().await;
    let token = house.token().await;
    for query in [
        "name=db&status=down",
        "challenge=x&status=down",
        "check=1&check=2",
        "hub.challenge=x",
        "challenge=%0d%0a",
        "crc_token=x",
        "&",
    ] {
        let id = house
            .send(bare("GET", &format!("{token}?{query}"), ""))
            .await
            .accepted();
        let message = house.stored().await.pop().expect("kept");
        assert_eq!(
            (message.id.to_string(), message.head.query.as_str()),
            (id, query)
        );
        assert_eq!(
            (message.head.method.as_str(), message.body.len()),
            ("GET", 0)
        );
        assert_eq!(message.kind, doorbell_core::message::Kind::Hook);
        assert_eq!(message.state, doorbell_core::message::State::Pending);
    }
    let okta = "x-okta-verification-challenge: x\r\n";
    house
        .send(bare("GET", &format!("{token}?a=1"), okta))
        .await
        .accepted();
    let with_body = bare("GET", &token, "content-length: 4\r\n") + "body";
    house.send(with_body).await.accepted();
    let chunked = bare("GET", &token, "transfer-encoding: chunked\r\n") + "1\r\nx\r\n0\r\n\r\n";
    house.send(chunked).await.accepted();
    let stored = house.stored().await;
    assert_eq!(stored.len(), 10);
    assert_eq!(
        (&stored[8].body[..], &stored[9].body[..]),
        (&b"body"[..], &b"x"[..])
    );
    // A delivery by GET is tried again like any.
    let twice = bare("GET", &format!("{token}?n=1"), "webhook-id: w\r\n");
    house.send(&twice).await.accepted();
    let again = house.send(&twice).await;
    assert!(again.header("x-duplicate-of").is_some(), "{again:?}");
}
