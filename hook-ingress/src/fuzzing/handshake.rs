//! What is said back to whoever asks.

use std::borrow::Cow;

use bytes::Bytes;
use http::{Method, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};

use super::request::request;
use crate::{
    handshake::{HOOK_METHODS, methods, only_looks, recognise},
    redact::redact,
};

/// The most bytes of an answer: what is said back, each character escaped, and a member's name.
const MAX_ANSWER: usize = 2 * 1024 + 64;

/// A request is a handshake or is not; its answer is short, printable, and holds no token of ours.
pub(super) fn handshake(data: &[u8]) {
    let Some((head, body)) = request(data) else {
        return;
    };
    let label = if data.len().is_multiple_of(2) {
        "github"
    } else {
        "strava"
    };
    let asked = recognise(&head, &body, label, 600);
    if only_looks(&head, body.len() as u64) {
        assert!(matches!(head.method, Method::GET | Method::HEAD));
    }
    let Some(asked) = asked else {
        return;
    };
    let taken = methods(&head);
    assert!(taken.contains(&head.method) || taken == HOOK_METHODS);
    let mut response = Response::new(Full::new(Bytes::new()));
    asked.answer.write(&mut response);
    let (head, body) = response.into_parts();
    assert_eq!(head.status, StatusCode::OK);
    for (name, value) in &head.headers {
        assert!(value.to_str().is_ok(), "{name} is not printable");
        assert!(matches!(redact(value.as_bytes()), Cow::Borrowed(_)));
    }
    for guard in ["x-content-type-options", "cache-control"] {
        assert!(head.headers.contains_key(guard), "{guard} is missing");
    }
    let body = futures_util::FutureExt::now_or_never(body.collect());
    let body = body.expect("it is all there").expect("it cannot fail");
    let body = body.to_bytes();
    assert!(body.len() <= MAX_ANSWER);
    assert!(body.iter().all(|byte| matches!(byte, b' '..=b'~')));
    assert!(matches!(redact(&body), Cow::Borrowed(_)));
    let content_type = head.headers.get(CONTENT_TYPE);
    match content_type.map(|value| value.to_str().expect("printable")) {
        None => assert!(body.is_empty()),
        Some("text/plain; charset=utf-8") => {}
        Some("application/json") => {
            let json: serde_json::Value = serde_json::from_slice(&body).expect("it is JSON");
            assert!(json.is_object());
        }
        Some(other) => panic!("{other}"),
    }
}
