//! One turn of the writer: many commands decided one after another, then committed together.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, atomic::Ordering},
};

use doorbell_core::{
    address::SessionRef,
    browser::BrowserSession,
    grant::{Grant, GrantId},
    key::{ApiKey, KeyId},
    message::{Cursor, Happening, Kind, MessageId, Mode, Reason, Via},
    ports::{Arrived, LeaseRequest, Put, Settlement, StoreError},
    route::Table,
    time::Timestamp,
    token::TokenHash,
};

use super::{
    channels::Changed,
    command::{Answer, PutCommand, SettleCommand},
    control::Change,
    entry::{Entry, id_of, seq_of},
    events::Event,
    fault::Fault,
    load::Open,
    newest::{Batch, Record},
    record,
    repeats::Seen,
    reroute::Replayable,
    room::Bound,
    shared::Shared,
};

/// How many deaths are written down in one turn, about, while nobody waits for it.
const EXPIRED_AT_ONCE: usize = 1024;

/// An answer that waits for its commit; given an error, it passes that on.
pub(super) type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What one turn has decided so far.
#[derive(Default)]
pub(super) struct Turn {
    pub(super) batch: Batch,
    pub(super) changes: Vec<Change>,
    /// Messages that were made pending again.
    pub(super) replayed: Vec<(MessageId, u32)>,
    puts: Vec<(Answer<Put>, Put)>,
    pub(super) control_replies: Vec<Reply>,
    pub(super) log_replies: Vec<Reply>,
    /// Provider's ids that came in this turn.
    pub(super) fresh: HashMap<[u8; 16], Entry>,
    /// Grants and keys as this turn leaves them.
    pub(super) grants: HashMap<GrantId, (TokenHash, Arc<Grant>)>,
    pub(super) keys: HashMap<KeyId, (TokenHash, Arc<ApiKey>)>,
    /// Browsers that were signed in or out.
    pub(super) browsers: HashMap<TokenHash, Option<BrowserSession>>,
    pub(super) channels: Changed,
    /// The rules as this turn leaves them, where it changed any.
    pub(super) routes: Option<Arc<Table>>,
    /// Sessions that have ended, to whose inboxes something came back or in which it waits.
    pub(super) lingering: BTreeSet<SessionRef>,
    weight: u64,
    /// How much may be stored, as of the first arrival.
    bound: Option<Bound>,
    /// What is held of each grant, with what this turn takes through it.
    held: HashMap<GrantId, u64>,
}

/// Waits for the commit, then gives `value`.
pub(super) fn reply<T: Send + 'static, E: From<StoreError> + Send + 'static>(
    answer: Answer<T, E>,
    value: T,
) -> Reply {
    // Whoever asked may have gone away.
    Box::new(move |outcome| drop(answer.send(outcome.map(|()| value).map_err(E::from))))
}

