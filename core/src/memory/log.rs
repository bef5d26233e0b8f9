//! The messages, in memory.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
};

use super::{MemoryStore, Tables, answer, entry::Entry};
use crate::{
    acl::Scope,
    address::Inbox,
    backlog::{Backlog, Backlogs},
    folder::Folder,
    message::{Arrival, Cursor, Kind, MessageId, Mode, Receiver, State, Via},
    pattern::Pattern,
    ports::{
        Answer, Arrived, Detail, InboxSummary, LeaseRequest, Leased, Log, Order, Page, Put,
        ReadRequest, SettleRequest, Waiting,
    },
    rates::{MINUTES, Rates},
    time::Timestamp,
};

impl Tables {
    /// One more than the last; ids sort by it, even when the clock steps back.
    fn next_id(&self, received_at: Timestamp) -> (u64, MessageId) {
        let seq = self.entries.len() as u64 + 1;
        let id = MessageId::new(received_at, u128::from(seq) << 32);
        match self.entries.last() {
            Some(last) if id < last.id() => (seq, MessageId::from_u128(last.id().as_u128() + 1)),
            _ => (seq, id),
        }
    }

    /// Whether a message came through something that was only tried out, and is over.
    fn is_forgotten(&self, entry: &Entry, now: Timestamp) -> bool {
        let id = entry.grant();
        self.grant_by_id(id)
            .is_some_and(|grant| grant.is_forgotten(now))
            || self
                .channel(id)
                .is_some_and(|grant| grant.is_forgotten(now))
    }

    fn place_of(&self, id: MessageId, scope: &Scope) -> Option<usize> {
        let mut entries = self.entries.iter();
        entries.position(|entry| entry.id() == id && entry.is_in(scope))
    }

    fn find(&mut self, id: MessageId, scope: &Scope) -> Option<&mut Entry> {
        self.entries
            .iter_mut()
            .find(|entry| entry.id() == id && entry.is_in(scope))
    }
}

impl MemoryStore {
    pub(super) fn ring_all(&self, rings: impl IntoIterator<Item = (Inbox, MessageId)>) {
        for (inbox, id) in rings {
            self.ring.ring(&inbox, &[id]);
        }
    }
}

