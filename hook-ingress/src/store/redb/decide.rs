//! Who gets which message, and who may settle it: the rules, over the index alone.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashSet},
    time::Duration,
};

use doorbell_core::{
    message::{
        Cursor, Happening, MAX_ATTEMPTS, MessageId, Mode, REVIVAL_PAUSE, Reason, Receiver, State,
    },
    ports::{LeaseRequest, Settlement},
    time::Timestamp,
};

use roaring::RoaringTreemap;

use super::{
    entry::seq_of,
    events::Event,
    index::{Index, Queue},
    origin::Origins,
};

/// What a lease took.
#[derive(Debug, Default)]
pub(super) struct Picked {
    /// Sequence number and attempt, oldest first.
    pub(super) messages: Vec<(u64, u8)>,
    /// Sequence numbers, oldest first.
    pub(super) observed: Vec<u64>,
    pub(super) next_ready_at: Option<Timestamp>,
}

/// A message that someone wants to settle, as far as the files tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) id: MessageId,
    pub(super) origin: u32,
    pub(super) mode: Mode,
}

impl Index {
    /// Takes the oldest ready messages: a merge of the origins' queues, so a pattern costs
    /// nothing per message. What happened is added to `events`.
    pub(super) fn lease(
        &mut self,
        request: &LeaseRequest,
        origins: &Origins,
        events: &mut Vec<(Event, u32)>,
    ) -> Picked {
        let inboxes: HashSet<_> = request.inboxes.iter().collect();
        let numbers: Vec<u32> = inboxes
            .into_iter()
            .flat_map(|inbox| self.origins_of(inbox, request.pattern.as_ref(), origins))
            .collect();
        for number in &numbers {
            self.wake(*number, request.now, events);
        }
        let mut picked = Picked::default();
        let lasts = millis(request.lease_for);
        let taken = match &request.among {
            Some(places) => self.those(&numbers, request.max, places),
            None => self.oldest(&numbers, request.max, |queue| &mut queue.ready),
        };
        for (seq, number) in taken {
            let attempt = self.attempts.of(seq).saturating_add(1);
            let event = Event {
                lasts,
                receiver: request.receiver.0,
                ..Event::new(seq, Happening::Leased, attempt, request.now)
            };
            self.apply(&event, number);
            events.push((event, number));
            picked.messages.push((seq, attempt));
        }
        let most_observed = if request.observed_alone || !picked.messages.is_empty() {
            request.max_observed
        } else {
            0
        };
        for (seq, number) in self.oldest(&numbers, most_observed, |queue| &mut queue.unmet) {
            events.push((Event::new(seq, Happening::Observed, 0, request.now), number));
            picked.observed.push(seq);
        }
        if picked.messages.len() < request.max {
            picked.next_ready_at = self.next_ready_at(&numbers, request.now);
        }
        picked
    }

    /// Takes those of `places` that are ready at these origins, the lowest numbers first.
    fn those(&mut self, numbers: &[u32], max: usize, places: &[Cursor]) -> Vec<(u64, u32)> {
        let places: RoaringTreemap = places.iter().map(|place| place.0).collect();
        let mut ready = Vec::new();
        for number in numbers {
            if let Some(queue) = self.queues.get(number) {
                ready.extend((&queue.ready & &places).iter().map(|seq| (seq, *number)));
            }
        }
        ready.sort_unstable();
        ready.truncate(max);
        for (seq, number) in &ready {
            let queue = self.queues.get_mut(number).expect("it was there just now");
            queue.ready.remove(*seq);
        }
        ready
    }

