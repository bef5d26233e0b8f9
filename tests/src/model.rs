//! A stand-in for a model's API: it plays turns that a test wrote, and keeps what the model would have
//! read. Claude Code asks it for Messages, Codex for Responses; both are answered as streams.

mod events;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::Value;
use tokio::{net::TcpListener, runtime::Runtime};

use crate::{run, server::wait_for};

/// What the model does when it is asked.
#[derive(Clone, Debug)]
pub enum Turn {
    /// Says this, and its turn is over.
    Say(String),
    /// Calls a tool, by the name that the client gave it.
    Call {
        /// Its namespace, with a client that has some.
        namespace: Option<String>,
        /// Its name.
        tool: String,
        /// Its arguments.
        arguments: Value,
    },
}

/// The stand-in; gone when dropped.
#[derive(Debug)]
pub struct Model {
    addr: SocketAddr,
    state: Arc<Played>,
    // What it runs on ends with it.
    _runtime: Runtime,
}

#[derive(Debug, Default)]
struct Played {
    turns: Mutex<VecDeque<Turn>>,
    /// Each request with the whole conversation in it.
    read: Mutex<Vec<Value>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Model {
    /// One that plays these turns, and says that it is done from then on.
    pub fn playing(turns: impl IntoIterator<Item = Turn>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let state = Arc::new(Played {
            turns: Mutex::new(turns.into_iter().collect()),
            read: Mutex::default(),
        });
        let app = Router::new()
            .route("/v1/messages", post(messages))
            .route("/v1/messages/count_tokens", post(count))
            .route("/v1/responses", post(responses))
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&state));
        let bound = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
        let listener = bound.expect("a port is free");
        let addr = listener.local_addr().expect("it is bound");
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self {
            addr,
            state,
            _runtime: runtime,
        }
    }

    /// Where it is asked.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What it is to do next, once it has played what it was told before.
    pub fn then(&self, turn: Turn) {
        lock(&self.state.turns).push_back(turn);
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        lock(&self.state.read).len()
    }

    /// The results of the tools it called, as it read them, in order.
    pub fn results(&self) -> Vec<String> {
        let read = lock(&self.state.read);
        read.last().map(events::results).unwrap_or_default()
    }

    /// The pieces of text that it has read so far, whoever wrote them.
    pub fn texts(&self) -> Vec<String> {
        let mut texts = Vec::new();
        for request in lock(&self.state.read).iter() {
            for name in ["messages", "input"] {
                strings(&request[name], &mut texts);
            }
        }
        texts
    }

    /// Waits until it has read a text with all of this in it, and returns that text.
    #[track_caller]
    pub fn reads(&self, parts: &[&str]) -> String {
        wait_for(&format!("the model to read {parts:?}"), || {
            let has_all = |text: &String| parts.iter().all(|part| text.contains(part));
            self.texts().into_iter().find(has_all)
        })
    }
}

fn strings(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| strings(value, into)),
        Value::Object(fields) => fields.values().for_each(|value| strings(value, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The next turn, and its number. What is asked without tools (a title for the conversation) is no turn
/// of it.
fn next(played: &Played, body: &[u8]) -> Option<(usize, Turn)> {
    let request: Value = serde_json::from_slice(body).ok()?;
    if request["tools"].as_array().is_none_or(Vec::is_empty) {
        return Some((0, Turn::Say("a title".to_owned())));
    }
    run::register(&request.to_string());
    let mut read = lock(&played.read);
    read.push(request);
    let turn = lock(&played.turns).pop_front();
    Some((read.len(), turn.unwrap_or(Turn::Say("done".to_owned()))))
}

fn stream(body: Option<String>) -> Response {
    match body {
        Some(events) => ([(CONTENT_TYPE, "text/event-stream")], events).into_response(),
        None => (StatusCode::BAD_REQUEST, "not JSON").into_response(),
    }
}

async fn messages(State(played): State<Arc<Played>>, _: HeaderMap, body: Bytes) -> Response {
    stream(next(&played, &body).map(|(count, turn)| events::messages(count, &turn)))
}

async fn count() -> &'static str {
    "{\"input_tokens\":1}"
}

async fn responses(State(played): State<Arc<Played>>, body: Bytes) -> Response {
    stream(next(&played, &body).map(|(count, turn)| events::responses(count, &turn)))
}