impl Log for MemoryStore {
    fn put(&self, arrival: Arrival) -> Answer<'_, Put> {
        let mut tables = self.tables();
        // The caller's copy may be older than a revocation.
        let via = match &arrival.via {
            Via::Route(grant) => tables.grant_by_id(grant.id).cloned().map(Via::Route),
            Via::Channel(grant) => tables.channel(grant.id).cloned().map(Via::Channel),
        };
        let via = match via {
            Some(via) if via.is_live(arrival.received_at) => via,
            _ => return answer(Ok(Put::Revoked)),
        };
        if let Inbox::Session(session) = &arrival.to.inbox
            && tables
                .session_of(session)
                .is_none_or(|session| session.ended_at.is_some())
        {
            return answer(Ok(Put::Ended));
        }
        let known: Vec<usize> = (0..tables.entries.len())
            .rev()
            .filter(|i| tables.entries[*i].has_id_of(via.id(), &arrival))
            .collect();
        let same = known
            .iter()
            .find(|i| tables.entries[**i].has_content_of(&arrival));
        if let Some(same) = same {
            let same = &mut tables.entries[*same];
            let id = same.id();
            let inbox = same
                .repeat(arrival.received_at)
                .then(|| same.inbox().clone());
            let mut rings = tables.reroute(arrival.received_at);
            if let Some(inbox) = inbox
                && rings.iter().all(|(_, rung)| *rung != id)
            {
                rings.push((inbox, id));
            }
            drop(tables);
            self.ring_all(rings);
            return answer(Ok(Put::Duplicate(id)));
        }
        let first = known.into_iter().map(|i| &tables.entries[i]);
        let first = first.filter(|entry| entry.is_first()).map(Entry::id).next();
        if let (Some(first), Kind::Channel) = (first, arrival.kind) {
            return answer(Ok(Put::Conflict(first)));
        }
        let first = first.or(arrival.repeat_of);
        let (seq, id) = tables.next_id(arrival.received_at);
        let (inbox, mode) = (arrival.to.inbox.clone(), arrival.mode);
        let (folder, address) = (arrival.to.folder.clone(), via.address().to_string());
        tables
            .entries
            .push(Entry::new(seq, id, &via, arrival, first));
        drop(tables);
        if mode == Mode::Trigger {
            self.ring.ring(&inbox, &[id]);
        }
        self.ring.grown(&[Arrived {
            place: Cursor(seq),
            folder: &folder,
            address: &address,
        }]);
        answer(Ok(Put::Stored(id)))
    }

    fn lease(&self, request: LeaseRequest) -> Answer<'_, Leased> {
        let mut tables = self.tables();
        let rings = tables.reroute(request.now);
        let until = request.now.plus(request.lease_for);
        let mut leased = Leased::default();
        let asked = |entry: &Entry| {
            request.inboxes.contains(entry.inbox()) && entry.matches(request.pattern.as_ref())
        };
        let among = request.among.as_deref();
        let is_ready = |entry: &Entry| {
            entry.is_ready(request.now)
                && among.is_none_or(|places| places.contains(&Cursor(entry.seq)))
        };
        let mut ready = tables.entries.iter().filter(|entry| asked(entry));
        let alone = request.max == 0 || !ready.any(is_ready);
        let most_observed = if alone && !request.observed_alone {
            0
        } else {
            request.max_observed
        };
        for entry in tables.entries.iter_mut().filter(|entry| asked(entry)) {
            if is_ready(entry) && leased.messages.len() < request.max {
                entry.lease(request.receiver, request.now, until);
                leased
                    .messages
                    .push(entry.show(request.body_limit, request.now));
            } else if entry.is_unmet() && leased.observed.len() < most_observed {
                entry.meet(request.now);
                leased
                    .observed
                    .push(entry.show(request.body_limit, request.now));
            }
        }
        if leased.messages.len() < request.max {
            // What was leased just now counts: its lease is in these inboxes too.
            leased.next_ready_at = tables
                .entries
                .iter()
                .filter(|entry| asked(entry))
                .filter_map(|entry| entry.ends_at(request.now))
                .min();
        }
        drop(tables);
        self.ring_all(rings);
        answer(Ok(leased))
    }

    fn settle(&self, request: SettleRequest) -> Answer<'_, Vec<bool>> {
        let mut tables = self.tables();
        let mut seen = HashSet::new();
        let settled = request
            .ids
            .iter()
            .map(|id| {
                // A nacked message is pending again, but the same request does not nack it twice.
                seen.insert(*id)
                    && tables
                        .find(*id, &request.scope)
                        .is_some_and(|it| it.settle(&request.how, request.receiver, request.now))
            })
            .collect();
        let rings = tables.reroute(request.now);
        drop(tables);
        self.ring_all(rings);
        answer(Ok(settled))
    }

    fn read(&self, request: ReadRequest) -> Answer<'_, Page> {
        let tables = self.tables();
        let oldest_first = request.order == Order::OldestFirst;
        let from = match (request.cursor, request.order) {
            (Some(Cursor(seq)), _) => seq,
            (None, Order::OldestFirst) => 0,
            (None, Order::NewestFirst) => tables.entries.len() as u64 + 1,
        };
        let mut ahead: Vec<_> = tables
            .entries
            .iter()
            .filter(|entry| {
                if oldest_first {
                    entry.seq > from
                } else {
                    entry.seq < from
                }
            })
            .collect();
        if !oldest_first {
            ahead.reverse();
        }
        let mut page = Page {
            messages: Vec::new(),
            cursor: Cursor(from),
            more: false,
        };
        let mut bytes = 0;
        for entry in ahead {
            let asked_for =
                entry.is_asked_for(&request) && !tables.is_forgotten(entry, request.now);
            let size = entry.size(request.body_limit);
            let over = asked_for && bytes + size > request.budget && !page.messages.is_empty();
            if over || page.messages.len() == request.limit {
                page.more = true;
                break;
            }
            page.cursor = Cursor(entry.seq);
            if asked_for {
                bytes += size;
                page.messages
                    .push(entry.show(request.body_limit, request.now));
            }
        }
        answer(Ok(page))
    }

    fn get(
        &self,
        id: MessageId,
        scope: Scope,
        body_limit: usize,
        now: Timestamp,
    ) -> Answer<'_, Option<Detail>> {
        let mut tables = self.tables();
        let forgotten = tables
            .entries
            .iter()
            .any(|entry| entry.id() == id && tables.is_forgotten(entry, now));
        if forgotten {
            return answer(Ok(None));
        }
        let detail = tables.find(id, &scope).map(|entry| Detail {
            message: entry.show(body_limit, now),
            life: entry.life(now),
            repeats: entry.repeats(),
        });
        answer(Ok(detail))
    }

    fn replay(&self, id: MessageId, scope: Scope, now: Timestamp) -> Answer<'_, bool> {
        let mut tables = self.tables();
        let Some(i) = tables.place_of(id, &scope) else {
            return answer(Ok(false));
        };
        let replayed = tables.replay(i, now);
        drop(tables);
        let done = replayed.is_some();
        self.ring_all(replayed);
        answer(Ok(done))
    }

    fn replay_many(
        &self,
        ids: Vec<MessageId>,
        scope: Scope,
        now: Timestamp,
    ) -> Answer<'_, Vec<bool>> {
        let mut tables = self.tables();
        let mut rings = Vec::new();
        let mut replayed = Vec::with_capacity(ids.len());
        for id in ids {
            let over = tables
                .place_of(id, &scope)
                .filter(|i| tables.entries[*i].is_over(now));
            let done = over.and_then(|i| tables.replay(i, now));
            replayed.push(done.is_some());
            rings.extend(done);
        }
        drop(tables);
        self.ring_all(rings);
        answer(Ok(replayed))
    }

    fn waiting(&self, inbox: &Inbox, pattern: Option<&Pattern>, now: Timestamp) -> Waiting {
        let tables = self.tables();
        let mut waiting = Waiting::default();
        for entry in &tables.entries {
            if entry.inbox() != inbox || !entry.matches(pattern) {
                continue;
            }
            match entry.state(now) {
                State::Pending if entry.is_ready(now) => waiting.ready += 1,
                State::Pending => waiting.resting += 1,
                State::Leased => waiting.leased += 1,
                State::Settled | State::Dead | State::Observed => {}
            }
            let ends = [waiting.next_ready_at, entry.ends_at(now)];
            waiting.next_ready_at = ends.into_iter().flatten().min();
        }
        waiting
    }

    fn summary(
        &self,
        inbox: &Inbox,
        pattern: Option<&Pattern>,
        receiver: Receiver,
        now: Timestamp,
    ) -> InboxSummary {
        let tables = self.tables();
        let mut summary = InboxSummary::default();
        for entry in &tables.entries {
            if entry.inbox() == inbox && entry.matches(pattern) {
                summary.leased_by_others += u64::from(entry.is_held_from(receiver, now));
                summary.unmet += u64::from(entry.is_unmet());
            }
        }
        summary
    }

    fn backlogs(&self, most: usize, now: Timestamp) -> Answer<'_, Backlogs> {
        let tables = self.tables();
        let mut all = BTreeMap::<Inbox, Backlog>::new();
        let mut found = Backlogs::default();
        for entry in &tables.entries {
            let (pending, leased) = match entry.state(now) {
                State::Pending => (1, 0),
                State::Leased => (0, 1),
                State::Dead => {
                    found.dead += 1;
                    continue;
                }
                State::Settled | State::Observed => continue,
            };
            let one = Backlog {
                pending,
                leased,
                oldest: Some(entry.received_at()),
            };
            let sum = all.entry(entry.inbox().clone()).or_default();
            *sum = sum.and(one);
        }
        found.inboxes = all.into_iter().collect();
        // In their order already, which a stable sort keeps among equals.
        found
            .inboxes
            .sort_by_key(|(_, backlog)| Reverse(backlog.unsettled()));
        for (_, backlog) in found.inboxes.split_off(most.min(found.inboxes.len())) {
            found.rest = found.rest.and(backlog);
        }
        found.inboxes.sort_by(|(one, _), (other, _)| one.cmp(other));
        answer(Ok(found))
    }

    fn peek(
        &self,
        inbox: &Inbox,
        pattern: Option<&Pattern>,
        after: Cursor,
        limit: usize,
        now: Timestamp,
    ) -> Vec<Cursor> {
        self.tables()
            .entries
            .iter()
            .filter(|entry| entry.seq > after.0 && entry.inbox() == inbox)
            .filter(|entry| entry.matches(pattern) && entry.is_ready(now))
            .map(|entry| Cursor(entry.seq))
            .take(limit)
            .collect()
    }

    fn rates(
        &self,
        scope: &Scope,
        within: Option<&Folder>,
        now: Timestamp,
    ) -> [(Timestamp, u64); MINUTES] {
        let mut rates = Rates::default();
        for entry in &self.tables().entries {
            let (folder, at) = entry.came();
            if Rates::matters(at, now) {
                rates.count(folder, at);
            }
        }
        rates.of(scope, within, now)
    }

    fn end(&self) -> Cursor {
        Cursor(self.tables().entries.len() as u64)
    }
}
