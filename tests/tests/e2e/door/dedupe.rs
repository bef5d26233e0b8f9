//! A provider's retries are known by the id it gave the delivery, never by the body.

use e2e::{
    api::{Caller, Hook},
    http,
    server::Home,
};
use serde_json::json;

const IN_ORDER: [&str; 9] = [
    "webhook-id",
    "svix-id",
    "x-github-delivery",
    "idempotency-key",
    "linear-delivery",
    "x-shopify-event-id",
    "shopify-webhook-id",
    "x-atlassian-webhook-identifier",
    "x-request-uuid",
];

/// Posts; the message's id, and the one it is said to repeat.
#[track_caller]
fn post(hook: &Hook, headers: &[(&str, &str)], body: &str) -> (String, Option<String>) {
    let reply = hook.post(headers, body.as_bytes()).expect(200);
    assert_eq!(reply.body, b"");
    let header = |name| reply.header(name).map(str::to_owned);
    (
        header("x-message-id").expect("an id"),
        header("x-duplicate-of"),
    )
}

#[test]
fn a_retry_is_known_by_every_header_that_providers_use() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "retries");
    for name in IN_ORDER {
        let (first, repeats) = post(&hook, &[(name, "delivery-1")], "first");
        assert_eq!(repeats, None, "{name}: the name is a part of the id");
        let (again, repeats) = post(&hook, &[(name, "delivery-1")], "first");
        assert_eq!((&again, repeats.as_ref()), (&first, Some(&first)), "{name}");
        let (other, repeats) = post(&hook, &[(name, "delivery-2")], "first");
        assert_eq!(repeats, None, "{name}");
        assert_ne!(other, first);
    }
    let event = [("ce-source", "/a"), ("ce-id", "1")];
    let (first, _) = post(&hook, &event, "event");
    assert_eq!(post(&hook, &event, "event"), (first.clone(), Some(first)));
    assert_eq!(
        post(&hook, &[("ce-source", "/b"), ("ce-id", "1")], "event").1,
        None
    );
    assert_eq!(operator.log().len(), 2 * IN_ORDER.len() + 2);
}

/// One message with its life.
fn detail(operator: &Caller, id: &str) -> serde_json::Value {
    operator.get(&format!("/v1/messages/{id}"))
}

