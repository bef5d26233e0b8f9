//! What a handshake is answered with: text or JSON that no browser runs, and no cache keeps.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
};
use http_body_util::Full;
use serde_json::json;

use super::echo::Echo;

/// Who could make a browser fetch the URL must not get a page on our origin out of it.
const GUARDS: [(HeaderName, &str); 3] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CACHE_CONTROL, "no-store"),
    (CONTENT_SECURITY_POLICY, "sandbox"),
];

/// Makes sure that a browser shows an answer for what it is, and that no cache keeps it.
pub(crate) fn guard(headers: &mut HeaderMap) {
    for (name, value) in GUARDS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// The body and the headers that make a sender content. The status is always 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    body: Bytes,
    content_type: Option<&'static str>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Answer {
    /// Nothing but the status.
    pub(super) fn empty() -> Self {
        Self {
            body: Bytes::new(),
            content_type: None,
            headers: Vec::new(),
        }
    }

    /// The text as it is.
    pub(super) fn text(echo: Echo) -> Self {
        Self {
            body: echo.into_string().into(),
            content_type: Some("text/plain; charset=utf-8"),
            headers: Vec::new(),
        }
    }

    /// An object of one member.
    pub(super) fn json(key: &'static str, echo: &Echo) -> Self {
        Self {
            body: json!({key: echo.as_str()}).to_string().into(),
            content_type: Some("application/json"),
            headers: Vec::new(),
        }
    }

    /// And this header.
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// And the text in this header.
    pub(super) fn with_echo(self, name: HeaderName, echo: Echo) -> Self {
        let value = HeaderValue::try_from(echo.into_string());
        self.with(name, value.expect("printable ASCII is a header's value"))
    }

    /// Makes it the answer to a request whose message is kept.
    pub(crate) fn write(self, response: &mut Response<Full<Bytes>>) {
        let headers = response.headers_mut();
        guard(headers);
        if let Some(content_type) = self.content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        headers.extend(self.headers);
        *response.body_mut() = Full::new(self.body);
    }
}
