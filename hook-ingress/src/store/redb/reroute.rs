//! What waits for a session that has ended: the texts of its channels die, all else is routed anew by
//! the rules as they are.
//!
//! An entry says for good where its message went first, and may stand in a file that is never written
//! again. That a message goes elsewhere is an event, which names the other origin; in memory
//! [`Rerouted`] holds it. Rules are asked outside the writer, since that reads files; the writer looks
//! whether the message still waits there and the destination still stands. What a receiver holds
//! lingers until its lease ends; the keeper comes back for it.

use std::{
    collections::HashMap,
    sync::{RwLock, mpsc::SyncSender},
};

use doorbell_core::{
    acl::Scope,
    address::{Inbox, SessionRef},
    message::{Happening, Kind, MAX_ATTEMPTS, Message, MessageId, Mode, Reason},
    route,
    time::Timestamp,
};
use roaring::{RoaringBitmap, RoaringTreemap};
use tokio::sync::oneshot;

use super::{
    command::{Answer, Command},
    decide::Target,
    entry::{Entry, seq_of},
    events::Event,
    fault::Fault,
    index::Index,
    origin::{NumberedOrigin, Origin},
    shared::Shared,
    turn::{Turn, reply},
};

/// How many messages are routed anew in one turn of the writer.
const AT_ONCE: usize = 128;

/// Where messages are that were routed anew, and how loud: their entries do not say it.
#[derive(Default)]
pub(super) struct Rerouted(RwLock<HashMap<u64, (u32, Mode)>>);

impl Rerouted {
    fn change<T>(&self, change: impl FnOnce(&mut HashMap<u64, (u32, Mode)>) -> T) -> T {
        change(&mut self.0.write().expect("nothing panics under this lock"))
    }

    /// The origin it is at now, and its mode, if it was routed anew.
    pub(super) fn get(&self, seq: u64) -> Option<(u32, Mode)> {
        let map = self.0.read().expect("nothing panics under this lock");
        map.get(&seq).copied()
    }

    /// Takes in that a message was routed anew.
    pub(super) fn set(&self, seq: u64, to: (u32, Mode)) {
        self.change(|map| map.insert(seq, to));
    }

    /// The origins that any is at.
    pub(super) fn origins(&self) -> RoaringBitmap {
        self.change(|map| map.values().map(|(number, _)| *number).collect())
    }

    /// Lets go of messages that are gone.
    pub(super) fn forget(&self, gone: &RoaringTreemap) {
        self.change(|map| map.retain(|seq, _| !gone.contains(*seq)));
    }

    /// Knows of none.
    pub(super) fn clear(&self) {
        self.change(HashMap::clear);
    }
}

/// A message that waits for a session that has ended.
pub(super) struct Stray {
    id: MessageId,
    from: u32,
    /// Where it goes now. A channel's text goes nowhere.
    to: Option<(NumberedOrigin, Mode)>,
}

/// What the writer is asked about strays: the origins that they are at, too.
pub(super) struct Reroute {
    numbers: Vec<u32>,
    strays: Vec<Stray>,
    now: Timestamp,
}

/// A message that is to be replayed.
#[derive(Clone)]
pub(super) struct Replayable {
    pub(super) target: Target,
    /// Where it goes if its session has ended.
    to: Option<(NumberedOrigin, Mode)>,
}

impl Shared {
    /// An entry as its message was routed last.
    pub(super) fn routed(&self, mut entry: Entry) -> Entry {
        if let Some((origin, mode)) = self.rerouted.get(entry.seq()) {
            (entry.origin, entry.mode) = (origin, mode);
        }
        entry
    }

    fn is_open(&self, session: &SessionRef) -> bool {
        let registry = self
            .registry
            .read()
            .expect("nothing panics under this lock");
        let session = registry.channels.sessions.get(session);
        session.is_some_and(|session| session.ended_at.is_none())
    }

    /// Notes every session that has ended and still has something in its inbox.
    pub(super) fn find_lingering(&self) {
        let inboxes: Vec<SessionRef> = {
            let index = self.index();
            let sessions = index.piles.keys().filter_map(|inbox| match inbox {
                Inbox::Session(session) if !index.is_quiet(inbox) => Some(session.clone()),
                _ => None,
            });
            sessions.collect()
        };
        let ended = inboxes.into_iter().filter(|session| !self.is_open(session));
        let lingering = ended.collect();
        *self
            .lingering
            .lock()
            .expect("nothing panics under this lock") = lingering;
    }

    fn lingering(&self) -> Vec<SessionRef> {
        let lingering = self
            .lingering
            .lock()
            .expect("nothing panics under this lock");
        lingering.iter().cloned().collect()
    }

    /// Whether anything waits for a session that has ended, and nobody holds it.
    pub(super) fn has_strays(&self, now: Timestamp) -> bool {
        let sessions = self.lingering();
        let index = self.index();
        let mut inboxes = sessions.into_iter().map(Inbox::Session);
        inboxes.any(|inbox| !index.strays(&inbox, now).is_empty())
    }

