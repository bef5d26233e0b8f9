//! What senders ask before they trust a URL, and what they want to hear.
//!
//! Pure: head and small body in, the answer out. Only a live webhook's token gets here. Method,
//! header and query decide first; JSON is parsed only where a short body that calls itself JSON
//! holds a word that such questions have. What is said back is an [`Echo`](echo::Echo) and nothing
//! else; where that cannot be, the request is an ordinary message, or for GET an empty 200. Of
//! headers and parameters that are repeated the first counts.
//!
//! What needs a secret of ours (Zoom, Discord, X) or a request of ours (AWS SNS, a `validationUrl`,
//! a `WebHook-Request-Callback`) is never answered here: nothing in a request makes us call out.

mod answer;
mod echo;
mod posted;
mod query;

#[cfg(test)]
mod tests;

use doorbell_core::message::Mode;
use http::{HeaderName, HeaderValue, Method, header::ALLOW, request::Parts};

use self::{answer::Answer, echo::Echo};

/// What a live hook token takes: messages, and the GET and HEAD of senders that look first.
const HOOK_METHODS: &[Method] = &[
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::GET,
    Method::HEAD,
];
/// The same for a sender that asks whether it may send.
const ASKING_METHODS: &[Method] = &[Method::OPTIONS];

/// CloudEvents' HTTP 1.1 Web Hooks, section 4.
const REQUEST_ORIGIN: HeaderName = HeaderName::from_static("webhook-request-origin");
const REQUEST_RATE: HeaderName = HeaderName::from_static("webhook-request-rate");
const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");
const ALLOWED_RATE: HeaderName = HeaderName::from_static("webhook-allowed-rate");

const OKTA_CHALLENGE: HeaderName = HeaderName::from_static("x-okta-verification-challenge");

/// A sender's question, recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handshake {
    /// What makes the sender content.
    pub(crate) answer: Answer,
    /// How loudly it is kept, wherever it is routed.
    pub(crate) mode: Mode,
}

impl Handshake {
    fn observed(answer: Answer) -> Self {
        Self {
            answer,
            mode: Mode::Observe,
        }
    }
}

/// The methods that a live hook token takes of such a request.
pub(crate) fn methods(head: &Parts) -> &'static [Method] {
    let asks = head.method == Method::OPTIONS && origin(head).is_some();
    if asks { ASKING_METHODS } else { HOOK_METHODS }
}

/// What a request asks, if it is a handshake; else it is a message. `per_minute` is how many
/// requests its token may make, 0 where that is not limited.
pub(crate) fn recognise(head: &Parts, body: &[u8], per_minute: u32) -> Option<Handshake> {
    match head.method {
        Method::POST => posted::question(head, body),
        Method::GET => Some(Handshake::observed(got(head).unwrap_or_else(Answer::empty))),
        // Trello wants exactly a 200.
        Method::HEAD => Some(Handshake::observed(Answer::empty())),
        Method::OPTIONS => permission(head, per_minute).map(Handshake::observed),
        _ => None,
    }
}

/// GET: who asks with a header, then who asks with a parameter.
fn got(head: &Parts) -> Option<Answer> {
    if let Some(challenge) = head.headers.get(OKTA_CHALLENGE) {
        return header_echo(challenge).map(|echo| Answer::json("verification", &echo));
    }
    let query = head.uri.query()?;
    // Meta says `hub.mode` beside its challenge, and so does every WebSub hub.
    let hub = query::first(query, "hub.mode").and_then(|_| query::first(query, "hub.challenge"));
    if let Some(challenge) = hub {
        return Echo::new(challenge).map(Answer::text);
    }
    // Microsoft Graph; Dropbox, Nylas and Adobe; Onfleet.
    ["validationToken", "challenge", "check"]
        .into_iter()
        .find_map(|name| query::first(query, name))
        .and_then(Echo::new)
        .map(Answer::text)
}

/// OPTIONS: whoever asks may send, at the rate asked for, if the token may. A rate that is none
/// counts as none asked for.
fn permission(head: &Parts, per_minute: u32) -> Option<Answer> {
    let origin = origin(head)?;
    let asked = head.headers.get(REQUEST_RATE);
    let asked: Option<u32> = asked.and_then(|rate| rate.to_str().ok()?.parse().ok());
    let rate = match (asked, per_minute) {
        (None | Some(0), _) => HeaderValue::from_static("*"),
        (Some(asked), 0) => asked.into(),
        (Some(asked), most) => asked.min(most).into(),
    };
    let allowed = Answer::empty()
        .with_echo(ALLOWED_ORIGIN, origin)
        .with(ALLOWED_RATE, rate)
        .with(ALLOW, HeaderValue::from_static("POST"));
    Some(allowed)
}

fn origin(head: &Parts) -> Option<Echo> {
    head.headers.get(REQUEST_ORIGIN).and_then(header_echo)
}

fn header_echo(value: &HeaderValue) -> Option<Echo> {
    Echo::new(value.as_bytes().iter().copied())
}
