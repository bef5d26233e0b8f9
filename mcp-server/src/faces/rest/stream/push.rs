//! What is pending, pushed: to the one consumer of a session, or to whoever waits at a folder's inbox.
//!
//! A push is neither a lease nor an attempt. What is not settled is pushed again after 30 seconds,
//! 1, 2 and 5 minutes, then waits in the inbox.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::response::sse::Event;
use doorbell_core::{
    address::Inbox, label::SessionId, message::Cursor, pattern::Pattern, session::Session,
};
use tokio::time::Instant;

use super::{Until, event};
use crate::{
    desk::{Answer, Local},
    house::House,
    rung::{How, Rung},
    switchboard::{Attachment, Held, any_rung},
};

/// How many unsettled messages are on their way at once: the rest waits until some are settled.
const WINDOW: usize = 256;
/// After how long what is not settled is pushed again, each time counted from the last.
const AGAIN: [Duration; 4] = [
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(120),
    Duration::from_secs(300),
];

/// What to push, to whom.
pub(super) struct Push {
    /// The session to be the one consumer of.
    pub(super) attach: Option<SessionId>,
    pub(super) with_folder: bool,
    pub(super) pattern: Option<Pattern>,
    pub(super) body_bytes: u64,
}

/// How often a message was pushed, and when it is due again.
#[derive(Clone, Copy)]
struct Pushed {
    times: usize,
    due: Option<Instant>,
}

/// Someone who is pushed to. While the one consumer of a session stands, the session is live.
pub(super) struct Pusher {
    house: Arc<House>,
    desk: Local,
    held: Option<(Arc<Session>, Held)>,
    inboxes: Vec<Inbox>,
    bells: Vec<Attachment>,
    /// Rung when something is settled: heard while the window is full.
    settled: Attachment,
    full: bool,
    pattern: Option<Pattern>,
    body_bytes: u64,
    until: Until,
    pushed: BTreeMap<Cursor, Pushed>,
    over: bool,
    /// Whether to say, once, when nothing more is there to push.
    says_idle: bool,
}

impl Pusher {
    pub(super) fn attach(house: Arc<House>, desk: Local, push: Push, until: Until) -> Answer<Self> {
        let held = push.attach.map(|id| desk.hold(&id)).transpose()?;
        let mut inboxes = match &held {
            Some((session, _)) => vec![Inbox::Session(session.reference())],
            None => Vec::from_iter(desk.own_session_inbox()?),
        };
        if push.with_folder {
            inboxes.push(Inbox::Folder(desk.home()?));
        }
        // Attached before the first look, so that nothing falls between.
        let bells = inboxes
            .iter()
            .map(|inbox| house.switchboard.attach(inbox))
            .collect();
        Ok(Self {
            settled: house.switchboard.settlements(),
            full: false,
            house,
            desk,
            says_idle: held.is_none(),
            held,
            inboxes,
            bells,
            pattern: push.pattern,
            body_bytes: push.body_bytes,
            until,
            pushed: BTreeMap::new(),
            over: false,
        })
    }

    /// The next event; after `ended`, or when the stream's time is over, there is none.
    pub(super) async fn next(&mut self) -> Option<Event> {
        loop {
            if self.over || !self.desk.is_let_in() {
                return None;
            }
            if let Some((session, _)) = &self.held {
                let now = self.house.store.session_of(&session.reference());
                if now.is_none_or(|session| session.ended_at.is_some()) {
                    self.over = true;
                    return Some(Event::default().event("ended").data("{}"));
                }
            }
            match self.due() {
                Due::Now(place) => {
                    let message = self.desk.at(place, self.body_bytes).await.ok()?;
                    self.note(place);
                    // It may have been settled and forgotten meanwhile.
                    if let Some(message) = message {
                        if let Some((session, _)) = &self.held {
                            let (jid, id) = (&message.jid, message.id.0);
                            tracing::info!(%jid, %id, session = %session.id, "pushed");
                            let how = How::Pushed(session.id.clone());
                            let rung = Rung {
                                at: self.house.clock.now(),
                                how,
                            };
                            self.house.switchboard.rings.note(&[message.id.0], &rung);
                        }
                        return event(place, &message);
                    }
                }
                Due::At(_) if std::mem::take(&mut self.says_idle) => {
                    return Some(Event::default().event("idle").data("{}"));
                }
                Due::At(when) => tokio::select! {
                    () = any_rung(&mut self.bells) => {}
                    () = self.settled.rung(), if self.full => {}
                    () = sleep_until(when) => {}
                    () = self.until.over(&self.desk) => return None,
                },
            }
        }
    }

    /// What to push now, or when to look again.
    fn due(&mut self) -> Due {
        let clock = self.house.clock.now();
        let mut ready = Vec::new();
        let mut changes = None;
        self.full = false;
        for inbox in &self.inboxes {
            let store = &self.house.store;
            let found = store.peek(inbox, self.pattern.as_ref(), Cursor(0), WINDOW, clock);
            self.full |= found.len() >= WINDOW;
            ready.extend(found);
            // A lease or a rest that ends makes a message ready without a ring.
            let next = store
                .waiting(inbox, self.pattern.as_ref(), clock)
                .next_ready_at;
            changes = changes.into_iter().chain(next).min();
        }
        ready.sort_unstable();
        // What is settled or leased is somebody's business already.
        self.pushed
            .retain(|place, _| ready.binary_search(place).is_ok());
        let now = Instant::now();
        let due = |place: &Cursor| match self.pushed.get(place) {
            None => true,
            Some(pushed) => pushed.due.is_some_and(|due| due <= now),
        };
        if let Some(place) = ready.into_iter().find(due) {
            return Due::Now(place);
        }
        let again = self.pushed.values().filter_map(|pushed| pushed.due).min();
        Due::At(
            again
                .into_iter()
                .chain(changes.map(|at| now + at.since(clock)))
                .min(),
        )
    }

    fn note(&mut self, place: Cursor) {
        let times = self.pushed.get(&place).map_or(0, |pushed| pushed.times);
        let due = AGAIN.get(times).map(|wait| Instant::now() + *wait);
        self.pushed.insert(
            place,
            Pushed {
                times: times + 1,
                due,
            },
        );
    }
}

enum Due {
    Now(Cursor),
    At(Option<Instant>),
}

async fn sleep_until(when: Option<Instant>) {
    match when {
        None => std::future::pending().await,
        Some(when) => tokio::time::sleep_until(when).await,
    }
}
