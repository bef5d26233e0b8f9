//! `GET /v1/stream`: the log as it grows, as server-sent events.
//!
//! An event's id is the cursor behind its message: whoever comes back with `Last-Event-ID` misses
//! nothing. The first event has an id and no data: where the stream begins, for whoever loses the
//! connection before the first message. Looking leases nothing.

use std::{collections::VecDeque, convert::Infallible, future::pending, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::sse::{Event, KeepAlive, Sse},
};
use doorbell_core::{message::Cursor, pattern::Pattern};
use futures_util::{Stream, stream};
use serde::Deserialize;
use tokio::{sync::watch, time::Instant};

use super::{
    ask::{At, Query},
    problem::Problem,
};
use crate::{
    desk::Local,
    house::House,
    refusal::Refusal,
    switchboard::Attachment,
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

/// What a stream may be asked for.
#[derive(Deserialize)]
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
}

pub(super) async fn stream(
    State(house): State<Arc<House>>,
    At(desk): At,
    Query(ask): Query<Follow>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let bell = house.switchboard.follow();
    let cursor = match last_event_id(&headers)?.or(ask.cursor.map(|cursor| cursor.0)) {
        Some(cursor) => cursor,
        None => house.store.end(),
    };
    let body_bytes = ask
        .max_body_bytes
        .map_or(DEFAULT_BODY_BYTES, |limit| limit.get());
    let follower = Follower {
        desk,
        bell,
        body_bytes,
        begun: false,
        draining: house.draining.subscribe(),
        pattern: ask.pattern.map(|pattern| pattern.0),
        cursor,
        ready: VecDeque::new(),
        until: ask
            .timeout_seconds
            .map(|limit| Instant::now() + Duration::from_secs(limit.get())),
    };
    let events = stream::unfold(follower, |mut follower| async {
        follower.next().await.map(|event| (Ok(event), follower))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
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
    bell: Attachment,
    body_bytes: u64,
    begun: bool,
    draining: watch::Receiver<bool>,
    pattern: Option<Pattern>,
    cursor: Cursor,
    ready: VecDeque<(Cursor, Message)>,
    until: Option<Instant>,
}

impl Follower {
    /// The next event, or the end of the stream: its time is over, the server stops, or the store
    /// is gone. The client comes back with the last id it saw.
    async fn next(&mut self) -> Option<Event> {
        if !std::mem::replace(&mut self.begun, true) {
            return Some(Event::default().id(self.cursor.write()));
        }
        let page = (PAGE_BYTES / self.body_bytes.max(1)).clamp(1, PAGE as u64) as usize;
        loop {
            if let Some((cursor, message)) = self.ready.pop_front() {
                let id = cursor.write().into_owned();
                return Event::default()
                    .event("message")
                    .id(id)
                    .json_data(&message)
                    .ok();
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
            let over = async {
                match self.until {
                    None => pending().await,
                    Some(until) => tokio::time::sleep_until(until).await,
                }
            };
            tokio::select! {
                () = self.bell.rung() => {}
                () = over => return None,
                // A stream never ends by itself, and the server waits for what is in flight.
                _ = self.draining.wait_for(|draining| *draining) => return None,
            }
        }
    }
}