impl Turn {
    /// An arrival: is the grant still live, has its session not ended, was the id seen before, keep
    /// both id and message.
    pub(super) fn put(
        &mut self,
        shared: &Shared,
        open: &mut Open,
        chances: &mut Chances,
        mut put: PutCommand,
    ) -> Result<(), Fault> {
        if !self.is_live(shared, &put.via, put.received_at) {
            self.puts.push((put.answer, Put::Revoked));
            return Ok(());
        }
        if let Some(session) = &put.session
            && self
                .channels
                .session_of(shared, session)
                .is_none_or(|session| session.ended_at.is_some())
        {
            self.puts.push((put.answer, Put::Ended));
            return Ok(());
        }
        if let Some(dedupe) = &mut put.dedupe {
            match self.seen(shared, open, dedupe, put.kind, put.received_at)? {
                Some(Seen::Same(known)) => {
                    self.repeated(shared, &known, put.kind, put.received_at);
                    self.puts.push((put.answer, Put::Duplicate(known.id)));
                    return Ok(());
                }
                Some(Seen::Other(first)) if put.kind == Kind::Channel => {
                    self.puts.push((put.answer, Put::Conflict(first)));
                    return Ok(());
                }
                Some(Seen::Other(first)) => {
                    dedupe.variant = true;
                    record::add_repeat_of(&mut put.head, first);
                    put.check = record::check(&put.head, &put.body);
                }
                None => {}
            }
        }
        let weight = (put.head.len() + put.body.len()) as u64;
        let grant = put.via.id();
        let bound = *self.bound.get_or_insert_with(|| shared.bound());
        let held = self.held.entry(grant);
        let held = held.or_insert_with(|| shared.holdings.of(grant));
        if !bound.admits(self.weight, weight, *held) {
            self.puts.push((put.answer, Put::Full));
            return Ok(());
        }
        let (Ok(head_len), Ok(body_len)) =
            (u32::try_from(put.head.len()), u32::try_from(put.body.len()))
        else {
            self.puts.push((put.answer, Put::Full));
            return Ok(());
        };
        self.weight += weight;
        *held += weight;
        open.last_millis = open.last_millis.max(put.received_at.as_millis());
        let id = id_of(open.last_millis, open.next_seq, chances.next(shared));
        open.next_seq += 1;
        let entry = Entry {
            id,
            received_at: put.received_at,
            origin: put.origin.number,
            kind: put.kind,
            mode: put.mode,
            test: put.test,
            at: 0,
            head_len,
            body_len,
            check: Some(put.check),
            dedupe: put.dedupe,
        };
        if let Some(dedupe) = put.dedupe {
            self.fresh.insert(dedupe.key(), entry);
        }
        self.batch.records.push(Record {
            entry,
            head: put.head,
            body: put.body,
        });
        self.puts.push((put.answer, Put::Stored(id)));
        Ok(())
    }

    /// Whether a grant lets in what comes at `now`, by the store's own record of it.
    fn is_live(&self, shared: &Shared, via: &Via, now: Timestamp) -> bool {
        match via {
            Via::Route(grant) => match self.grants.get(&grant.id) {
                Some((_, changed)) => changed.is_live(now),
                None => {
                    let registry = shared
                        .registry
                        .read()
                        .expect("nothing panics under this lock");
                    registry
                        .grant_by_id(grant.id)
                        .is_some_and(|(_, known)| known.is_live(now))
                }
            },
            Via::Channel(grant) => {
                let known = self.channels.grant(shared, grant.id);
                known.is_some_and(|known| known.is_live(now))
            }
        }
    }

    /// Leases. The bodies are read by whoever asked, once this is durable.
    pub(super) fn lease(
        &mut self,
        shared: &Shared,
        request: &LeaseRequest,
        answer: Answer<super::decide::Picked>,
    ) {
        let mut events = Vec::new();
        let picked = shared.index().lease(request, &shared.origins, &mut events);
        self.note(events);
        self.log_replies.push(reply(answer, picked));
    }

    /// Acks and nacks.
    pub(super) fn settle(&mut self, shared: &Shared, command: SettleCommand) {
        let SettleCommand {
            targets,
            how,
            receiver,
            now,
            answer,
        } = command;
        if matches!(how, Settlement::Nack { .. }) {
            for target in targets.iter().flatten() {
                self.lingering.extend(self.outlived(shared, target.origin));
            }
        }
        let mut events = Vec::new();
        let settled: Vec<bool> = {
            let mut index = shared.index();
            targets
                .into_iter()
                .map(|target| {
                    target.is_some_and(|target| {
                        index.settle(target, &how, receiver, now, &mut events)
                    })
                })
                .collect()
        };
        self.note(events);
        self.log_replies.push(reply(answer, settled));
    }

    /// Gives up messages that are leased and damaged.
    pub(super) fn bury(
        &mut self,
        shared: &Shared,
        ids: &[MessageId],
        now: Timestamp,
        answer: Answer<()>,
    ) {
        let mut events = Vec::new();
        {
            let mut index = shared.index();
            for seq in ids.iter().map(|id| seq_of(*id)) {
                let Some(origin) = index.holds.get(&seq).map(|hold| hold.origin) else {
                    continue;
                };
                let died = Event {
                    reason: Some(Reason::damaged()),
                    ..Event::new(seq, Happening::Died, index.attempts.of(seq), now)
                };
                index.apply(&died, origin);
                events.push((died, origin));
            }
        }
        self.note(events);
        self.log_replies.push(reply(answer, ()));
    }

