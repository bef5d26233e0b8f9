//! What waits, what is held and what is dead: all that the writer decides by.
//!
//! Rebuilt at open from the entries and the events of the files. A message that was never leased
//! costs two bits in bitmaps; only what is held or rests has an entry of its own.

use std::collections::{BTreeSet, HashMap, hash_map::Entry};

use doorbell_core::{
    address::Inbox,
    message::{Happening, MAX_ATTEMPTS, MessageId, Mode, Reason, Receiver, Repeats, State},
    pattern::Pattern,
    ports::{InboxSummary, Waiting},
    rates::Rates,
    time::Timestamp,
};
use roaring::RoaringTreemap;

use super::{
    attempts::Attempts,
    events::Event,
    origin::{Origin, Origins},
};

/// What keeps a pending message from being leased.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hold {
    pub(super) origin: u32,
    /// By the time that leases run by.
    pub(super) until: Timestamp,
    /// Who holds it; nobody, if it only rests.
    pub(super) by: Option<Receiver>,
    /// Its id, once someone has looked it up.
    pub(super) id: Option<MessageId>,
}

/// What waits at one origin.
#[derive(Default)]
pub(super) struct Queue {
    /// Pending and ready.
    pub(super) ready: RoaringTreemap,
    /// Held until then.
    pub(super) leases: BTreeSet<(Timestamp, u64)>,
    /// Resting until then.
    pub(super) rests: BTreeSet<(Timestamp, u64)>,
    /// To be met as context.
    pub(super) unmet: RoaringTreemap,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.ready.is_empty()
            && self.leases.is_empty()
            && self.rests.is_empty()
            && self.unmet.is_empty()
    }
}

/// The whole of it.
#[derive(Default)]
pub(super) struct Index {
    /// The origins whose messages come to each inbox.
    pub(super) piles: HashMap<Inbox, BTreeSet<u32>>,
    /// Of the origins at which anything waits.
    pub(super) queues: HashMap<u32, Queue>,
    pub(super) holds: HashMap<u64, Hold>,
    pub(super) attempts: Attempts,
    /// How often messages came again.
    pub(super) repeats: HashMap<u64, Repeats>,
    /// When messages were last made pending again because they came again.
    pub(super) revived: HashMap<u64, Timestamp>,
    /// Every pending message: ready, resting or held.
    pub(super) live: RoaringTreemap,
    pub(super) dead: RoaringTreemap,
    /// Messages that came to be observed and were made pending by a replay.
    pub(super) raised: RoaringTreemap,
    /// How many came lately.
    pub(super) rates: Rates,
    /// How far the time that leases and rests run by lies ahead of the one that callers know, in
    /// milliseconds: the latter follows the machine's clock, which may be set.
    pub(super) skew: i64,
}

