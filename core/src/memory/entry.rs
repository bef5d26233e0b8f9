//! One message and where it stands: the whole life of a message is in this file.

use crate::{
    acl::Scope,
    address::Inbox,
    folder::Folder,
    grant::GrantId,
    message::{
        Arrival, ContentHash, Cursor, DedupeId, Happening, Kind, LifeEvent, MAX_ATTEMPTS, Message,
        MessageId, Mode, REVIVAL_PAUSE, Reason, Receiver, Repeats, State, Via,
    },
    pattern::Pattern,
    ports::{ReadRequest, Settlement},
    route::Outcome,
    time::Timestamp,
};

/// Where a message stands, as far as it does not hang on the time.
#[derive(Clone, Copy)]
enum Stand {
    /// Waiting to be leased.
    Ready,
    /// Waiting, but not to be leased before this.
    Resting { until: Timestamp },
    /// Held until this; afterwards it waits again, or is dead if that was its last attempt.
    Leased { by: Receiver, until: Timestamp },
    /// Acknowledged.
    Settled,
    /// Given up.
    Dead,
    /// To be met as context.
    Unmet,
    /// Met as context.
    Met,
}

/// A stored message.
pub(super) struct Entry {
    /// Its place in the log, counted from 1.
    pub(super) seq: u64,
    /// As it arrived, whole; its `attempt` is kept up, its `state` is worked out when shown.
    message: Message,
    dedupe: Option<(DedupeId, ContentHash)>,
    repeats: Option<Repeats>,
    /// When it was last made pending again by a repeat.
    revived_at: Option<Timestamp>,
    stand: Stand,
    life: Vec<LifeEvent>,
}

impl Entry {
    /// Where it was routed to, and when it came.
    pub(super) fn came(&self) -> (&Folder, Timestamp) {
        (&self.message.to.folder, self.message.received_at)
    }

    pub(super) fn new(
        seq: u64,
        id: MessageId,
        via: &Via,
        arrival: Arrival,
        repeat_of: Option<MessageId>,
    ) -> Self {
        let content = ContentHash::of(arrival.kind, &arrival.head, &arrival.body);
        let (stand, state) = match arrival.mode {
            Mode::Trigger => (Stand::Ready, State::Pending),
            Mode::Observe => (Stand::Unmet, State::Observed),
        };
        let message = Message {
            id,
            cursor: Cursor(seq),
            address: via.address(),
            sender: via.sender().into(),
            grant: via.id(),
            context: via.context().cloned(),
            to: arrival.to,
            rule: arrival.rule,
            kind: arrival.kind,
            mode: arrival.mode,
            received_at: arrival.received_at,
            head: arrival.head,
            body_bytes: arrival.body.len() as u64,
            body: arrival.body,
            attempt: 0,
            state,
            repeat_of,
            test: arrival.test,
            damaged: false,
        };
        Self {
            seq,
            message,
            dedupe: arrival.dedupe.map(|id| (id, content)),
            repeats: None,
            revived_at: None,
            stand,
            life: Vec::new(),
        }
    }

    pub(super) fn id(&self) -> MessageId {
        self.message.id
    }

    pub(super) fn received_at(&self) -> Timestamp {
        self.message.received_at
    }

    pub(super) fn grant(&self) -> GrantId {
        self.message.grant
    }

    pub(super) fn inbox(&self) -> &Inbox {
        &self.message.to.inbox
    }

    pub(super) fn is_in(&self, scope: &Scope) -> bool {
        scope.covers(&self.message.to.folder)
    }

    pub(super) fn matches(&self, pattern: Option<&Pattern>) -> bool {
        pattern.is_none_or(|pattern| pattern.matches(&self.message.address.to_string()))
    }

    /// Whether a page of the log that is asked for so brings it.
    pub(super) fn is_asked_for(&self, by: &ReadRequest) -> bool {
        let at = self.message.received_at;
        let within = by.within.as_ref();
        self.is_in(&by.scope)
            && within.is_none_or(|folder| folder.contains(&self.message.to.folder))
            && self.matches(by.pattern.as_ref())
            && by.state.is_none_or(|state| self.state(by.now) == state)
            && by.since.is_none_or(|since| since <= at)
            && by.until.is_none_or(|until| at < until)
    }

