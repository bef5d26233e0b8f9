//! `listen --forward-to`: a message is posted on as it came.
//!
//! Method, query, headers and body are the sender's, byte for byte, so that a signature over any of
//! them still verifies. What belongs to a connection and not to a message stays behind. Each message
//! has a connection of its own: whether it could be sent at all is then never in doubt.

use std::{future::poll_fn, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use doorbell_core::message::Headers;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri,
    header::{AUTHORIZATION, CONTENT_LENGTH, HOST},
    uri::PathAndQuery,
};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use reqwest::Url;
use tokio::{task::JoinSet, time::timeout};

use super::{
    outcome::Outcome,
    target::{Stream, Target},
};
use crate::{refusal::Refusal, wire::Message};

/// How long the target may take to answer. A lease lasts 60 seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Headers of one connection (RFC 9110 section 7.6.1), and those that are written anew.
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
    target: Target,
}

impl Forward {
    /// To this target. Redirects are not followed: a redirected POST is another request.
    pub(super) fn to(text: &str) -> Result<Self, Refusal> {
        let target = Target::parse(text)?;
        Ok(Self { target })
    }

    /// Where to, for people: without a password that may stand in it.
    pub(super) fn shown(&self) -> Url {
        let mut url = self.target.url.clone();
        // It has a host, so that neither can fail.
        let _ = url.set_username("").and_then(|()| url.set_password(None));
        url
    }

    /// Posts it; a 2xx means that it is done with.
    pub(super) async fn post(&self, message: &Message, body: Bytes) -> Outcome {
        let request = match request(&self.target.url, message, body) {
            Ok(request) => request,
            Err(error) => return Outcome::failed(format!("cannot be sent: {error}")),
        };
        let stream = match self.target.connect().await {
            Ok(stream) => stream,
            Err(why) => return Outcome::not_begun(format!("no connection: {why}")),
        };
        match timeout(PATIENCE, answer(stream, request)).await {
            Ok(Ok(status)) if status.is_success() => Outcome::done(status.as_str()),
            Ok(Ok(status)) => Outcome::failed(status.as_str()),
            Ok(Err(_)) => Outcome::failed("the connection broke off"),
            Err(_) => Outcome::failed(format!("no answer in {} s", PATIENCE.as_secs())),
        }
    }
}

/// Sends it and waits for the status; what the target says besides is not read.
async fn answer(
    stream: Box<dyn Stream>,
    request: Request<Full<Bytes>>,
) -> hyper::Result<StatusCode> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with this function.
    let mut driven = JoinSet::new();
    driven.spawn(connection);
    poll_fn(|context| sender.poll_ready(context)).await?;
    Ok(sender.send_request(request).await?.status())
}

/// The message as a request to `url`.
fn request(url: &Url, message: &Message, body: Bytes) -> http::Result<Request<Full<Bytes>>> {
    let method = Method::from_bytes(message.method.as_bytes())?;
    let mut headers = carried(&message.headers.0, &message.latin1_headers);
    headers.insert(HOST, host(url)?);
    if let (false, Some(credentials)) = (headers.contains_key(AUTHORIZATION), credentials(url)) {
        headers.insert(AUTHORIZATION, HeaderValue::try_from(credentials)?);
    }
    // A body that is empty is not one that is missing. GET and HEAD have none as a rule.
    let had_length = message.headers.0.get(CONTENT_LENGTH.as_str()).is_some();
    if body.is_empty() && (had_length || !matches!(method, Method::GET | Method::HEAD)) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
    }
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from(target(url, &message.query)?);
    *request.headers_mut() = headers;
    Ok(request)
}

/// The name and password that stand in the URL, for a sender that brings none of its own.
fn credentials(url: &Url) -> Option<String> {
    let (name, password) = (url.username(), url.password().unwrap_or_default());
    if name.is_empty() && password.is_empty() {
        return None;
    }
    let mut pair: Vec<u8> = percent_decode_str(name).collect();
    pair.push(b':');
    pair.extend(percent_decode_str(password));
    Some(format!("Basic {}", BASE64_STANDARD.encode(pair)))
}

/// The authority as the URL has it.
fn host(url: &Url) -> http::Result<HeaderValue> {
    let name = url.host_str().unwrap_or_default();
    let host = match url.port() {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    };
    Ok(HeaderValue::try_from(host)?)
}

/// The target's path and query with the sender's query behind its own, byte for byte: a [`Url`]
/// would write some characters its own way.
fn target(url: &Url, query: &str) -> http::Result<PathAndQuery> {
    let mut target = url.path().to_owned();
    let own = url.query().filter(|own| !own.is_empty());
    let parts: Vec<&str> = own
        .into_iter()
        .chain(Some(query))
        .filter(|q| !q.is_empty())
        .collect();
    if !parts.is_empty() {
        target.push('?');
        target.push_str(&parts.join("&"));
    }
    Ok(PathAndQuery::try_from(target)?)
}

/// The headers that belong to the message. `Connection` names more that do not.
fn carried(headers: &Headers, latin_1: &[String]) -> HeaderMap {
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
            let value = as_sent(value, latin_1.iter().any(|it| it == name));
            Some((
                HeaderName::from_bytes(name.as_bytes()).ok()?,
                HeaderValue::from_bytes(&value).ok()?,
            ))
        })
        .collect()
}

/// The bytes of a header's value as its sender wrote them.
fn as_sent(value: &str, latin_1: bool) -> Vec<u8> {
    let bytes: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(c).ok()).collect();
    match bytes {
        Some(bytes) if latin_1 => bytes,
        _ => value.as_bytes().to_vec(),
    }
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
        let mut names: Vec<String> = carried(&headers, &[])
            .keys()
            .map(|name| name.to_string())
            .collect();
        names.sort();
        assert_eq!(names, ["content-type", "trailer", "x-hub-signature-256"]);
    }

    #[test]
    fn the_senders_query_goes_on_byte_for_byte() {
        let joined = |base: &str, query| {
            let url = Url::parse(base).expect("a URL");
            target(&url, query).map(|target| target.to_string()).ok()
        };
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(joined("http://h/in", "a=%2f&b"), is("/in?a=%2f&b"));
        assert_eq!(joined("http://h/in", "a='[x]'"), is("/in?a='[x]'"));
        assert_eq!(joined("http://h/in?own=1", "a=1"), is("/in?own=1&a=1"));
        assert_eq!(joined("http://h/in?", ""), is("/in"));
        assert_eq!(joined("http://h", "a"), is("/?a"));
    }

    #[test]
    fn a_name_and_a_password_in_the_url_are_shown_to_the_target() {
        let shown = |text: &str| credentials(&Url::parse(text).expect("a URL"));
        assert_eq!(shown("http://h/"), None);
        assert_eq!(shown("http://u:p%40@h/").as_deref(), Some("Basic dTpwQA=="));
        assert_eq!(shown("http://u@h/").as_deref(), Some("Basic dTo="));
    }

    #[test]
    fn a_value_is_sent_in_the_bytes_that_came() {
        assert_eq!(as_sent("caf\u{e9}", true), b"caf\xe9");
        assert_eq!(as_sent("caf\u{e9}", false), b"caf\xc3\xa9");
        assert_eq!(as_sent("plain", false), b"plain");
        assert_eq!(
            as_sent("\u{65e5}\u{672c}", false),
            "\u{65e5}\u{672c}".as_bytes()
        );
    }
}