impl Index {
    /// A message is there.
    pub(super) fn arrive(&mut self, seq: u64, number: u32, origin: &Origin, mode: Mode) {
        let queue = match self.queues.entry(number) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(none) => {
                let pile = self.piles.entry(origin.to.inbox.clone());
                pile.or_default().insert(number);
                none.insert(Queue::default())
            }
        };
        match mode {
            Mode::Trigger => {
                queue.ready.insert(seq);
                self.live.insert(seq);
            }
            Mode::Observe => {
                queue.unmet.insert(seq);
            }
        }
    }

    /// Takes in what happened to a message. `number` is its origin's.
    ///
    /// Both the decisions and the rebuilding at open go through here, so they cannot differ.
    pub(super) fn apply(&mut self, event: &Event, number: u32) {
        let seq = event.seq;
        if event.what == Happening::Repeated {
            let repeats = Repeats {
                count: event.lasts,
                last_at: event.at,
            };
            self.repeats.insert(seq, repeats);
            return;
        }
        if event.what == Happening::Rerouted {
            // See [`Self::reroute`], which is told where to.
            return;
        }
        if event.what == Happening::Replayed && event.reason.is_some() {
            self.revived.insert(seq, event.at);
        }
        if event.what == Happening::Replayed {
            // The queue may have gone with the last that waited in it.
            self.queues.entry(number).or_default();
        }
        let Some(queue) = self.queues.get_mut(&number) else {
            return;
        };
        if event.what == Happening::Observed {
            queue.unmet.remove(seq);
            if queue.is_empty() {
                self.queues.remove(&number);
            }
            return;
        }
        if let Some(hold) = self.holds.remove(&seq) {
            let holds = if hold.by.is_some() {
                &mut queue.leases
            } else {
                &mut queue.rests
            };
            holds.remove(&(hold.until, seq));
        }
        queue.ready.remove(seq);
        self.attempts.set(seq, event.attempt);
        let until = event.until().shifted(self.skew);
        let mut hold = Hold {
            origin: number,
            until,
            by: None,
            id: None,
        };
        match event.what {
            Happening::Leased => {
                queue.leases.insert((until, seq));
                hold.by = Some(Receiver(event.receiver));
                self.holds.insert(seq, hold);
            }
            Happening::Nacked => {
                queue.rests.insert((until, seq));
                self.holds.insert(seq, hold);
            }
            Happening::Acked => {
                self.live.remove(seq);
            }
            Happening::Died => {
                self.live.remove(seq);
                self.dead.insert(seq);
            }
            Happening::Replayed => {
                if queue.unmet.remove(seq) || !self.live.contains(seq) {
                    self.raised.insert(seq);
                }
                self.dead.remove(seq);
                self.live.insert(seq);
                queue.ready.insert(seq);
            }
            Happening::Observed | Happening::Repeated | Happening::Rerouted => {}
        }
        if queue.is_empty() {
            self.queues.remove(&number);
        }
    }

    /// Where a message stands at `now`.
    pub(super) fn state(&self, seq: u64, mode: Mode, now: Timestamp) -> State {
        if mode == Mode::Observe && !self.raised.contains(seq) {
            return State::Observed;
        }
        if self.dead.contains(seq) {
            return State::Dead;
        }
        if !self.live.contains(seq) {
            return State::Settled;
        }
        match self.holds.get(&seq) {
            Some(Hold {
                by: Some(_), until, ..
            }) if now.shifted(self.skew) < *until => State::Leased,
            Some(Hold { by: Some(_), .. }) if self.attempts.of(seq) >= MAX_ATTEMPTS => State::Dead,
            _ => State::Pending,
        }
    }

    /// Notes deaths and returns to the ready what is over at `now` at an origin; what died is
    /// added to `events`.
    pub(super) fn wake(&mut self, number: u32, now: Timestamp, events: &mut Vec<(Event, u32)>) {
        let now = now.shifted(self.skew);
        let Some(queue) = self.queues.get_mut(&number) else {
            return;
        };
        while let Some(&(until, seq)) = queue.rests.first().filter(|(until, _)| *until <= now) {
            queue.rests.remove(&(until, seq));
            self.holds.remove(&seq);
            queue.ready.insert(seq);
        }
        let mut died = Vec::new();
        let ended = queue.leases.range(..=(now, u64::MAX));
        for (until, seq) in ended.copied().collect::<Vec<_>>() {
            let attempt = self.attempts.of(seq);
            if attempt >= MAX_ATTEMPTS {
                died.push(Event {
                    reason: Some(Reason::lease_ended()),
                    ..Event::new(seq, Happening::Died, attempt, until.shifted(-self.skew))
                });
            } else {
                queue.leases.remove(&(until, seq));
                self.holds.remove(&seq);
                queue.ready.insert(seq);
            }
        }
        // Each still has its lease: the queue goes with the last of them.
        for event in died {
            self.apply(&event, number);
            events.push((event, number));
        }
    }

    /// The origins at which a lease has ended.
    pub(super) fn with_ended_leases(&self, now: Timestamp) -> Vec<u32> {
        let now = now.shifted(self.skew);
        let queues = self.queues.iter();
        let ended = queues.filter(|(_, queue)| {
            let first = queue.leases.first();
            first.is_some_and(|(until, _)| *until <= now)
        });
        ended.map(|(number, _)| *number).collect()
    }

    /// Lets go of an origin's queue, if nothing is in it. True: it has none any more.
    pub(super) fn forget_queue(&mut self, number: u32, inbox: &Inbox) -> bool {
        let queue = self.queues.get(&number);
        if !queue.is_none_or(Queue::is_empty) {
            return false;
        }
        self.queues.remove(&number);
        if let Some(pile) = self.piles.get_mut(inbox) {
            pile.remove(&number);
            if pile.is_empty() {
                self.piles.remove(inbox);
            }
        }
        true
    }

    /// The origins of an inbox whose address a pattern matches.
    pub(super) fn origins_of(
        &self,
        inbox: &Inbox,
        pattern: Option<&Pattern>,
        origins: &Origins,
    ) -> Vec<u32> {
        let Some(pile) = self.piles.get(inbox) else {
            return Vec::new();
        };
        let matches = |number: &u32| {
            pattern.is_none_or(|pattern| {
                origins
                    .get(*number)
                    .is_some_and(|origin| pattern.matches(&origin.address_text))
            })
        };
        pile.iter().copied().filter(matches).collect()
    }

    /// The next moment after `now` at which a lease or a rest at these origins ends.
    pub(super) fn next_ready_at(&self, numbers: &[u32], now: Timestamp) -> Option<Timestamp> {
        let after = (now.shifted(self.skew), u64::MAX);
        let queues = numbers.iter().filter_map(|number| self.queues.get(number));
        queues
            .flat_map(|queue| {
                [
                    queue.leases.range(after..).next(),
                    queue.rests.range(after..).next(),
                ]
            })
            .flatten()
            .map(|(until, _)| until.shifted(-self.skew))
            .min()
    }

    /// What waits in an inbox.
    pub(super) fn waiting(
        &self,
        inbox: &Inbox,
        pattern: Option<&Pattern>,
        now: Timestamp,
        origins: &Origins,
    ) -> Waiting {
        let numbers = self.origins_of(inbox, pattern, origins);
        let mut waiting = Waiting {
            next_ready_at: self.next_ready_at(&numbers, now),
            ..Waiting::default()
        };
        for queue in numbers.iter().filter_map(|number| self.queues.get(number)) {
            let ended = ..=(now.shifted(self.skew), u64::MAX);
            let lapsed = queue.leases.range(ended).count();
            let back = queue
                .leases
                .range(ended)
                .filter(|(_, seq)| self.attempts.of(*seq) < MAX_ATTEMPTS)
                .count();
            let rested = queue.rests.range(ended).count();
            waiting.ready += queue.ready.len() + (back + rested) as u64;
            waiting.leased += (queue.leases.len() - lapsed) as u64;
            waiting.resting += (queue.rests.len() - rested) as u64;
        }
        waiting
    }

    /// What else a receiver may have to know of an inbox.
    pub(super) fn summary(
        &self,
        inbox: &Inbox,
        pattern: Option<&Pattern>,
        receiver: Receiver,
        now: Timestamp,
        origins: &Origins,
    ) -> InboxSummary {
        let mut summary = InboxSummary::default();
        let numbers = self.origins_of(inbox, pattern, origins);
        for queue in numbers.iter().filter_map(|number| self.queues.get(number)) {
            let held = queue.leases.range((now.shifted(self.skew), u64::MAX)..);
            let by = held.filter_map(|(_, seq)| self.holds.get(seq)?.by);
            summary.leased_by_others += by.filter(|by| *by != receiver).count() as u64;
            summary.unmet += queue.unmet.len();
        }
        summary
    }

    /// The lowest numbers above `after` that a lease would take, without taking them.
    pub(super) fn peek(
        &self,
        numbers: &[u32],
        after: u64,
        limit: usize,
        now: Timestamp,
    ) -> Vec<u64> {
        let ended = ..=(now.shifted(self.skew), u64::MAX);
        let mut ready = Vec::new();
        for queue in numbers.iter().filter_map(|number| self.queues.get(number)) {
            let mut waiting = queue.ready.iter();
            waiting.advance_to(after.saturating_add(1));
            ready.extend(waiting.take(limit));
            let lapsed = queue.leases.range(ended).map(|(_, seq)| *seq);
            let back = lapsed.filter(|seq| self.attempts.of(*seq) < MAX_ATTEMPTS);
            let rested = queue.rests.range(ended).map(|(_, seq)| *seq);
            ready.extend(back.chain(rested).filter(|seq| *seq > after));
        }
        ready.sort_unstable();
        ready.truncate(limit);
        ready
    }

    /// Whether nothing waits in an inbox, neither to be leased nor to be met as context.
    pub(super) fn is_quiet(&self, inbox: &Inbox) -> bool {
        let pile = self.piles.get(inbox).into_iter().flatten();
        let mut queues = pile.filter_map(|number| self.queues.get(number));
        queues.all(Queue::is_empty)
    }

    /// The pending messages in a range.
    pub(super) fn live_in(&self, range: std::ops::Range<u64>) -> Vec<u64> {
        // Most files that are asked about have none; a full one is not worth listing quickly.
        if self.live.range_cardinality(range.clone()) == 0 {
            return Vec::new();
        }
        let mut live = self.live.iter();
        live.advance_to(range.start);
        live.take_while(|seq| *seq < range.end).collect()
    }

    /// Takes over when leases and rests end that this knows from the files alone, where `before` saw
    /// them begin.
    pub(super) fn keep_leases_of(&mut self, before: &Self) {
        for (seq, hold) in &mut self.holds {
            let known = before.holds.get(seq).filter(|known| known.by == hold.by);
            let (Some(known), Some(queue)) = (known, self.queues.get_mut(&hold.origin)) else {
                continue;
            };
            let holds = if hold.by.is_some() {
                &mut queue.leases
            } else {
                &mut queue.rests
            };
            if holds.remove(&(hold.until, *seq)) {
                holds.insert((known.until, *seq));
                hold.until = known.until;
            }
        }
    }

    /// Lets go of all that is known of messages, none of which is pending.
    pub(super) fn forget(&mut self, gone: &RoaringTreemap) {
        for queue in self.queues.values_mut() {
            queue.unmet -= gone;
        }
        self.dead -= gone;
        self.raised -= gone;
        self.repeats.retain(|seq, _| !gone.contains(*seq));
        self.revived.retain(|seq, _| !gone.contains(*seq));
        self.attempts.forget(gone);
    }
}

impl Event {
    /// Something that lasts no time.
    pub(super) fn new(seq: u64, what: Happening, attempt: u8, at: Timestamp) -> Self {
        Self {
            seq,
            what,
            attempt,
            attempted: true,
            at,
            lasts: 0,
            receiver: 0,
            reason: None,
            routed: None,
        }
    }
}
