//! What browsers are told: pages of any origin may post, and read what they are answered. The token
//! is what lets a request in, and no cookie counts here.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{
        ACCEPT, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
        ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
        ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE,
        REFERRER_POLICY,
    },
    request::Parts,
};
use http_body_util::Full;

use crate::{redact::redact, rejection::allowed};

/// What a page's script may read of an answer, beside what it always may.
const EXPOSED: &str = "X-Message-Id, X-Duplicate-Of, Retry-After";
/// How long a browser need not ask again, in seconds.
const MAX_AGE: &str = "600";
/// The longest list of headers that is said back, in bytes.
const MAX_ASKED: usize = 1024;

/// What a person reads who opens a webhook's URL.
const WHAT_IT_IS: &str = "This is a Doorbell webhook URL: what is posted to it reaches an agent's \
                          inbox. Whoever knows it can post, so keep it to yourself.\n";

/// Lets a page of any origin read this answer.
pub(crate) fn open(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static(EXPOSED),
    );
}

/// Whether a browser asks if it may send a request, before it does (Fetch, section 4.8).
pub(crate) fn is_preflight(head: &Parts) -> bool {
    head.method == Method::OPTIONS && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// What it is told: these methods, and the headers that it asked for.
pub(crate) fn preflight(head: &Parts, methods: &[Method]) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    open(headers);
    let methods = allowed(methods).try_into().expect("methods are printable");
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    if let Some(asked) = asked_headers(&head.headers) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked);
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    response
}

/// The list of headers that was asked for, if it may be said back.
fn asked_headers(headers: &HeaderMap) -> Option<HeaderValue> {
    let asked: Vec<&[u8]> = headers
        .get_all(ACCESS_CONTROL_REQUEST_HEADERS)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    let asked = asked.join(&b", "[..]);
    let a_list = |byte: &u8| matches!(byte, b' '..=b'~');
    let good = (1..=MAX_ASKED).contains(&asked.len())
        && asked.iter().all(a_list)
        && redact(&asked) == asked;
    good.then(|| HeaderValue::from_bytes(&asked).ok()).flatten()
}

/// The answer to whoever looks at a webhook's URL and sends nothing: a browser shows what it is.
pub(crate) fn look(head: &Parts) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    let html = head.headers.get_all(ACCEPT).iter().any(|accept| {
        accept
            .to_str()
            .is_ok_and(|accept| accept.to_ascii_lowercase().contains("text/html"))
    });
    if html && head.method == Method::GET {
        *response.body_mut() = Full::from(WHAT_IT_IS);
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, plain);
    }
    let headers = response.headers_mut();
    crate::handshake::guard(headers);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let robots = HeaderName::from_static("x-robots-tag");
    headers.insert(robots, HeaderValue::from_static("noindex"));
    response
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn asking(headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method("OPTIONS").uri("/hook/t");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn the_headers_asked_for_are_said_back_up_to_a_kibibyte() {
        let name = "access-control-request-headers";
        let longest = "x".repeat(MAX_ASKED);
        let long = "x".repeat(MAX_ASKED + 1);
        for (asked, said) in [
            (
                vec![(name, "content-type, x-event")],
                Some("content-type, x-event"),
            ),
            (vec![(name, "a"), (name, "b")], Some("a, b")),
            (vec![(name, longest.as_str())], Some(longest.as_str())),
            (vec![(name, long.as_str())], None),
            (vec![(name, "caf\u{e9}")], None),
            (vec![(name, "")], None),
            (vec![], None),
        ] {
            let response = preflight(&asking(&asked), &[Method::POST]);
            let said_back = response.headers().get(ACCESS_CONTROL_ALLOW_HEADERS);
            assert_eq!(
                said_back.map(HeaderValue::as_bytes),
                said.map(str::as_bytes)
            );
        }
    }
}
