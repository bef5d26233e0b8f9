//! What is said to the session, as the server pushes it, over its restarts.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use doorbell_core::message::MessageId;
use futures_util::StreamExt;
use tokio::{
    sync::mpsc::{self, Receiver, Sender, UnboundedReceiver, UnboundedSender, WeakUnboundedSender},
    task::JoinHandle,
};

use super::{Notes, Server};
use crate::{
    desk::{Answer, Events},
    faces::cli::again::{Again, Backoff},
    refusal::Refusal,
    session::{
        pty::{Said, Source},
        said::{Commands, said},
    },
    wire::Message,
};

/// How many messages are kept here, ahead of the one that is typed.
const AHEAD: usize = 16;
/// How many are acknowledged at a time.
const TOGETHER: usize = 500;

/// Every message this process has had, and whether it was typed: the server pushes again what it
/// was not told of, and no message is typed twice.
type Had = Arc<Mutex<HashMap<MessageId, bool>>>;

/// The session's one consumer. Dropping it detaches.
pub(super) struct Attached {
    said: Receiver<Said>,
    had: Had,
    typed: UnboundedSender<MessageId>,
    follower: JoinHandle<()>,
    acker: JoinHandle<()>,
}

impl Attached {
    /// Attaches, or says why not: another program is (409), or the session is over.
    pub(super) async fn attach(server: &Server, notes: Notes, commands: Commands) -> Answer<Self> {
        let events = server.attach().await?;
        let (say, said) = mpsc::channel(AHEAD);
        let (typed, typed_out) = mpsc::unbounded_channel();
        let had = Had::default();
        let follower = Follower {
            server: server.clone(),
            notes: notes.clone(),
            say,
            had: had.clone(),
            typed: typed.downgrade(),
            commands,
        };
        Ok(Self {
            said,
            had,
            typed,
            follower: tokio::spawn(follower.run(events)),
            acker: tokio::spawn(acknowledge(server.clone(), notes, typed_out)),
        })
    }

    /// Waits until what was typed is acknowledged, then detaches: a session that nobody named ends
    /// with its attachment.
    pub(super) async fn detach(mut self) {
        let (unheard, _) = mpsc::unbounded_channel();
        self.typed = unheard;
        let _ = (&mut self.acker).await;
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.follower.abort();
        self.acker.abort();
    }
}

impl Source for Attached {
    async fn next(&mut self) -> Said {
        match self.said.recv().await {
            Some(said) => said,
            None => std::future::pending().await,
        }
    }

    fn settled(&mut self, id: MessageId) {
        lock(&self.had).insert(id, true);
        // It ends after this does.
        let _ = self.typed.send(id);
    }
}

fn lock(had: &Had) -> MutexGuard<'_, HashMap<MessageId, bool>> {
    had.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Follower {
    server: Server,
    notes: Notes,
    say: Sender<Said>,
    had: Had,
    typed: WeakUnboundedSender<MessageId>,
    commands: Commands,
}

impl Follower {
    async fn run(self, mut events: Events) {
        while let Some(again) = self.follow(events).await {
            events = again;
        }
    }

    /// Follows until the connection is lost and stands again; `None`: the session is over.
    async fn follow(&self, mut events: Events) -> Option<Events> {
        while let Some(Ok(event)) = events.next().await {
            match event.event.as_deref() {
                Some("ended") => {
                    self.end("it was ended").await;
                    return None;
                }
                Some("message") => {
                    let data = event.data.unwrap_or_default();
                    match serde_json::from_str::<Message>(&data) {
                        Ok(message) => self.hear(message).await,
                        Err(_) => self.notes.note("an event of the server's does not read"),
                    }
                }
                _ => {}
            }
        }
        drop(events);
        self.attach_again().await
    }

    async fn hear(&self, mut message: Message) {
        let id = message.id.0;
        let had = lock(&self.had).get(&id).copied();
        match had {
            None => {}
            Some(true) => {
                // Pushed again: the server was not told, or not in time.
                if let Some(typed) = self.typed.upgrade() {
                    let _ = typed.send(id);
                }
                return;
            }
            Some(false) => return,
        }
        if message.body_truncated && message.kind == "channel" {
            match self.server.whole(id).await {
                Ok(whole) => message = whole,
                Err(refusal) => {
                    // It is pushed again.
                    self.notes.note(&format!("message {id}: {refusal}"));
                    return;
                }
            }
        }
        lock(&self.had).insert(id, false);
        let text = said(&message, self.commands);
        // Closed: the program has ended.
        let _ = self.say.send(Said::Text { id, text }).await;
    }

    async fn attach_again(&self) -> Option<Events> {
        let mut backoff = Backoff::default();
        loop {
            let refusal = match self.server.attach().await {
                Ok(events) => {
                    if backoff.over() {
                        self.notes.note("attached again");
                    }
                    return Some(events);
                }
                Err(refusal) => refusal,
            };
            match &refusal {
                Refusal::Gone(_) | Refusal::NotFound(_) => {
                    self.end(&refusal.to_string()).await;
                    return None;
                }
                _ if backoff.has_begun() => {}
                // Our last connection, as the server has not noticed yet, is another program too.
                _ => self
                    .notes
                    .note(&format!("not attached: {refusal}; trying again")),
            }
            tokio::time::sleep(backoff.wait()).await;
        }
    }

    async fn end(&self, why: &str) {
        let session = self.server.session();
        self.notes.note_for_the_end(&format!(
            "the session {session} was over before the program: {why}"
        ));
        let _ = self.say.send(Said::Ended).await;
    }
}

/// Tells the server what was typed, for as long as it takes.
async fn acknowledge(server: Server, notes: Notes, mut typed: UnboundedReceiver<MessageId>) {
    let mut ids = Vec::new();
    while typed.recv_many(&mut ids, TOGETHER).await > 0 {
        let mut backoff = Backoff::default();
        while let Err(refusal) = server.ack(&ids).await {
            if !Again::worth_it(&refusal) {
                notes.note(&format!("not acknowledged: {refusal}"));
                break;
            }
            tokio::time::sleep(backoff.wait()).await;
        }
        ids.clear();
    }
}
