//! Browsers' own MCP clients: pages of other origins that may ask `/mcp`, and read what it answers.
//!
//! Such a page shows a key of its own, like any client: nothing that the browser keeps for this
//! server is let along.

use axum::{
    extract::Request,
    http::{
        HeaderMap, HeaderValue, Method, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
            ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
        },
    },
    response::{IntoResponse, Response},
};

use crate::config::WebOrigin;

/// What such a page may read beside what every page may.
const EXPOSED: HeaderValue = HeaderValue::from_static("Mcp-Session-Id, WWW-Authenticate");
/// What such a page may send where it does not say, or says too much.
const USUAL: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Mcp-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, Last-Event-ID, Doorbell-Folder, Doorbell-Receiver",
);
/// The most of a list of headers that is repeated, in bytes.
const MAX_ASKED: usize = 1_024;

/// The origin of a page that may ask for this, as it was sent.
pub fn guest(allowed: &[WebOrigin], request: &Request) -> Option<HeaderValue> {
    if !matches!(request.uri().path(), "/mcp" | "/mcp/") {
        return None;
    }
    let mut sent = request.headers().get_all(ORIGIN).iter();
    let (Some(origin), None) = (sent.next(), sent.next()) else {
        return None;
    };
    let named = WebOrigin::parse(origin.to_str().ok()?)?;
    allowed.contains(&named).then(|| origin.clone())
}

/// The answer to a browser that asks whether its page may ask.
pub fn preflight(request: &Request) -> Option<Response> {
    let headers = request.headers();
    if request.method() != Method::OPTIONS || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let allowed = response.headers_mut();
    let methods = HeaderValue::from_static("POST, GET, DELETE");
    allowed.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    allowed.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked(headers));
    allowed.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    Some(response)
}

fn asked(headers: &HeaderMap) -> HeaderValue {
    let asked = headers.get(ACCESS_CONTROL_REQUEST_HEADERS);
    let is_list = |value: &&HeaderValue| {
        let name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_, ".contains(byte);
        value.len() <= MAX_ASKED && value.as_bytes().iter().all(name)
    };
    asked.filter(is_list).cloned().unwrap_or(USUAL)
}

/// Lets the page of this origin read a response.
pub fn show_to(origin: HeaderValue, response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.append(VARY, HeaderValue::from_static("Origin"));
}
