//! `GET /v1/stream`: the log as it grows, as server-sent events.
//!
//! An event's id is the cursor behind its message: whoever comes back with `Last-Event-ID` misses
//! nothing. The first event has an id and no data: where the stream begins, for whoever loses the
//! connection before the first message. Looking leases nothing.

mod push;

use std::{collections::VecDeque, convert::Infallible, future::pending, sync::Arc, time::Duration};

use aide::{
    OperationOutput,
    axum::{ApiRouter, routing::get_with},
    generate::GenContext,
    openapi::{self, Operation, StatusCode},
};
use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use doorbell_core::{address::CHANNEL_PREFIX, label::SessionId, message::Cursor, pattern::Pattern};
use futures_util::{Stream, stream};
use schemars::{JsonSchema, json_schema};
use serde::Deserialize;
use tokio::{sync::watch, time::Instant};

use self::push::{Push, Pusher};
use super::{
    ask::{At, Query},
    describe::{Routes, response, says},
    problem::Problem,
};
use crate::{
    desk::Local,
    house::House,
    refusal::Refusal,
    shares::OneOf,
    switchboard,
    wire::{Count, DEFAULT_BODY_BYTES, Message, Text, TextShape},
};

/// How often a silent stream says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How many messages are read at a time.
const PAGE: usize = 50;
/// How many bytes of bodies are read at a time, a single message's aside.
const PAGE_BYTES: u64 = 4 * 1024 * 1024;
/// The most of each body that a stream brings, in bytes.
const MAX_STREAM_BODY: u64 = 1024 * 1024;

pub(super) fn routes() -> Routes {
    ApiRouter::new().api_route(
        "/v1/stream",
        get_with(
            stream,
            says(
                "stream",
                "Messages",
                "The log as it grows, as server-sent events",
            ),
        ),
    )
}

/// What a stream may be asked for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Follow {
    #[serde(rename = "match")]
    pattern: Option<Text<Pattern>>,
    /// Where to begin; absent: now.
    cursor: Option<Text<Cursor>>,
    /// When to end; absent: never.
    timeout_seconds: Option<Count<0, 86_400>>,
    /// How much of each body to bring; absent: as much as any call does.
    max_body_bytes: Option<Count<0, MAX_STREAM_BODY>>,
    /// This session's messages alone.
    session: Option<Text<SessionId>>,
    /// Be the session's one consumer: it is live meanwhile, and what is pending is pushed.
    #[serde(default)]
    attach: bool,
    /// Push what is pending in the caller's folder too.
    #[serde(default)]
    with_folder: bool,
    /// Push what is pending in the caller's folder, and in the session it says is its own, without
    /// being anyone's consumer. An `idle` event says, once, that this was all there is.
    #[serde(default)]
    pending: bool,
}

/// Ends a stream: its time is over, or the server stops, for a stream never ends by itself and the
/// server waits for what is in flight.
pub(super) struct Until {
    time: Option<Instant>,
    draining: watch::Receiver<bool>,
    /// Its place among the streams that may be open.
    _share: OneOf,
}

impl Until {
    /// Waits for that, or until whoever asked is not let in any more.
    pub(super) async fn over(&mut self, desk: &Local) {
        let time = async {
            match self.time {
                None => pending().await,
                Some(time) => tokio::time::sleep_until(time).await,
            }
        };
        tokio::select! {
            () = time => {}
            _ = self.draining.wait_for(|draining| *draining) => {}
            () = desk.let_out() => {}
        }
    }
}