#[test]
fn a_known_id_with_other_content_is_a_message_and_repeats_count_over_a_restart() {
    let home = Home::new();
    let mut server = home.serve();
    let hook = server.operator().hook("acme", "content");
    let same = [("webhook-id", "w1")];
    let (first, _) = post(&hook, &same, r#"{"n":1}"#);
    let (second, repeats) = post(&hook, &same, r#"{"n":2}"#);
    assert_eq!(repeats, None, "another body is another message");
    let asked = format!("{}?n=3", hook.path());
    let third = http::send(server.front, "POST", &asked, &same, br#"{"n":1}"#).expect("an answer");
    assert_eq!(
        third.header("x-duplicate-of"),
        None,
        "and so is another query"
    );
    for _ in 0..2 {
        assert_eq!(post(&hook, &same, r#"{"n":2}"#).1.as_ref(), Some(&second));
    }
    server.crash_and_restart();
    let operator = server.operator();
    assert_eq!(post(&hook, &same, r#"{"n":2}"#).1.as_ref(), Some(&second));
    assert_eq!(post(&hook, &same, r#"{"n":1}"#).1.as_ref(), Some(&first));
    let (one, two) = (detail(&operator, &first), detail(&operator, &second));
    assert_eq!(
        (&one["repeat_of"], &two["repeat_of"]),
        (&json!(null), &json!(first))
    );
    assert_eq!(
        (&one["repeats"]["count"], &two["repeats"]["count"]),
        (&json!(1), &json!(3))
    );
    assert!(two["repeats"]["last_at"].as_str() > two["received_at"].as_str());
    let log = operator.log();
    assert_eq!(log.len(), 3);
    assert_eq!(log[2]["repeat_of"], json!(first));
}

#[test]
fn a_dead_message_that_is_sent_again_is_pending_again_and_says_so() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "dead");
    let same = [("x-github-delivery", "d")];
    let (id, _) = post(&hook, &same, "push");
    let die = || {
        for _ in 0..5 {
            let leased = operator.receive(json!({"folder": "acme"}));
            let nack = json!({"ids": [leased[0]["id"]], "reason": "exit status 7"});
            operator.post("/v1/messages/nack", nack);
        }
        assert_eq!(detail(&operator, &id)["state"], "dead");
    };
    die();
    assert_eq!(post(&hook, &same, "push").1.as_ref(), Some(&id));
    let again = detail(&operator, &id);
    assert_eq!(again["state"], "pending");
    let life = again["life"].as_array().expect("a life");
    let told = |what: &str| {
        let mut events = life.iter().filter(|event| event["what"] == what);
        events.next_back().map(|event| event["reason"].clone())
    };
    assert_eq!(told("nacked"), Some(json!("exit status 7")));
    assert_eq!(told("dead"), Some(json!("exit status 7")));
    assert_eq!(told("replayed"), Some(json!("its sender sent it again")));
    // Not twice within the hour.
    die();
    assert_eq!(post(&hook, &same, "push").1.as_ref(), Some(&id));
    assert_eq!(detail(&operator, &id)["state"], "dead");
}

#[test]
fn the_earlier_header_in_the_contracts_order_counts_alone() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme", "order");
    for (n, pair) in IN_ORDER.windows(2).enumerate() {
        let (earlier, later) = (format!("e{n}"), format!("l{n}"));
        let (first, _) = post(&hook, &[(pair[1], &later), (pair[0], &earlier)], "");
        // The later header's value was not remembered; the earlier one's was.
        assert_eq!(post(&hook, &[(pair[1], &later)], "").1, None, "{pair:?}");
        assert_eq!(
            post(&hook, &[(pair[0], &earlier), (pair[1], "x")], "").1,
            Some(first),
            "{pair:?}"
        );
    }
    let event = [("ce-source", "/a"), ("ce-id", "1"), ("x-request-uuid", "r")];
    post(&hook, &event, "");
    assert_eq!(post(&hook, &event[..2], "").1, None);
    assert!(post(&hook, &event[2..], "").1.is_some());
}

#[test]
fn an_mcp_events_id_counts_within_its_subscription() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme", "events");
    let of = |subscription| {
        [
            ("webhook-id", "w1"),
            ("x-mcp-subscription-id", subscription),
        ]
    };
    let (first, _) = post(&hook, &of("s1"), "{}");
    assert_eq!(post(&hook, &of("s2"), "{}").1, None);
    assert_eq!(post(&hook, &[("webhook-id", "w1")], "{}").1, None);
    assert_eq!(post(&hook, &of("s1"), "{}").1, Some(first));
}

#[test]
fn an_id_counts_within_its_grant_alone() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let (one, other) = (operator.hook("acme", "same"), operator.hook("acme", "same"));
    assert_eq!(one.jid, other.jid);
    let headers = [("x-github-delivery", "d")];
    assert_eq!(post(&one, &headers, "").1, None);
    assert_eq!(post(&other, &headers, "").1, None);
    assert!(post(&one, &headers, "").1.is_some());
}

#[test]
fn values_over_255_bytes_and_other_headers_are_no_ids_and_neither_is_the_body() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme", "long");
    let (longest, long) = ("x".repeat(255), "x".repeat(256));
    assert_eq!(post(&hook, &[("webhook-id", &longest)], "").1, None);
    assert!(post(&hook, &[("webhook-id", &longest)], "").1.is_some());
    for headers in [
        [("webhook-id", long.as_str())],
        [("webhook-id", "")],
        [("x-request-id", "r")],
        [("x-gitlab-event-uuid", "u")],
        [("ce-id", "1")],
        [("user-agent", "same")],
    ] {
        assert_eq!(post(&hook, &headers, "same").1, None);
        assert_eq!(post(&hook, &headers, "same").1, None, "{headers:?}");
    }
    // An overlong value steps aside for the next header.
    let aside = [("webhook-id", long.as_str()), ("svix-id", "s")];
    post(&hook, &aside, "");
    assert!(post(&hook, &aside[1..], "").1.is_some());
}

#[test]
fn a_repeat_is_known_after_its_message_was_settled() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "settled");
    let headers = [("x-github-delivery", "d")];
    let (first, _) = post(&hook, &headers, "");
    let leased = operator.receive(serde_json::json!({"folder": "acme"}));
    assert_eq!(operator.ack(&leased), ["acked"]);
    assert_eq!(post(&hook, &headers, "").1, Some(first));
    assert_eq!(
        operator
            .receive(serde_json::json!({"folder": "acme"}))
            .len(),
        0
    );
}