    /// Where a message goes now whose session has ended.
    fn anew(&self, message: &Message, was: u32) -> Option<(NumberedOrigin, Mode)> {
        if message.kind == Kind::Channel {
            return None;
        }
        let registry = self
            .registry
            .read()
            .expect("nothing panics under this lock");
        let grant = registry.grant_by_id(message.grant).map(|(_, grant)| grant);
        let open = |session: &SessionRef| {
            let session = registry.channels.sessions.get(session)?;
            session.ended_at.is_none().then(|| session.folder.clone())
        };
        let headers = &message.head.headers;
        let outcome = route::reroute(&registry.routes, grant.as_deref(), headers, message, &open);
        let was = self.origins.get(was)?;
        let number = self
            .origins
            .rerouted(&was, &outcome.to, outcome.rule.as_ref());
        Some((number, outcome.mode))
    }

    /// What the writer must know of a message to replay it, if it is in scope.
    pub(super) fn replayable(
        &self,
        id: MessageId,
        scope: &Scope,
        now: Timestamp,
    ) -> Result<Option<Replayable>, Fault> {
        let Some(target) = self.target(id, scope)? else {
            return Ok(None);
        };
        let origin = self.origins.get(target.origin);
        let ended = origin.is_some_and(|origin| match &origin.to.inbox {
            Inbox::Session(session) => !self.is_open(session),
            Inbox::Folder(_) => false,
        });
        let message = match ended {
            true => self.messages(&[seq_of(id)], 0, now)?.pop(),
            false => None,
        };
        let to = message.and_then(|message| self.anew(&message, target.origin));
        Ok(Some(Replayable { target, to }))
    }

    /// Routes anew what waits for sessions that have ended. The next moment at which a lease on such
    /// a message ends. It blocks.
    pub(super) fn reroute(
        &self,
        writer: &SyncSender<Command>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Fault> {
        let _alone = self
            .rerouting
            .lock()
            .expect("nothing panics under this lock");
        let mut next = None::<Timestamp>;
        for session in self.lingering() {
            let inbox = Inbox::Session(session.clone());
            loop {
                let strays = self.index().strays(&inbox, now);
                let seqs: Vec<u64> = strays.iter().map(|(seq, _)| *seq).collect();
                let at: HashMap<u64, u32> = strays.into_iter().collect();
                let messages = self.messages(&seqs, 0, now)?;
                let strays: Vec<Stray> = messages
                    .iter()
                    .filter_map(|message| {
                        let from = *at.get(&seq_of(message.id))?;
                        Some(Stray {
                            id: message.id,
                            from,
                            to: self.anew(message, from),
                        })
                    })
                    .collect();
                let numbers = self.index().origins_of(&inbox, None, &self.origins);
                let asked = strays.len();
                let reroute = Reroute {
                    numbers,
                    strays,
                    now,
                };
                let ask = |answer| Command::Reroute(Box::new(reroute), answer);
                // What was not done, and is not held by now, is not to be read.
                if ask_writer(writer, ask)? == 0 || asked == 0 {
                    break;
                }
            }
            let index = self.index();
            if index.is_quiet(&inbox) {
                drop(index);
                let lingering = self.lingering.lock();
                lingering
                    .expect("nothing panics under this lock")
                    .remove(&session);
            } else {
                let numbers = index.origins_of(&inbox, None, &self.origins);
                let ends = index.next_ready_at(&numbers, now);
                next = [next, ends].into_iter().flatten().min();
            }
        }
        Ok(next)
    }
}

/// Asks the writer and waits for it. It blocks.
pub(super) fn ask_writer<T>(
    writer: &SyncSender<Command>,
    command: impl FnOnce(Answer<T>) -> Command,
) -> Result<T, Fault> {
    use doorbell_core::ports::StoreError;
    let (answer, answered) = oneshot::channel();
    let gone = || Fault::Disk("the writer has ended".into());
    writer.send(command(answer)).map_err(|_| gone())?;
    match answered.blocking_recv() {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(StoreError::NotReady(why) | StoreError::Damaged(why))) => Err(Fault::Disk(why)),
        Err(_) => Err(gone()),
    }
}

impl Index {
    /// Some of what waits in an inbox and nobody holds, and the origins it is at.
    fn strays(&self, inbox: &Inbox, now: Timestamp) -> Vec<(u64, u32)> {
        let mut strays = Vec::new();
        for number in self.piles.get(inbox).into_iter().flatten() {
            let Some(queue) = self.queues.get(number) else {
                continue;
            };
            let over = ..=(now.shifted(self.skew), u64::MAX);
            let ended = queue.leases.range(over).map(|(_, seq)| *seq);
            let back = ended.filter(|seq| self.attempts.of(*seq) < MAX_ATTEMPTS);
            let rests = queue.rests.iter().map(|(_, seq)| *seq);
            let waiting = queue.ready.iter().chain(queue.unmet.iter());
            let all = waiting.chain(rests).chain(back);
            strays.extend(all.take(AT_ONCE - strays.len()).map(|seq| (seq, *number)));
        }
        strays.sort_unstable();
        strays
    }

