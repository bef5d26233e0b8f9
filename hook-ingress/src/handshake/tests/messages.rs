//! What looks like a handshake and is a message.

use super::{asked, head};
use crate::handshake::{HOOK_METHODS, methods};

const JSON: &str = "content-type: application/json";

#[track_caller]
fn is_message(request: &str, body: &str) {
    let found = asked(request, body);
    assert!(found.is_none(), "{request}\n{body}\n{found:?}");
}

#[test]
fn other_shapes_of_json_are_messages() {
    for body in [
        "",
        "{}",
        "null",
        "\"challenge\"",
        r#"["challenge"]"#,
        r#"{"challenge":1}"#,
        r#"{"challenge":null}"#,
        r#"{"challenge":{"challenge":"x"}}"#,
        r#"{"challenge":""}"#,
        r#"{"challenge":"x","extra":1}"#,
        r#"{"challenge":"x","type":"event_callback"}"#,
        r#"{"challenge":"x","type":["url_verification"]}"#,
        r#"{"challenge":["x"],"type":"url_verification"}"#,
        r#"{"type":"url_verification"}"#,
        r#"[{"challenge":"x"}]"#,
        r#"{"challenge":"x"} {}"#,
        r#"{"challenge":"x""#,
        r#"{"event":{"type":"url_verification","challenge":"x"}}"#,
        r#"{"verification_token":1}"#,
        r#"{"verification_token":"secret_x","type":"page.created"}"#,
        r#"{"event":"endpoint.url_validation","payload":{"plainToken":"p"}}"#,
        r#"{"type":1}"#,
    ] {
        is_message(&format!("POST /hook/t\n{JSON}"), body);
    }
}

#[test]
fn json_that_does_not_say_so_or_is_long_is_a_message() {
    let bare = r#"{"challenge":"x"}"#;
    for media in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "json",
        "",
        "text/jsonx",
    ] {
        is_message(&format!("POST /hook/t\ncontent-type: {media}"), bare);
    }
    is_message("POST /hook/t", bare);
    let padded = |length: usize| format!("{bare}{}", " ".repeat(length - bare.len()));
    assert!(asked(&format!("POST /hook/t\n{JSON}"), &padded(4096)).is_some());
    is_message(&format!("POST /hook/t\n{JSON}"), &padded(4097));
}

#[test]
fn what_is_asked_by_post_alone_is_a_message_where_it_comes_by_get() {
    for query in [
        "validationToken=x",
        "validationtoken=x",
        "validationToken=x&tenant=1",
    ] {
        is_message(&format!("GET /hook/t?{query}"), "");
    }
}

#[test]
fn put_and_patch_carry_messages_only() {
    for method in ["PUT", "PATCH"] {
        let request = format!("{method} /hook/t?validationToken=x\nx-hook-secret: s\n{JSON}");
        is_message(&request, r#"{"challenge":"x"}"#);
        is_message(&request, "");
    }
}

#[test]
fn a_delivery_is_no_handshake_for_the_header_it_shares_with_one() {
    is_message(
        "POST /hook/t\nx-hook-secret: s",
        r#"{"events":[{"action":"changed"}]}"#,
    );
    is_message(
        "POST /hook/t\ntwitch-eventsub-message-type: notification",
        r#"{"challenge":"x"}"#,
    );
    is_message(
        "POST /hook/t\ntwitch-eventsub-message-type: webhook_callback_verification",
        "[]",
    );
    for body in [
        "[]",
        r#"{"data":{"validationCode":"c"}}"#,
        r#"[{"data":{"validationCode":7}}]"#,
        r#"[{"data":{}}]"#,
        r#"[{"data":{"validationCode":"c"}},{}]"#,
    ] {
        is_message("POST /hook/t\naeg-event-type: SubscriptionValidation", body);
    }
    is_message(
        "POST /hook/t\naeg-event-type: Notification",
        r#"[{"data":{"validationCode":"c"}}]"#,
    );
    is_message(
        "POST /hook/t\nwebhook-request-origin: eventemitter.example.com",
        "{}",
    );
    is_message(
        "POST /hook/t?challenge=x&check=y&hub.mode=subscribe&hub.challenge=z",
        "",
    );
}

#[test]
fn a_get_with_more_than_a_question_is_a_message() {
    for request in [
        "GET /hook/t?challenge=first&challenge=second",
        "GET /hook/t?challenge=x&name=db",
        "GET /hook/t?check=x&challenge=y",
        "GET /hook/t?hub.challenge=x",
        "GET /hook/t?event=down&hub.challenge=x",
        "GET /hook/t?hub.mode=subscribe",
        "GET /hook/t?hub.mode=subscribe&hub.challenge=%00",
        "GET /hook/t?challenge=",
        "GET /hook/t?challenge=%C3%A9",
        "GET /hook/t?a=1\nx-okta-verification-challenge: x",
        "GET /hook/t?challenge=no&a=1\nx-okta-verification-challenge: x",
        "GET /hook/t\nx-okta-verification-challenge: caf\u{e9}",
        "GET /hook/t\nx-hook-secret: x\nsmartsheet-hook-challenge: x",
        "HEAD /hook/t?challenge=x\nx-okta-verification-challenge: x",
    ] {
        is_message(request, "");
    }
}

#[test]
fn a_verification_without_a_webhook_id_is_a_message() {
    is_message(
        &format!("POST /hook/t\nsvix-id: w1\n{JSON}"),
        r#"{"type":"verification","challenge":"x"}"#,
    );
    let with_id = format!("POST /hook/t\nwebhook-id: w1\n{JSON}");
    for body in [
        r#"{"type":"verification"}"#,
        r#"{"type":"verification","challenge":1}"#,
        r#"{"type":"Verification","challenge":"x"}"#,
        r#"{"data":{"type":"verification","challenge":"x"}}"#,
    ] {
        is_message(&with_id, body);
    }
}

#[test]
fn what_needs_a_secret_or_a_call_is_left_to_the_agent() {
    let sns = r#"{"Type":"SubscriptionConfirmation","SubscribeURL":"https://sns.example.com/"}"#;
    is_message(
        "POST /hook/t\nx-amz-sns-message-type: SubscriptionConfirmation\ncontent-type: text/plain",
        sns,
    );
    for query in ["crc_token=x", "challengeCode=x", "challenge_code=x"] {
        is_message(&format!("GET /hook/t?{query}"), "");
    }
}

#[test]
fn options_is_let_in_for_an_origin_that_may_be_said_back() {
    assert_eq!(methods(&head("POST /hook/t")), HOOK_METHODS);
    for refused in [
        "OPTIONS /hook/t",
        "OPTIONS /hook/t\norigin: https://example.com\naccess-control-request-method: POST",
        "OPTIONS /hook/t\nwebhook-request-origin:",
        "OPTIONS /hook/t\nwebhook-request-origin: caf\u{e9}",
        "POST /hook/t\nwebhook-request-origin: example.com",
    ] {
        assert_eq!(methods(&head(refused)), HOOK_METHODS, "{refused}");
    }
    let asking = methods(&head(
        "OPTIONS /hook/t\nwebhook-request-origin: example.com",
    ));
    assert_eq!(asking, [http::Method::OPTIONS]);
}