    /// Takes the `max` lowest numbers out of one of the sets of these origins.
    fn oldest(
        &mut self,
        numbers: &[u32],
        max: usize,
        set: impl Fn(&mut Queue) -> &mut roaring::RoaringTreemap,
    ) -> Vec<(u64, u32)> {
        let mut heads = BinaryHeap::new();
        for number in numbers {
            if let Some(seq) = self
                .queues
                .get_mut(number)
                .and_then(|queue| set(queue).min())
            {
                heads.push(Reverse((seq, *number)));
            }
        }
        let mut taken = Vec::new();
        while taken.len() < max
            && let Some(Reverse((seq, number))) = heads.pop()
        {
            let queue = self.queues.get_mut(&number).expect("it was there just now");
            set(queue).remove(seq);
            if let Some(next) = set(queue).min() {
                heads.push(Reverse((next, number)));
            }
            taken.push((seq, number));
        }
        taken
    }

    /// Settles a message, if `receiver` may. What happened is added to `events`.
    pub(super) fn settle(
        &mut self,
        target: Target,
        how: &Settlement,
        receiver: Receiver,
        now: Timestamp,
        events: &mut Vec<(Event, u32)>,
    ) -> bool {
        let Target { origin, mode, .. } = target;
        let seq = seq_of(target.id);
        let was = self.state(seq, mode, now);
        let held_by = self.holds.get(&seq).and_then(|hold| hold.by);
        let allowed = match was {
            State::Pending => true,
            State::Leased => held_by == Some(receiver),
            State::Settled | State::Dead | State::Observed => false,
        };
        if !allowed {
            return false;
        }
        let attempt = self.attempts.of(seq);
        let mut note = |index: &mut Self, event: Event| {
            index.apply(&event, origin);
            events.push((event, origin));
        };
        match how {
            Settlement::Ack => note(self, Event::new(seq, Happening::Acked, attempt, now)),
            Settlement::Nack {
                delay,
                reason,
                attempted,
            } => {
                let leased = was == State::Leased;
                let attempted = *attempted || !leased;
                let counted = attempt.saturating_sub(u8::from(!attempted));
                let nacked = Event {
                    attempted,
                    lasts: millis(*delay),
                    reason: reason.clone(),
                    ..Event::new(seq, Happening::Nacked, counted, now)
                };
                note(self, nacked);
                if leased && counted >= MAX_ATTEMPTS {
                    let died = Event {
                        reason: Some(reason.clone().unwrap_or_else(Reason::given_back)),
                        ..Event::new(seq, Happening::Died, counted, now)
                    };
                    note(self, died);
                }
            }
        }
        true
    }

    /// Whether nobody is to lease it any more.
    pub(super) fn is_over(&self, target: &Target, now: Timestamp) -> bool {
        let state = self.state(seq_of(target.id), target.mode, now);
        !matches!(state, State::Pending | State::Leased)
    }

    /// It came again. True: it was dead, and is pending again.
    pub(super) fn repeat(
        &mut self,
        target: Target,
        revivable: bool,
        now: Timestamp,
        events: &mut Vec<(Event, u32)>,
    ) -> bool {
        let seq = seq_of(target.id);
        let before = self.repeats.get(&seq).map_or(0, |repeats| repeats.count);
        let event = Event {
            lasts: before.saturating_add(1),
            ..Event::new(seq, Happening::Repeated, 0, now)
        };
        self.apply(&event, target.origin);
        events.push((event, target.origin));
        let due = |at: &Timestamp| now.since(*at) >= REVIVAL_PAUSE;
        let revives = revivable
            && self.state(seq, target.mode, now) == State::Dead
            && self.revived.get(&seq).is_none_or(due);
        if revives {
            self.replay(target, Some(Reason::sent_again()), now, events);
        }
        revives
    }

    /// Makes a message pending again, as if it had just come. A reason is given where nobody asked.
    pub(super) fn replay(
        &mut self,
        target: Target,
        reason: Option<Reason>,
        now: Timestamp,
        events: &mut Vec<(Event, u32)>,
    ) {
        // A last lease that ended is a death that was not written down yet.
        self.wake(target.origin, now, events);
        let event = Event {
            reason,
            ..Event::new(seq_of(target.id), Happening::Replayed, 0, now)
        };
        self.apply(&event, target.origin);
        events.push((event, target.origin));
    }
}

/// Whole milliseconds, at most 49 days.
fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