    /// Whether a message waits at an origin, and nobody holds it.
    fn waits_at(&self, seq: u64, number: u32) -> bool {
        self.queues.get(&number).is_some_and(|queue| {
            let rests = self.holds.get(&seq).is_some_and(|hold| hold.by.is_none());
            queue.ready.contains(seq) || queue.unmet.contains(seq) || rests
        })
    }

    /// Takes in that a message was routed anew, out of one origin's queue into another's.
    pub(super) fn reroute(&mut self, event: &Event, from: u32, to: (u32, Mode), origin: &Origin) {
        let seq = event.seq;
        if let Some(queue) = self.queues.get_mut(&from) {
            if let Some(hold) = self.holds.remove(&seq) {
                queue.leases.remove(&(hold.until, seq));
                queue.rests.remove(&(hold.until, seq));
            }
            queue.ready.remove(seq);
            queue.unmet.remove(seq);
        }
        self.attempts.set(seq, event.attempt);
        self.dead.remove(seq);
        self.raised.remove(seq);
        self.live.remove(seq);
        self.arrive(seq, to.0, origin, to.1);
    }
}

impl Turn {
    /// Routes strays anew that still wait where they did: how many.
    pub(super) fn reroute(&mut self, shared: &Shared, asked: Reroute, answer: Answer<usize>) {
        let now = asked.now;
        let mut events = Vec::new();
        for number in asked.numbers {
            shared.index().wake(number, now, &mut events);
        }
        let mut done = 0;
        for Stray { id, from, to } in asked.strays {
            let seq = seq_of(id);
            if !shared.index().waits_at(seq, from) {
                continue;
            }
            match to {
                Some((to, mode)) => {
                    let to = (to.number, mode);
                    if !self.send_on(shared, seq, from, to, now, &mut events) {
                        continue;
                    }
                    if to.1 == Mode::Trigger {
                        self.replayed.push((id, to.0));
                    }
                }
                None => {
                    let mut index = shared.index();
                    let died = Event {
                        reason: Some(Reason::session_ended()),
                        ..Event::new(seq, Happening::Died, index.attempts.of(seq), now)
                    };
                    index.apply(&died, from);
                    events.push((died, from));
                }
            }
            done += 1;
        }
        self.note(events);
        self.log_replies.push(reply(answer, done));
    }

    /// Makes a message pending again; one whose session has ended goes elsewhere first. False: it is
    /// no more in a file, or goes nowhere.
    pub(super) fn replay_one(
        &mut self,
        shared: &Shared,
        Replayable { mut target, to }: Replayable,
        now: Timestamp,
        events: &mut Vec<(Event, u32)>,
    ) -> bool {
        let seq = seq_of(target.id);
        if !shared.is_kept(seq) {
            return false;
        }
        if self.outlived(shared, target.origin).is_some() {
            let to = to.as_ref().map(|(to, mode)| (to.number, *mode));
            let sent = to.is_some_and(|to| {
                // A last lease that ended is a death that was not written down yet.
                shared.index().wake(target.origin, now, events);
                self.send_on(shared, seq, target.origin, to, now, events)
            });
            let (Some((origin, mode)), true) = (to, sent) else {
                return false;
            };
            (target.origin, target.mode) = (origin, mode);
        }
        shared.index().replay(target, None, now, events);
        self.replayed.push((target.id, target.origin));
        true
    }

    /// The session of an origin, if it has ended.
    pub(super) fn outlived(&self, shared: &Shared, number: u32) -> Option<SessionRef> {
        let origin = shared.origins.get(number)?;
        let Inbox::Session(session) = &origin.to.inbox else {
            return None;
        };
        let now = self.channels.session_of(shared, session);
        let open = now.is_some_and(|session| session.ended_at.is_none());
        (!open).then(|| session.clone())
    }

    /// A message goes to another origin, unless that is a session's which has ended meanwhile.
    fn send_on(
        &self,
        shared: &Shared,
        seq: u64,
        from: u32,
        to: (u32, Mode),
        now: Timestamp,
        events: &mut Vec<(Event, u32)>,
    ) -> bool {
        let Some(origin) = shared.origins.get(to.0) else {
            return false;
        };
        if self.outlived(shared, to.0).is_some() {
            return false;
        }
        let event = Event {
            reason: Some(Reason::session_ended()),
            routed: Some(to),
            ..Event::new(seq, Happening::Rerouted, 0, now)
        };
        shared.index().reroute(&event, from, to, &origin);
        shared.rerouted.set(seq, to);
        events.push((event, to.0));
        true
    }
}
