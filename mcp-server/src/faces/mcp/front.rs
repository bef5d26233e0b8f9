//! What stands before `/mcp`: clients differ in what they accept and in how they send, and rmcp
//! takes one way of each.

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{
        HeaderMap, HeaderValue, Method, StatusCode,
        header::{ACCEPT, CONTENT_TYPE},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use futures_util::future::join_all;
use rmcp::model::JsonRpcMessage;
use serde_json::Value;

use super::jsonrpc;

/// The largest request body that is read, in bytes. Nothing is uploaded here.
const MAX_REQUEST: usize = 1024 * 1024;
/// The most messages in one batch.
const MAX_BATCH: usize = 100;
/// The revisions in which a batch may be sent; 2025-06-18 did away with them.
const BATCHED: [&str; 2] = ["2024-11-05", "2025-03-26"];

const EVENTS: &str = "text/event-stream";
const JSON: &str = "application/json";

/// Whoever answers one message.
pub(super) trait Answers: Clone + Send + 'static {
    /// Answers it with events, which keep a wait alive, or with JSON.
    fn answer(self, request: Request, events: bool) -> impl Future<Output = Response> + Send;
}

/// Answers a request however its client sends, and in the kind that it reads.
pub(super) async fn serve(inner: impl Answers, request: Request) -> Response {
    let reads = Reads::of(request.headers());
    if request.method() != Method::POST {
        return inner.answer(request, reads.events).await;
    }
    let (mut parts, body) = request.into_parts();
    let both = HeaderValue::from_static("application/json, text/event-stream");
    parts.headers.insert(ACCEPT, both);
    let Ok(bytes) = to_bytes(body, MAX_REQUEST).await else {
        let rule = format!("the request broke off or is larger than {MAX_REQUEST} bytes");
        return refused(StatusCode::PAYLOAD_TOO_LARGE, jsonrpc::invalid(None, &rule));
    };
    let message = match jsonrpc::parse(&bytes) {
        Ok(message) => message,
        Err(broken) => return refused(StatusCode::BAD_REQUEST, broken),
    };
    if let Value::Array(messages) = message {
        return batch(inner, &parts, messages, reads).await;
    }
    let id = message.get("id").cloned();
    match jsonrpc::read(message) {
        Err(wrong) => return refused(StatusCode::BAD_REQUEST, wrong),
        Ok(None) => return StatusCode::ACCEPTED.into_response(),
        Ok(Some(_)) => {}
    }
    let body = bytes.slice_ref(jsonrpc::unmarked(&bytes));
    let request = Request::from_parts(parts, Body::from(body));
    as_json(inner.answer(request, reads.events).await, id).await
}

/// A refusal in bare words as an answer that a client can read: it knows JSON-RPC.
async fn as_json(response: Response, id: Option<Value>) -> Response {
    let status = response.status();
    let json = (response.headers().get(CONTENT_TYPE))
        .is_some_and(|kind| kind.as_bytes().starts_with(JSON.as_bytes()));
    if json || !status.is_client_error() {
        return response;
    }
    let words = to_bytes(response.into_body(), MAX_REQUEST).await;
    let words = words.unwrap_or_default();
    refused(
        status,
        jsonrpc::invalid(id, &String::from_utf8_lossy(&words)),
    )
}

/// What a client says that it reads. One that says nothing of events is answered in JSON.
#[derive(Clone, Copy)]
struct Reads {
    events: bool,
    json: bool,
}

impl Reads {
    fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all(ACCEPT).iter();
        let kinds: Vec<&str> = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|kind| kind.split(';').next())
            .map(str::trim)
            .collect();
        let says = |kind: &str| kinds.iter().any(|one| one.eq_ignore_ascii_case(kind));
        Self {
            events: says(EVENTS),
            json: says(JSON) || says("application/*") || says("*/*"),
        }
    }
}

/// Answers every message of a batch by itself, and all that have an answer together.
async fn batch(inner: impl Answers, parts: &Parts, messages: Vec<Value>, reads: Reads) -> Response {
    let version = parts.headers.get("mcp-protocol-version");
    let served = version.is_none_or(|version| BATCHED.iter().any(|one| version == one));
    let rule = match messages.len() {
        _ if !served => "batches are of 2025-03-26; send one message at a time",
        0 => "an empty batch asks for nothing",
        1..=MAX_BATCH => "",
        _ => "a batch holds at most 100 messages",
    };
    if !rule.is_empty() {
        return refused(StatusCode::BAD_REQUEST, jsonrpc::invalid(None, rule));
    }
    let answers = messages
        .into_iter()
        .map(|message| one_of_batch(inner.clone(), parts, message));
    let answers: Vec<Value> = join_all(answers).await.into_iter().flatten().collect();
    if answers.is_empty() {
        return StatusCode::ACCEPTED.into_response();
    }
    let json = Value::Array(answers).to_string();
    if reads.events && !reads.json {
        let event = format!("data: {json}\n\n");
        return ([(CONTENT_TYPE, EVENTS)], event).into_response();
    }
    ([(CONTENT_TYPE, JSON)], json).into_response()
}

async fn one_of_batch(inner: impl Answers, parts: &Parts, message: Value) -> Option<Value> {
    match jsonrpc::read(message.clone()) {
        Err(wrong) => return Some(wrong),
        // An answer is not answered, and whoever keeps no sessions has asked nothing.
        Ok(None | Some(JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_))) => return None,
        Ok(Some(_)) => {}
    }
    let id = message.get("id").cloned();
    if message["method"] == "initialize" {
        return Some(jsonrpc::invalid(id, "initialize is no part of a batch"));
    }
    let body = Body::from(message.to_string());
    let response = inner
        .answer(Request::from_parts(parts.clone(), body), false)
        .await;
    let bytes: Bytes = to_bytes(response.into_body(), usize::MAX).await.ok()?;
    match serde_json::from_slice(&bytes) {
        Ok(answer @ Value::Object(_)) => Some(answer),
        // Nothing is answered to a notification; to a request something is.
        _ => id.map(|id| jsonrpc::invalid(Some(id), &String::from_utf8_lossy(&bytes))),
    }
}

fn refused(status: StatusCode, error: Value) -> Response {
    (status, [(CONTENT_TYPE, JSON)], error.to_string()).into_response()
}