    /// Writes down deaths that nobody's receiving did, so that what died can be given up in its time:
    /// some of them, and whether there are more.
    pub(super) fn expire(&mut self, shared: &Shared, now: Timestamp, answer: Answer<bool>) {
        let mut events = Vec::new();
        let more = {
            let mut index = shared.index();
            let mut over = index.with_ended_leases(now).into_iter();
            let mut next = over.next();
            while let Some(number) = next
                && events.len() < EXPIRED_AT_ONCE
            {
                index.wake(number, now, &mut events);
                next = over.next();
            }
            next.is_some()
        };
        self.note(events);
        self.log_replies.push(reply(answer, more));
    }

    /// Replays.
    pub(super) fn replay(
        &mut self,
        shared: &Shared,
        target: Replayable,
        now: Timestamp,
        answer: Answer<bool>,
    ) {
        let mut events = Vec::new();
        let replayed = self.replay_one(shared, target, now, &mut events);
        self.note(events);
        self.log_replies.push(reply(answer, replayed));
    }

    /// Replays of those that nobody is to lease any more.
    pub(super) fn replay_many(
        &mut self,
        shared: &Shared,
        targets: Vec<Option<Replayable>>,
        now: Timestamp,
        answer: Answer<Vec<bool>>,
    ) {
        let mut events = Vec::new();
        let mut replayed = Vec::with_capacity(targets.len());
        for target in targets {
            let over = target.filter(|it| shared.index().is_over(&it.target, now));
            replayed.push(over.is_some_and(|over| self.replay_one(shared, over, now, &mut events)));
        }
        self.note(events);
        self.log_replies.push(reply(answer, replayed));
    }

    pub(super) fn note(&mut self, events: Vec<(Event, u32)>) {
        self.batch
            .events
            .extend(events.into_iter().map(|(event, _)| event));
    }

    /// Passes on that nothing of what still waits was kept.
    pub(super) fn fail(self, why: &StoreError) {
        for (answer, _) in self.puts {
            drop(answer.send(Err(why.clone())));
        }
        for reply in self.control_replies.into_iter().chain(self.log_replies) {
            reply(Err(why.clone()));
        }
    }

    /// The log is durable: tell whoever listens, then answer.
    pub(super) fn finish(self, shared: &Shared, open: &mut Open) {
        let mut pending: Vec<(u32, MessageId)> = Vec::with_capacity(self.batch.records.len());
        {
            let mut index = shared.index();
            for Record { entry, .. } in &self.batch.records {
                let origin = shared
                    .origins
                    .get(entry.origin)
                    .expect("a message's origin is known");
                index.arrive(entry.seq(), entry.origin, &origin, entry.mode);
                index.rates.count(&origin.to.folder, entry.received_at);
            }
        }
        let file = open.newest.segment.first;
        for run in (self.batch.records).chunk_by(|one, next| one.entry.origin == next.entry.origin)
        {
            let number = run[0].entry.origin;
            if let Some(origin) = shared.origins.get(number) {
                let bytes = run.iter().map(|record| record.entry.record_len()).sum();
                shared.holdings.add(file, number, origin.grant, bytes);
            }
        }
        let mut uses: HashMap<u32, Timestamp> = HashMap::new();
        let mut first: HashMap<u32, u64> = HashMap::new();
        for Record { entry, .. } in &self.batch.records {
            first.entry(entry.origin).or_insert(entry.seq());
            if let Some(hash) = &entry.dedupe {
                open.seen.insert(&hash.key(), entry.seq());
            }
            if entry.mode == Mode::Trigger {
                pending.push((entry.origin, entry.id));
            }
            uses.insert(entry.origin, entry.received_at);
            open.newest.segment.touch(entry.received_at.as_millis());
        }
        // That somebody sends it again and again is no reason to keep it.
        let events = self.batch.events.iter();
        for event in events.filter(|event| event.what != Happening::Repeated) {
            if let Some(segment) = shared.segment_of(event.seq) {
                segment.touch(event.at.as_millis());
            }
        }
        if let Some(last) = self.batch.records.last() {
            open.newest
                .segment
                .last
                .store(last.entry.seq(), Ordering::Relaxed);
            shared.end.store(last.entry.seq(), Ordering::Release);
        }
        if !uses.is_empty() {
            let mut registry = shared
                .registry
                .write()
                .expect("nothing panics under this lock");
            for (number, at) in uses {
                let origin = shared
                    .origins
                    .get(number)
                    .expect("a message's origin is known");
                registry.used(origin.grant, at);
                open.unsaved_uses.insert(origin.grant, at);
            }
        }
        pending.extend(self.replayed.iter().map(|(id, number)| (*number, *id)));
        let rung = ring(shared, pending);
        tell_grown(shared, first);
        for (answer, put) in self.puts {
            drop(answer.send(Ok(put)));
        }
        for reply in self.control_replies.into_iter().chain(self.log_replies) {
            reply(Ok(()));
        }
        // Nobody waits for what is only told.
        let events = self.batch.events.into_iter();
        let died: Vec<_> = events
            .filter(|event| event.what == Happening::Died)
            .collect();
        shared.tell_dead(&died);
        for (number, newest, messages, told) in rung {
            shared.tell_rung(number, newest, messages, told);
        }
    }
}

