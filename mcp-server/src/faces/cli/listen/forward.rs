//! `listen --forward-to`: a message is posted on as it came.
//!
//! Method, headers, query and body are the sender's, so that a signature over any of them still
//! verifies. What belongs to a connection and not to a message stays behind.

use std::time::Duration;

use bytes::Bytes;
use doorbell_core::message::Headers;
use reqwest::{
    Client, Method, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};

use super::consume::Outcome;
use crate::{refusal::Refusal, wire::Message};

/// How long the target may take. A lease lasts 60 seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Headers of one connection (RFC 9110 section 7.6.1), and those that the client writes itself.
const LEFT_BEHIND: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Where messages are posted on to.
pub(super) struct Forward {
    client: Client,
    url: Url,
}

impl Forward {
    /// To this URL. Redirects are not followed: a redirected POST is another request.
    pub(super) fn to(text: &str) -> Result<Self, Refusal> {
        let url = Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| Refusal::invalid("--forward-to", "an http:// or https:// URL"))?;
        // The first provider wins; a second install is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .redirect(Policy::none())
            .timeout(PATIENCE)
            .no_proxy()
            .build()
            .map_err(|error| Refusal::Internal(format!("no HTTP client: {error}")))?;
        Ok(Self { client, url })
    }

    /// Where to, for people: without a password that may stand in it.
    pub(super) fn shown(&self) -> Url {
        let mut url = self.url.clone();
        // It has a host, so that neither can fail.
        let _ = url.set_username("").and_then(|()| url.set_password(None));
        url
    }

    /// Posts it; a 2xx means that it is done with.
    pub(super) async fn post(&self, message: &Message, body: Bytes) -> Outcome {
        let method = Method::from_bytes(message.method.as_bytes()).unwrap_or(Method::POST);
        let request = self
            .client
            .request(method, with_query(&self.url, &message.query))
            .headers(carried(&message.headers.0))
            .body(body);
        match request.send().await {
            Ok(response) => Outcome {
                done: response.status().is_success(),
                said: response.status().as_u16().to_string(),
            },
            Err(error) if error.is_timeout() => {
                Outcome::failed(format!("no answer in {} s", PATIENCE.as_secs()))
            }
            Err(error) if error.is_connect() => Outcome::failed("no connection"),
            Err(_) => Outcome::failed("the connection broke off"),
        }
    }
}

/// The target's URL with the sender's query behind its own, byte for byte.
fn with_query(url: &Url, query: &str) -> Url {
    let mut url = url.clone();
    if !query.is_empty() {
        let joined = match url.query() {
            Some(own) if !own.is_empty() => format!("{own}&{query}"),
            _ => query.to_owned(),
        };
        url.set_query(Some(&joined));
    }
    url
}

/// The headers that belong to the message. `Connection` names more that do not.
fn carried(headers: &Headers) -> HeaderMap {
    let named: Vec<String> = headers
        .get("connection")
        .map(|names| {
            names
                .split(',')
                .map(|name| name.trim().to_ascii_lowercase())
        })
        .into_iter()
        .flatten()
        .collect();
    headers
        .iter()
        .filter(|(name, _)| !LEFT_BEHIND.contains(name) && !named.iter().any(|it| it == name))
        .filter_map(|(name, value)| {
            Some((
                HeaderName::from_bytes(name.as_bytes()).ok()?,
                HeaderValue::from_bytes(value.as_bytes()).ok()?,
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_connection_stays_behind() {
        let headers = [
            ("connection", "keep-alive, X-Hop"),
            ("content-length", "3"),
            ("host", "bell.example"),
            ("x-hop", "1"),
            ("trailer", "x"),
            ("transfer-encoding", "chunked"),
            ("x-hub-signature-256", "sha256=00"),
            ("content-type", "application/json"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let headers = Headers::from_pairs(headers.into());
        let mut names: Vec<String> = carried(&headers)
            .keys()
            .map(|name| name.to_string())
            .collect();
        names.sort();
        assert_eq!(names, ["content-type", "trailer", "x-hub-signature-256"]);
    }

    #[test]
    fn the_senders_query_goes_on_byte_for_byte() {
        let url = |text: &str| Url::parse(text).expect("a URL");
        let joined = |base, query| with_query(&url(base), query).to_string();
        assert_eq!(joined("http://h/in", "a=%2f&b"), "http://h/in?a=%2f&b");
        assert_eq!(joined("http://h/in?own=1", "a=1"), "http://h/in?own=1&a=1");
        assert_eq!(joined("http://h/in", ""), "http://h/in");
    }

    #[test]
    fn only_http_is_forwarded_to() {
        for bad in ["ftp://h/", "localhost:3000", "", "http://"] {
            assert!(Forward::to(bad).is_err(), "{bad}");
        }
    }
}
