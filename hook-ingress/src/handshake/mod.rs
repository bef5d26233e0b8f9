//! What senders ask before they trust a URL, and what they want to hear.
//!
//! Pure: head and small body in, the answer out. Only a live webhook's token gets here. Method,
//! header and query decide first; JSON is parsed only where a short body that calls itself JSON
//! holds a word that such questions have. What is said back is an [`Echo`](echo::Echo) and nothing
//! else; where that cannot be, the request is an ordinary message. Of
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

pub(crate) use self::answer::guard;
use self::{answer::Answer, echo::Echo};

/// What a live hook token takes: messages, and the GET and HEAD of senders that look first.
pub(crate) const HOOK_METHODS: &[Method] = &[
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

/// What a request asks, if it is a handshake; else it is a message, or a look. `label` is its
/// grant's, and `per_minute` how many requests its token may make, 0 where that is not limited.
pub(crate) fn recognise(
    head: &Parts,
    body: &[u8],
    label: &str,
    per_minute: u32,
) -> Option<Handshake> {
    match head.method {
        Method::POST => posted::question(head, body),
        Method::GET => got(head, label).map(Handshake::observed),
        Method::OPTIONS => permission(head, per_minute).map(Handshake::observed),
        _ => None,
    }
}

/// Whether a request that asks nothing says nothing either: a monitor's, a link preview's, or that
/// of a sender that only looks whether the URL is there. Trello wants exactly a 200 for its HEAD,
/// Mailchimp one for its GET.
pub(crate) fn only_looks(head: &Parts, body_bytes: u64) -> bool {
    match head.method {
        Method::HEAD => true,
        Method::GET => body_bytes == 0 && asked_query(head).is_none(),
        _ => false,
    }
}

/// The query, if there is anything in it.
fn asked_query(head: &Parts) -> Option<&str> {
    head.uri.query().filter(|query| !query.is_empty())
}

/// GET. Some deliver by GET too, so a parameter that might be theirs counts only where it is alone.
fn got(head: &Parts, label: &str) -> Option<Answer> {
    let Some(query) = asked_query(head) else {
        let challenge = head.headers.get(OKTA_CHALLENGE)?;
        return header_echo(challenge).map(|echo| Answer::json("verification", &echo));
    };
    // Meta says `hub.mode` beside its challenge, and so does every WebSub hub.
    let hub = query::first(query, "hub.mode").and_then(|_| query::first(query, "hub.challenge"));
    if let Some(challenge) = hub {
        let challenge = Echo::new(challenge)?;
        // Strava asks as Meta does, and wants to hear JSON.
        return Some(match label.eq_ignore_ascii_case("strava") {
            true => Answer::json("hub.challenge", &challenge),
            false => Answer::text(challenge),
        });
    }
    // Dropbox, Nylas and Adobe; Onfleet. Every other query is a message.
    query::only(query, "challenge")
        .map(Echo::new)
        .or_else(|| query::only(query, "check").map(Echo::new))?
        .map(Answer::text)
}

/// What Microsoft Graph asks with, by POST; SharePoint writes the name in lower case.
fn validation_token(query: &str) -> Option<impl Iterator<Item = u8> + '_> {
    ["validationToken", "validationtoken"]
        .into_iter()
        .find_map(|name| query::first(query, name))
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