async fn stream(
    State(house): State<Arc<House>>,
    At(desk): At,
    Query(ask): Query<Follow>,
    headers: HeaderMap,
) -> Result<Events, Problem> {
    let body_bytes = ask
        .max_body_bytes
        .map_or(DEFAULT_BODY_BYTES, |limit| limit.get());
    let until = Until {
        time: ask
            .timeout_seconds
            .map(|limit| Instant::now() + Duration::from_secs(limit.get())),
        draining: house.draining.subscribe(),
        _share: desk.open_stream()?,
    };
    let pattern = ask.pattern.map(|pattern| pattern.0);
    if ask.attach || ask.pending {
        if ask.attach == ask.pending {
            let rule = "does not go with attach: that pushes what is pending already";
            return Err(Refusal::invalid("pending", rule).into());
        }
        if ask.attach && ask.session.is_none() {
            return Err(Refusal::invalid("session", "is required with attach").into());
        }
        if ask.pending && ask.session.is_some() {
            let rule = "goes with attach; with pending it is the Doorbell-Session header";
            return Err(Refusal::invalid("session", rule).into());
        }
        let push = Push {
            attach: ask.session.map(|session| session.0),
            with_folder: ask.with_folder || ask.pending,
            pattern,
            body_bytes,
        };
        let pusher = Pusher::attach(house, desk, push, until)?;
        let events = stream::unfold(pusher, |mut pusher| async {
            pusher.next().await.map(|event| (Ok(event), pusher))
        });
        return Ok(respond(events));
    }
    // A session's own address is a pattern that matches nothing else.
    let pattern = match (ask.session, pattern) {
        (None, pattern) => pattern,
        (Some(session), None) => {
            desk.sees_session(&session.0)?;
            let own = format!("{CHANNEL_PREFIX}{}", session.0);
            Some(
                own.parse()
                    .map_err(|error| Refusal::invalid("session", error))?,
            )
        }
        (Some(_), Some(_)) => {
            let rule = "goes with session only where the stream is attached";
            return Err(Refusal::invalid("match", rule).into());
        }
    };
    let bell = house.switchboard.follow(desk.scope()?, pattern.clone());
    let cursor = match last_event_id(&headers)?.or(ask.cursor.map(|cursor| cursor.0)) {
        Some(cursor) => cursor,
        None => house.store.end(),
    };
    let follower = Follower {
        desk,
        bell,
        body_bytes,
        begun: false,
        until,
        pattern,
        cursor,
        ready: VecDeque::new(),
    };
    let events = stream::unfold(follower, |mut follower| async {
        follower.next().await.map(|event| (Ok(event), follower))
    });
    Ok(respond(events))
}

/// Server-sent events, without end.
struct Events(Response);

impl IntoResponse for Events {
    fn into_response(self) -> Response {
        self.0
    }
}

impl OperationOutput for Events {
    type Inner = Self;

    fn inferred_responses(
        _: &mut GenContext,
        _: &mut Operation,
    ) -> Vec<(Option<StatusCode>, openapi::Response)> {
        let text = json_schema!({ "type": "string" });
        let said = "Events: the data of `message` is a message, its id the cursor behind it";
        let events = response(said, "text/event-stream", text);
        vec![(Some(StatusCode::Code(200)), events)]
    }
}

fn respond<S>(events: S) -> Events
where
    S: Stream<Item = Result<Event, Infallible>> + Send + 'static,
{
    let events = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    // nginx would hold events back until its buffer is full.
    Events(([("x-accel-buffering", "no")], events).into_response())
}

/// A message as an event; its id is the cursor behind it.
fn event(cursor: Cursor, message: &Message) -> Option<Event> {
    let id = cursor.write().into_owned();
    Event::default()
        .event("message")
        .id(id)
        .json_data(message)
        .ok()
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<Cursor>, Problem> {
    let Some(value) = headers.get("last-event-id") else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    Cursor::read(text)
        .map(Some)
        .map_err(|rule| Problem(Refusal::invalid("last-event-id", rule)))
}

struct Follower {
    desk: Local,
    bell: switchboard::Follow,
    body_bytes: u64,
    begun: bool,
    until: Until,
    pattern: Option<Pattern>,
    cursor: Cursor,
    ready: VecDeque<(Cursor, Message)>,
}

impl Follower {
    /// The next event, or the end of the stream: its time is over, the server stops, the key was
    /// revoked, or the store is gone. The client comes back with the last id it saw.
    async fn next(&mut self) -> Option<Event> {
        if !std::mem::replace(&mut self.begun, true) {
            return Some(Event::default().id(self.cursor.write()));
        }
        let page = (PAGE_BYTES / self.body_bytes.max(1)).clamp(1, PAGE as u64) as usize;
        loop {
            if let Some((cursor, message)) = self.ready.pop_front() {
                return event(cursor, &message);
            }
            if !self.desk.is_let_in() {
                return None;
            }
            let (messages, cursor) = self
                .desk
                .follow(self.pattern.clone(), self.cursor, page, self.body_bytes)
                .await
                .ok()?;
            let moved = cursor != self.cursor;
            (self.ready, self.cursor) = (messages.into(), cursor);
            if moved {
                continue;
            }
            tokio::select! {
                // What lies between is for others: it need not even be read past.
                place = self.bell.rung() => {
                    self.cursor = self.cursor.max(Cursor(place.0.saturating_sub(1)));
                }
                () = self.until.over(&self.desk) => return None,
            }
        }
    }
}
