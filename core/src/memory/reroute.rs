//! What waits for sessions that have ended.

use super::{Tables, entry::Entry};
use crate::{
    address::{Inbox, SessionRef},
    folder::Folder,
    grant::Grant,
    message::{Kind, MessageId},
    route::{self, Outcome},
    session::Session,
    time::Timestamp,
};
use std::sync::Arc;

/// Whom to ring, and of what.
pub(super) type Rings = Vec<(Inbox, MessageId)>;

fn open(sessions: &[Arc<Session>], this: &SessionRef) -> Option<Folder> {
    let mut open = sessions.iter().filter(|it| it.ended_at.is_none());
    let session = open.find(|session| session.reference() == *this)?;
    Some(session.folder.clone())
}

impl Tables {
    /// Routes anew what waits for a session that has ended: whom to ring.
    pub(super) fn reroute(&mut self, now: Timestamp) -> Rings {
        let mut rings = Rings::new();
        for i in 0..self.entries.len() {
            if !self.entries[i].waits(now) || !self.has_ended(&self.entries[i]) {
                continue;
            }
            let Some(outcome) = self.anew(&self.entries[i], now) else {
                self.entries[i].outlive(now);
                continue;
            };
            let entry = &mut self.entries[i];
            if entry.reroute(outcome, now) {
                rings.push((entry.inbox().clone(), entry.id()));
            }
        }
        rings
    }

    /// Makes a message pending again: whom to ring. A text of a channel whose session has ended stays.
    pub(super) fn replay(&mut self, i: usize, now: Timestamp) -> Option<(Inbox, MessageId)> {
        if self.has_ended(&self.entries[i]) {
            let outcome = self.anew(&self.entries[i], now)?;
            self.entries[i].reroute(outcome, now);
        }
        let entry = &mut self.entries[i];
        entry.replay(now);
        Some((entry.inbox().clone(), entry.id()))
    }

    /// Whether a message is for a session that has ended.
    fn has_ended(&self, entry: &Entry) -> bool {
        match entry.inbox() {
            Inbox::Session(session) => open(&self.sessions, session).is_none(),
            Inbox::Folder(_) => false,
        }
    }

    /// Where it goes now: a text of a channel nowhere.
    fn anew(&self, entry: &Entry, now: Timestamp) -> Option<Outcome> {
        let message = entry.show(0, now);
        let grants = self.grants.iter().map(|(_, grant)| grant);
        let grant: Option<&Grant> = grants
            .map(|grant| &**grant)
            .find(|grant| grant.id == message.grant);
        (message.kind != Kind::Channel).then(|| {
            let headers = &message.head.headers;
            let sessions = |this: &SessionRef| open(&self.sessions, this);
            route::reroute(&self.routes, grant, headers, &message, &sessions)
        })
    }
}
