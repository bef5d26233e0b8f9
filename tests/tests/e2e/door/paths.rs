//! Where senders put the token, and what they write around it.

use base64::{Engine, prelude::BASE64_STANDARD};
use e2e::{
    http::{Wire, request},
    server::Home,
};

use super::refused;

#[test]
fn slashes_and_white_space_around_the_token_ring_and_are_never_redirected() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "careless");
    let token = &hook.token;
    let targets = [
        format!("/hook/{token}/"),
        format!("/hook/{token}//"),
        format!("//hook/{token}"),
        format!("/hook//{token}/?a=1"),
        format!("/hook/{token}%20"),
        format!("/hook/{token}%0d%0a"),
        format!("/hook/{token}%2F%C2%A0"),
        format!("/hook/{token} "),
        format!("http://elsewhere.example//hook/{token}/"),
    ];
    for target in &targets {
        let mut wire = Wire::open(server.front).expect("connected");
        wire.write(&request("POST", target, &[], b"{}"))
            .expect("written");
        let reply = wire.reply(false).expect("an answer").expect(200);
        assert!(reply.header("x-message-id").is_some(), "{target}");
        assert_eq!(reply.header("location"), None);
    }
    for path in [
        format!("/hook/{token}/x"),
        format!("/hook/x/{token}"),
        format!("/x/hook/{token}"),
    ] {
        refused(server.front("POST", &path, &[], b"{}"), 404, "not_found");
    }
    assert_eq!(operator.log().len(), targets.len());
}

#[test]
fn basic_carries_the_token_as_the_password_or_else_as_the_name() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "basic");
    let token = &hook.token;
    let basic = |plain: String| format!("Basic {}", BASE64_STANDARD.encode(plain));
    for plain in [
        format!("x:{token}"),
        format!(":{token}"),
        format!("{token}:"),
        format!("{token}:x"),
        // `echo` leaves a line's end behind it.
        format!("x:{token}\n"),
        format!("{token}\n"),
    ] {
        let value = basic(plain);
        server
            .front("POST", "/hook", &[("Authorization", &value)], b"{}")
            .expect(200);
    }
    for plain in ["x:y".to_owned(), format!("{token}x:"), String::new()] {
        let value = basic(plain);
        let reply = server.front("POST", "/hook", &[("Authorization", &value)], b"{}");
        refused(reply, 401, "invalid_token");
    }
    for message in operator.log() {
        assert_eq!(
            message["headers"].get("authorization"),
            None,
            "the token is not kept"
        );
    }
    // Where the path holds the token, the header is the sender's own.
    let own = basic("x:y".to_owned());
    let id = hook.post(&[("Authorization", &own)], b"{}").expect(200);
    let id = id.header("x-message-id").expect("an id");
    let kept = operator.get(&format!("/v1/messages/{id}"));
    assert_eq!(kept["headers"]["authorization"], own.as_str());
}

#[test]
fn two_authorizations_or_a_token_in_the_query_are_refused_with_what_to_do() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "unclear");
    let bearer = format!("Bearer {}", hook.token);
    let two = [
        ("Authorization", bearer.as_str()),
        ("Authorization", "Bearer x"),
    ];
    refused(
        server.front("POST", "/hook", &two, b"{}"),
        400,
        "ambiguous_credentials",
    );
    hook.post(&two, b"{}").expect(200);
    for name in ["access_token", "token"] {
        let target = format!("/hook?{name}={}", hook.token);
        let reply = refused(
            server.front("POST", &target, &[], b"{}"),
            401,
            "invalid_token",
        );
        assert!(reply.text().contains("/hook/<token>"), "{}", reply.text());
        assert!(!reply.text().contains(&hook.token));
    }
    assert_eq!(operator.log().len(), 1);
}

#[test]
fn what_is_not_http_as_the_rfc_has_it_is_refused_with_a_reason() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let path = operator.hook("acme", "broken").path();
    for (rest, status, code) in [
        ("HTTP/1.1\r\n\r\n", 400, "bad_request"),
        ("HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "bad_request"),
        ("HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400, "bad_request"),
        (
            "HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
            400,
            "bad_request",
        ),
        ("HTTP/2.0\r\nHost: a\r\n\r\n", 400, "bad_request"),
        (
            "HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            501,
            "unsupported_transfer_coding",
        ),
    ] {
        let mut wire = Wire::open(server.front).expect("connected");
        wire.write(format!("POST {path} {rest}").as_bytes())
            .expect("written");
        refused(wire.reply(false).expect("an answer"), status, code);
    }
    let mut wire = Wire::open(server.front).expect("connected");
    let long = format!("{path}?{}", "a".repeat(70_000));
    wire.write(&request("POST", &long, &[], b""))
        .expect("written");
    refused(wire.reply(false).expect("an answer"), 414, "uri_too_long");
    assert_eq!(operator.log().len(), 0);
}
