//! The handshakes that come as POST, as messages do.
//!
//! Most POSTs are messages, so this costs them four look-ups in the header map, and a short JSON
//! body two searches for a word.

use doorbell_core::message::Mode;
use http::{HeaderMap, HeaderName, header::CONTENT_TYPE, request::Parts};
use memchr::memmem;
use serde_json::{Map, Value};

use super::{Handshake, answer::Answer, echo::Echo, header_echo, validation_token};
use crate::json::without_mark;

const ASANA_SECRET: HeaderName = HeaderName::from_static("x-hook-secret");
const SMARTSHEET_CHALLENGE: HeaderName = HeaderName::from_static("smartsheet-hook-challenge");
const SMARTSHEET_RESPONSE: HeaderName = HeaderName::from_static("smartsheet-hook-response");
const TWITCH_TYPE: HeaderName = HeaderName::from_static("twitch-eventsub-message-type");
const EVENT_GRID_TYPE: HeaderName = HeaderName::from_static("aeg-event-type");

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");

/// The longest body that may be a question, in bytes.
const MAX_QUESTION: usize = 4096;

/// What a POST asks, if it asks anything.
pub(super) fn question(head: &Parts, body: &[u8]) -> Option<Handshake> {
    let body = without_mark(body);
    let headers = &head.headers;
    if let Some(secret) = headers.get(ASANA_SECRET)
        && says_nothing(body)
    {
        // The agent needs the secret: every later delivery is signed with it.
        return header_echo(secret).map(|secret| Handshake {
            answer: Answer::empty().with_echo(ASANA_SECRET, secret),
            mode: Mode::Trigger,
        });
    }
    if let Some(challenge) = headers.get(SMARTSHEET_CHALLENGE) {
        let echo = header_echo(challenge)?;
        let answer = Answer::json("smartsheetHookResponse", &echo);
        return observed(answer.with_echo(SMARTSHEET_RESPONSE, echo));
    }
    if says(headers, &TWITCH_TYPE, "webhook_callback_verification") {
        let question = parsed::<Map<String, Value>>(body)?;
        return observed(Answer::text(echo(question.get("challenge")?)?));
    }
    if says(headers, &EVENT_GRID_TYPE, "SubscriptionValidation") {
        let [event] = parsed::<[Value; 1]>(body)?;
        let code = echo(event.get("data")?.get("validationCode")?)?;
        return observed(Answer::json("validationResponse", &code));
    }
    if let Some(token) = head.uri.query().and_then(validation_token) {
        return observed(Answer::text(Echo::new(token)?));
    }
    let may_ask = body.len() <= MAX_QUESTION
        && is_json(headers)
        && [&b"\"challenge\""[..], b"\"verification_token\""]
            .into_iter()
            .any(|word| memmem::find(body, word).is_some());
    may_ask.then(|| asked_in_json(headers, body)).flatten()
}

/// Slack's and Lark's `url_verification`; the `verification` of MCP Events; Monday's and Miro's bare
/// challenge; Notion's token, which nobody wants to hear back: its human gets it from the agent.
fn asked_in_json(headers: &HeaderMap, body: &[u8]) -> Option<Handshake> {
    let question: Map<String, Value> = parsed(body)?;
    let bare = question.len() == 1;
    if let Some(challenge) = question.get("challenge") {
        let asks = match question.get("type").and_then(Value::as_str) {
            Some("url_verification") => true,
            Some("verification") => headers.contains_key(WEBHOOK_ID),
            _ => bare,
        };
        return asks
            .then(|| echo(challenge))
            .flatten()
            .and_then(|echo| observed(Answer::json("challenge", &echo)));
    }
    let notion = bare && question.get("verification_token")?.is_string();
    notion.then(|| Handshake::observed(Answer::empty()))
}

fn observed(answer: Answer) -> Option<Handshake> {
    Some(Handshake::observed(answer))
}

/// A short body, parsed.
fn parsed<T: serde::de::DeserializeOwned>(body: &[u8]) -> Option<T> {
    (body.len() <= MAX_QUESTION)
        .then(|| serde_json::from_slice(body).ok())
        .flatten()
}

fn echo(value: &Value) -> Option<Echo> {
    Echo::new(value.as_str()?.bytes())
}

/// Whether a body is empty, or an object with nothing in it.
fn says_nothing(body: &[u8]) -> bool {
    matches!(body.trim_ascii(), b"" | b"{}")
}

fn says(headers: &HeaderMap, name: &HeaderName, value: &str) -> bool {
    headers
        .get(name)
        .is_some_and(|have| have.as_bytes().eq_ignore_ascii_case(value.as_bytes()))
}

/// Whether the body calls itself JSON: `application/json`, `text/json`, `application/…+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE) else {
        return false;
    };
    let content_type = content_type.as_bytes();
    let end = memchr::memchr(b';', content_type).unwrap_or(content_type.len());
    let media = content_type[..end].trim_ascii();
    media.last_chunk::<5>().is_some_and(|end| {
        [b"/json", b"+json"]
            .iter()
            .any(|json| end.eq_ignore_ascii_case(*json))
    })
}