/// Tells who follows the log: the first message of each origin.
fn tell_grown(shared: &Shared, first: HashMap<u32, u64>) {
    let origins: Vec<_> = first
        .into_iter()
        .filter_map(|(number, seq)| Some((shared.origins.get(number)?, seq)))
        .collect();
    let arrived: Vec<_> = origins
        .iter()
        .map(|(origin, seq)| Arrived {
            place: Cursor(*seq),
            folder: &origin.to.folder,
            address: &origin.address_text,
        })
        .collect();
    if !arrived.is_empty() {
        shared.setup.ring.grown(&arrived);
    }
}

/// Tells who listens at each inbox, once per inbox. Where anyone did: the origins, each with the
/// newest message, how many there are and how many were told.
fn ring(shared: &Shared, pending: Vec<(u32, MessageId)>) -> Vec<(u32, MessageId, usize, usize)> {
    let mut inboxes: HashMap<_, Vec<MessageId>> = HashMap::new();
    let mut newest: HashMap<u32, (MessageId, usize)> = HashMap::new();
    let mut origins: HashMap<u32, Arc<super::origin::Origin>> = HashMap::new();
    for (number, _) in &pending {
        if !origins.contains_key(number)
            && let Some(origin) = shared.origins.get(*number)
        {
            origins.insert(*number, origin);
        }
    }
    for (number, id) in pending {
        if let Some(origin) = origins.get(&number) {
            inboxes.entry(&origin.to.inbox).or_default().push(id);
            let (newest, messages) = newest.entry(number).or_insert((id, 0));
            (*newest, *messages) = (id, *messages + 1);
        }
    }
    for (inbox, ids) in inboxes {
        shared.setup.ring.ring(inbox, &ids);
    }
    let rung = newest.into_iter().filter_map(|(number, (id, messages))| {
        let told = shared.setup.ring.told_at(&origins.get(&number)?.to.inbox);
        (told > 0).then_some((number, id, messages, told))
    });
    rung.collect()
}

/// Chance in bulk: four bytes per message.
#[derive(Default)]
pub(super) struct Chances(Vec<u8>);

impl Chances {
    fn next(&mut self, shared: &Shared) -> u32 {
        if self.0.is_empty() {
            self.0.resize(1024, 0);
            shared.setup.chance.fill(&mut self.0);
        }
        let bytes = self.0.split_off(self.0.len() - 4);
        u32::from_le_bytes(bytes.try_into().expect("four bytes were split off"))
    }
}
