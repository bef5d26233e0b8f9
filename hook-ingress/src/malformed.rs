//! What is said to a sender whose request the parser refuses, before any service sees it.
//!
//! hyper answers such a request itself, with a status alone. Its answer is held back (see `pulse`),
//! and what is said in its stead is written here.

use bytes::Bytes;
use http::{Response, StatusCode, header::CONNECTION};
use http_body_util::{BodyExt, Full};

use crate::{browsers, limits::ConnectionLimits, rejection::Rejection};

/// As the front door refuses: JSON, which a page may read. Whether one sent it cannot be known
/// where the head could not be read.
pub(crate) fn at_the_door(no: &Rejection) -> Response<Full<Bytes>> {
    let mut response = no.respond(true);
    browsers::open(response.headers_mut());
    response
}

/// Why the parser refuses a request, if it does: from its error, its own answer that was held back,
/// and what it has not read.
pub(crate) fn refusal(
    error: &hyper::Error,
    held_back: &[u8],
    unread: &[u8],
    limits: &ConnectionLimits,
) -> Option<Rejection> {
    if error.is_parse_version_h2() {
        let rule = "This is HTTP/2; HTTP/1.1 is spoken here.";
        return Some(Rejection::NotHttp(rule));
    }
    let status = held_back.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    Some(match StatusCode::from_bytes(status).ok()? {
        StatusCode::URI_TOO_LONG => Rejection::UriTooLong,
        // The whole head was read.
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE if unread.is_empty() => {
            Rejection::NotHttp("Content-Length is greater than any body is long.")
        }
        // Not even the first line has come to its end.
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE if !unread.contains(&b'\n') => {
            Rejection::UriTooLong
        }
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Rejection::Headers {
            count: limits.header_count,
            bytes: limits.head_bytes,
        },
        _ => Rejection::NotHttp(broken_rule(error, unread)),
    })
}

/// Which rule, in words: hyper says no more of it than that.
fn broken_rule(error: &hyper::Error, unread: &[u8]) -> &'static str {
    // A handshake's record, and its major version.
    if unread.starts_with(b"\x16\x03") {
        return "This is TLS; plain HTTP is spoken here, behind http://.";
    }
    let in_the_first_line = match error.to_string().as_str() {
        "invalid HTTP method parsed" | "invalid HTTP version parsed" | "invalid URI" => {
            broken_line(unread)
        }
        _ => None,
    };
    in_the_first_line.unwrap_or_else(|| named_rule(error))
}

/// What is wrong with a request's first line where it is not three words.
fn broken_line(unread: &[u8]) -> Option<&'static str> {
    let mut lines = unread.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let line = lines.find(|line| !line.is_empty())?;
    let words = line.split(|byte| *byte == b' ');
    match words.filter(|word| !word.is_empty()).count() {
        3 => None,
        0..3 => {
            Some("The first line is a method, a target and HTTP/1.1, with blanks between them.")
        }
        _ => {
            Some("There is a blank in the method or in the target; in a target it is written %20.")
        }
    }
}

fn named_rule(error: &hyper::Error) -> &'static str {
    match error.to_string().as_str() {
        "invalid HTTP method parsed" => "The method is not a token.",
        "invalid HTTP version parsed" => "The version is not HTTP/1.1 or HTTP/1.0.",
        "invalid URI" => {
            "The target is not a path; blanks and what is not ASCII are to be escaped."
        }
        "invalid content-length parsed" => {
            "Content-Length is not a number, or there are two that differ."
        }
        "invalid transfer-encoding parsed" => "The last transfer coding is not chunked.",
        "unexpected transfer-encoding parsed" => "HTTP/1.0 has no Transfer-Encoding.",
        _ => "A header line is broken: each is a name, a colon and a value, on one line.",
    }
}

/// An answer as it is sent; the date is the one that hyper had written.
pub(crate) fn written(response: Response<Full<Bytes>>, held_back: &[u8]) -> Vec<u8> {
    let (head, body) = response.into_parts();
    let body = futures_util::FutureExt::now_or_never(body.collect())
        .and_then(Result::ok)
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let reason = head.status.canonical_reason().unwrap_or("Refused");
    let mut out = format!("HTTP/1.1 {} {reason}\r\n", head.status.as_str()).into_bytes();
    for (name, value) in &head.headers {
        if name != CONNECTION {
            line(&mut out, name.as_str(), value.as_bytes());
        }
    }
    let date = held_back
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(b"date: "));
    if let Some(date) = date {
        line(&mut out, "date", date.trim_ascii_end());
    }
    line(&mut out, "connection", b"close");
    line(
        &mut out,
        "content-length",
        body.len().to_string().as_bytes(),
    );
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&body);
    out
}

fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
