//! What each sender asks, byte for byte, and what it is answered.

mod answers;
mod messages;
mod reflection;

use bytes::Bytes;
use http::{Request, Response, request::Parts};
use http_body_util::{BodyExt, Full};

use super::{Handshake, recognise};
use crate::limits::Rate;

/// A request's head: `method target`, then a line for each header.
pub(super) fn head(text: &str) -> Parts {
    let mut lines = text.lines().map(str::trim);
    let line = lines.next().expect("a request line");
    let (method, target) = line.split_once(' ').expect("a method and a target");
    let mut request = Request::builder().method(method).uri(target);
    for line in lines {
        let (name, value) = line.split_once(':').expect("a header");
        request = request.header(name, value.trim());
    }
    request.body(()).expect("a request").into_parts().0
}

pub(super) fn asked(text: &str, body: &str) -> Option<Handshake> {
    asked_at("github", text, body)
}

/// The same at a URL of this label.
pub(super) fn asked_at(label: &str, text: &str, body: &str) -> Option<Handshake> {
    let per_minute = Rate::HOOK.per_minute;
    recognise(&head(text), body.as_bytes(), label, per_minute)
}

/// The answer as it is sent: header lines in the names' order, a blank line, the body; without the
/// three headers that all of them have.
pub(super) fn answer(handshake: Handshake) -> String {
    let mut response = Response::new(Full::new(Bytes::new()));
    handshake.answer.write(&mut response);
    let (head, body) = response.into_parts();
    assert_eq!(head.status, 200);
    let mut lines = Vec::new();
    let mut guards = 0;
    for (name, value) in &head.headers {
        let line = format!("{name}: {}", value.to_str().expect("printable"));
        match line.as_str() {
            "x-content-type-options: nosniff"
            | "cache-control: no-store"
            | "content-security-policy: sandbox" => guards += 1,
            _ => lines.push(line),
        }
    }
    assert_eq!(guards, 3, "{head:?}");
    lines.sort();
    let body = futures_util::FutureExt::now_or_never(body.collect());
    let body = body.expect("it is all there").expect("it cannot fail");
    lines.push(String::new());
    lines.push(String::from_utf8(body.to_bytes().to_vec()).expect("ASCII"));
    lines.join("\n")
}
