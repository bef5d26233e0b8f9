//! Who is attached to which inbox, and how they are rung.
//!
//! A ring is a hint: it says that something came, not what. Whoever is rung looks in the inbox,
//! and whoever attaches looks once after attaching, so that nothing falls between.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use doorbell_core::{
    acl::Scope,
    address::{Inbox, SessionRef},
    message::MessageId,
    pattern::Pattern,
    ports::{Arrived, Ring},
    time::Clock,
};
use doorbell_ingress::{Presence, machine::SystemClock};
use tokio::sync::{mpsc, watch};

use crate::rung::{How, Journal, Rung};

mod followers;

pub use followers::Follow;
use followers::Followers;

/// Every inbox that someone waits at, and the log as a whole.
#[derive(Debug)]
pub struct Switchboard {
    inboxes: RwLock<HashMap<Inbox, watch::Sender<()>>>,
    followers: Arc<Followers>,
    settled: watch::Sender<()>,
    /// Whom the newest messages rang.
    pub rings: Journal,
    live: Arc<Mutex<HashSet<SessionRef>>>,
    left: mpsc::UnboundedSender<SessionRef>,
    leaving: Mutex<Option<mpsc::UnboundedReceiver<SessionRef>>>,
}

impl Default for Switchboard {
    fn default() -> Self {
        let (left, leaving) = mpsc::unbounded_channel();
        Self {
            inboxes: RwLock::default(),
            followers: Arc::default(),
            settled: watch::Sender::new(()),
            rings: Journal::default(),
            live: Arc::default(),
            left,
            leaving: Mutex::new(Some(leaving)),
        }
    }
}

/// Someone waiting. Dropping it hangs up.
#[derive(Debug)]
pub struct Attachment {
    bell: watch::Receiver<()>,
}

impl Attachment {
    /// Waits for a ring that came after the last one heard; one that came meanwhile counts.
    pub async fn rung(&mut self) {
        if self.bell.changed().await.is_err() {
            // The switchboard is gone: nothing will ring here again.
            std::future::pending::<()>().await;
        }
    }
}

/// Waits for a ring at any of several attachments; for ever, where there are none.
pub async fn any_rung(attachments: &mut [Attachment]) {
    let waits = attachments.iter_mut().map(|bell| Box::pin(bell.rung()));
    let waits: Vec<_> = waits.collect();
    if waits.is_empty() {
        std::future::pending::<()>().await;
    }
    futures_util::future::select_all(waits).await;
}

/// The one consumer of a session. While it is held the session is live.
#[derive(Debug)]
pub struct Held {
    session: SessionRef,
    live: Arc<Mutex<HashSet<SessionRef>>>,
    left: mpsc::UnboundedSender<SessionRef>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.session);
        // Nobody listens any more when the server is going down.
        let _ = self.left.send(self.session.clone());
    }
}

impl Switchboard {
    /// An empty switchboard.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Attaches to an inbox.
    pub fn attach(&self, inbox: &Inbox) -> Attachment {
        let mut inboxes = self.inboxes.write().unwrap_or_else(PoisonError::into_inner);
        // Those who hung up are cleared away when someone comes: the map is no larger than twice
        // the number of those who wait.
        if inboxes.len() >= 64 && inboxes.len().is_power_of_two() {
            inboxes.retain(|_, bell| bell.receiver_count() > 0);
        }
        let bell = inboxes
            .entry(inbox.clone())
            .or_insert_with(|| watch::Sender::new(()));
        Attachment {
            bell: bell.subscribe(),
        }
    }

    /// How many are attached to an inbox.
    pub fn attached(&self, inbox: &Inbox) -> usize {
        let inboxes = self.inboxes.read().unwrap_or_else(PoisonError::into_inner);
        inboxes.get(inbox).map_or(0, watch::Sender::receiver_count)
    }

    /// How many are attached to any inbox.
    pub fn attachments(&self) -> usize {
        let inboxes = self.inboxes.read().unwrap_or_else(PoisonError::into_inner);
        inboxes.values().map(watch::Sender::receiver_count).sum()
    }

    /// How many streams are open. One that follows waits for the log to grow, and one that pushes
    /// waits for what it pushed to be settled; nobody else does either.
    pub fn streams(&self) -> usize {
        self.followers.count() + self.settled.receiver_count()
    }

    /// Becomes the one consumer of a session; `None` while another is.
    pub fn hold(&self, session: &SessionRef) -> Option<Held> {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.insert(session.clone()).then(|| Held {
            session: session.clone(),
            live: Arc::clone(&self.live),
            left: self.left.clone(),
        })
    }

    /// Sessions as their consumers leave; the first who asks is told.
    pub fn leaving(&self) -> Option<mpsc::UnboundedReceiver<SessionRef>> {
        self.leaving
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Attaches to all that is settled, in any inbox.
    pub fn settlements(&self) -> Attachment {
        Attachment {
            bell: self.settled.subscribe(),
        }
    }

    /// Something was settled.
    pub fn settled(&self) {
        self.settled.send_replace(());
    }

    /// Attaches to the log: rung whenever it grows by what is within this scope and matches.
    pub fn follow(&self, scope: Scope, pattern: Option<Pattern>) -> Follow {
        self.followers.attach(scope, pattern)
    }
}

impl Presence for Switchboard {
    fn is_live(&self, session: &SessionRef) -> bool {
        self.live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(session)
    }
}

impl Ring for Switchboard {
    fn ring(&self, inbox: &Inbox, messages: &[MessageId]) {
        let inboxes = self.inboxes.read().unwrap_or_else(PoisonError::into_inner);
        let waiting = inboxes.get(inbox).map_or(0, |bell| {
            bell.send_replace(());
            bell.receiver_count()
        });
        drop(inboxes);
        // The writer calls this: where nobody waits there is nothing to tell, and it costs nothing.
        if waiting > 0 && !messages.is_empty() {
            let how = How::Waiting(inbox.clone(), waiting);
            self.rings.note(
                messages,
                &Rung {
                    at: SystemClock.now(),
                    how,
                },
            );
        }
    }

    fn told_at(&self, inbox: &Inbox) -> usize {
        self.attached(inbox)
    }

    fn grown(&self, arrived: &[Arrived<'_>]) {
        self.followers.grown(arrived);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(text: &str) -> Inbox {
        Inbox::Folder(text.parse().expect("legal"))
    }

    #[tokio::test]
    async fn a_ring_between_attaching_and_waiting_is_heard() {
        let board = Switchboard::new();
        let mut waiting = board.attach(&inbox("a"));
        board.ring(&inbox("a"), &[]);
        waiting.rung().await;
    }

    #[tokio::test]
    async fn another_inbox_is_not_rung() {
        let board = Switchboard::new();
        let mut waiting = board.attach(&inbox("a"));
        board.ring(&inbox("ab"), &[]);
        let rung = tokio::time::timeout(std::time::Duration::from_millis(20), waiting.rung()).await;
        assert!(rung.is_err());
    }

    #[test]
    fn those_who_hung_up_are_cleared_away() {
        let board = Switchboard::new();
        for i in 0..1_000 {
            drop(board.attach(&inbox(&format!("f{i}"))));
        }
        assert!(board.inboxes.read().expect("unpoisoned").len() <= 65);
    }
}