    /// Whether nobody is to lease it any more.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        !matches!(self.state(now), State::Pending | State::Leased)
    }

    /// Whether a provider's id that comes through `grant` was seen in this message within the window.
    pub(super) fn has_id_of(&self, grant: GrantId, by: &Arrival) -> bool {
        self.message.grant == grant
            && self.dedupe.map(|(id, _)| id) == by.dedupe
            && by.dedupe.is_some()
            && by.received_at.since(self.message.received_at) < by.kind.dedupe_window()
    }

    /// Whether what came with that id is what came here.
    pub(super) fn has_content_of(&self, by: &Arrival) -> bool {
        let content = ContentHash::of(by.kind, &by.head, &by.body);
        self.dedupe.is_some_and(|(_, have)| have == content)
    }

    /// Whether it was the first to come with its id.
    pub(super) fn is_first(&self) -> bool {
        self.message.repeat_of.is_none()
    }

    /// It came again. True: it was dead, and is pending again.
    pub(super) fn repeat(&mut self, now: Timestamp) -> bool {
        let before = self.repeats.map_or(0, |repeats| repeats.count);
        self.repeats = Some(Repeats {
            count: before.saturating_add(1),
            last_at: now,
        });
        let due = |at| now.since(at) >= REVIVAL_PAUSE;
        let revives = self.message.kind != Kind::Channel
            && self.state(now) == State::Dead
            && self.revived_at.is_none_or(due);
        if revives {
            self.replay(now);
            self.revived_at = Some(now);
            if let Some(replayed) = self.life.last_mut() {
                replayed.reason = Some(Reason::sent_again());
            }
        }
        revives
    }

    /// How often it came again.
    pub(super) fn repeats(&self) -> Option<Repeats> {
        self.repeats
    }

    pub(super) fn state(&self, now: Timestamp) -> State {
        match self.stand {
            Stand::Ready | Stand::Resting { .. } => State::Pending,
            Stand::Leased { until, .. } if now < until => State::Leased,
            Stand::Leased { .. } if self.message.attempt >= MAX_ATTEMPTS => State::Dead,
            Stand::Leased { .. } => State::Pending,
            Stand::Settled => State::Settled,
            Stand::Dead => State::Dead,
            Stand::Unmet | Stand::Met => State::Observed,
        }
    }

    pub(super) fn is_ready(&self, now: Timestamp) -> bool {
        let rests = matches!(self.stand, Stand::Resting { until } if now < until);
        self.state(now) == State::Pending && !rests
    }

    /// Whether it waits to be leased or met.
    pub(super) fn waits(&self, now: Timestamp) -> bool {
        self.state(now) == State::Pending || self.is_unmet()
    }

    /// It goes elsewhere, as if it had just come. True: and rings there.
    pub(super) fn reroute(&mut self, to: Outcome, now: Timestamp) -> bool {
        self.life = self.life(now);
        self.message.attempt = 0;
        (self.message.to, self.message.rule, self.message.mode) = (to.to, to.rule, to.mode);
        let rerouted = LifeEvent {
            reason: Some(Reason::session_ended()),
            ..self.event(Happening::Rerouted, now)
        };
        self.life.push(rerouted);
        self.stand = match to.mode {
            Mode::Trigger => Stand::Ready,
            Mode::Observe => Stand::Unmet,
        };
        to.mode == Mode::Trigger
    }

    /// The session that it was for has ended, and it is for no other.
    pub(super) fn outlive(&mut self, now: Timestamp) {
        self.stand = Stand::Dead;
        self.life.push(self.died(Reason::session_ended(), now));
    }

    pub(super) fn is_unmet(&self) -> bool {
        matches!(self.stand, Stand::Unmet)
    }

    /// Whether another receiver holds it.
    pub(super) fn is_held_from(&self, receiver: Receiver, now: Timestamp) -> bool {
        self.state(now) == State::Leased
            && matches!(self.stand, Stand::Leased { by, .. } if by != receiver)
    }

    /// How many bytes of it a page holds whose bodies are cut at `body_limit`.
    pub(super) fn size(&self, body_limit: usize) -> usize {
        let head = &self.message.head;
        let headers = head.headers.iter();
        headers
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>()
            + head.query.len()
            + self.message.body.len().min(body_limit)
    }

    /// When its lease or rest ends, if it has one that has not ended. The end of a last lease
    /// counts too, although it makes nothing ready.
    pub(super) fn ends_at(&self, now: Timestamp) -> Option<Timestamp> {
        match self.stand {
            Stand::Resting { until } | Stand::Leased { until, .. } if now < until => Some(until),
            _ => None,
        }
    }

    /// The message as it reads at `now`, its body cut.
    pub(super) fn show(&self, body_limit: usize, now: Timestamp) -> Message {
        let mut message = self.message.clone();
        message.body.truncate(body_limit);
        message.state = self.state(now);
        message
    }

    /// What happened to it up to `now`. That its last lease ended is nobody's doing, so it is
    /// not written down when it happens and has to be worked out.
    pub(super) fn life(&self, now: Timestamp) -> Vec<LifeEvent> {
        let mut life = self.life.clone();
        if let Stand::Leased { until, .. } = self.stand
            && self.state(now) == State::Dead
        {
            life.push(self.died(Reason::lease_ended(), until));
        }
        life
    }

    pub(super) fn lease(&mut self, by: Receiver, now: Timestamp, until: Timestamp) {
        self.message.attempt += 1;
        self.stand = Stand::Leased { by, until };
        self.life.push(self.event(Happening::Leased, now));
    }

    pub(super) fn meet(&mut self, now: Timestamp) {
        self.stand = Stand::Met;
        self.life.push(self.event(Happening::Observed, now));
    }

    /// False, and nothing changed, unless it is pending or leased by `receiver`.
    pub(super) fn settle(&mut self, how: &Settlement, receiver: Receiver, now: Timestamp) -> bool {
        let was = self.state(now);
        let allowed = match (was, self.stand) {
            (State::Pending, _) => true,
            (State::Leased, Stand::Leased { by, .. }) => by == receiver,
            _ => false,
        };
        if !allowed {
            return false;
        }
        match how {
            Settlement::Ack => {
                self.stand = Stand::Settled;
                self.life.push(self.event(Happening::Acked, now));
            }
            Settlement::Nack {
                delay,
                reason,
                attempted,
            } => {
                self.stand = Stand::Resting {
                    until: now.plus(*delay),
                };
                let nacked = LifeEvent {
                    attempted: *attempted || was != State::Leased,
                    reason: reason.clone(),
                    ..self.event(Happening::Nacked, now)
                };
                if !nacked.attempted {
                    self.message.attempt -= 1;
                } else if was == State::Leased && self.message.attempt >= MAX_ATTEMPTS {
                    self.stand = Stand::Dead;
                    let why = reason.clone().unwrap_or_else(Reason::given_back);
                    self.life.push(nacked);
                    self.life.push(self.died(why, now));
                    return true;
                }
                self.life.push(nacked);
            }
        }
        true
    }

    pub(super) fn replay(&mut self, now: Timestamp) {
        self.life = self.life(now);
        self.message.attempt = 0;
        self.stand = Stand::Ready;
        self.life.push(self.event(Happening::Replayed, now));
    }

    fn event(&self, what: Happening, at: Timestamp) -> LifeEvent {
        LifeEvent {
            what,
            at,
            attempt: self.message.attempt,
            attempted: true,
            reason: None,
        }
    }

    fn died(&self, reason: Reason, at: Timestamp) -> LifeEvent {
        LifeEvent {
            reason: Some(reason),
            ..self.event(Happening::Died, at)
        }
    }
}
