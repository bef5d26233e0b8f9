//! The writer's part in giving things up: each of these is a turn of its own.

use std::sync::{Arc, atomic::Ordering};

use doorbell_core::{bound::GRANTS_REMEMBERED, message::DEDUPE_WINDOW, time::Timestamp};

use super::{
    backup::Snapshot,
    channels,
    command::Command,
    control::Change,
    fault::Fault,
    load::Open,
    newest::Batch,
    remembered::Over,
    repeats::SeenRow,
    retention::{Carry, Farewell},
    shared::Shared,
    writer::Writer,
};

impl Writer {
    /// Does what is not an arrival's or a receiver's.
    pub(super) fn housekeeping(&mut self, open: &mut Open, command: Command) -> Result<(), Fault> {
        // Whoever asked may have ended.
        match command {
            Command::Rotate(answer) => {
                if open.newest.begun() {
                    self.rotate(open)?;
                }
                drop(answer.send(Ok(())));
            }
            Command::Prune(floor, answer) => {
                prune(&self.shared, open, floor)?;
                drop(answer.send(Ok(())));
            }
            Command::ChangeSeen(changes, answer) => {
                open.control.commit(&changes)?;
                drop(answer.send(Ok(())));
            }
            Command::ReadControl(answer) => {
                let txn = ::redb::ReadableDatabase::begin_read(&open.control.db)?;
                drop(answer.send(Ok(txn)));
            }
            Command::ForgetOrigins(unused, answer) => {
                self.shared.forget_origins(&unused);
                drop(answer.send(Ok(())));
            }
            Command::Carry(carry, answer) => {
                take_over(&self.shared, open, *carry)?;
                drop(answer.send(Ok(())));
            }
            Command::Farewell(farewell, answer) => {
                let gone = bid_farewell(&self.shared, open, *farewell)?;
                drop(answer.send(Ok(gone)));
            }
            Command::Snapshot(answer) => drop(answer.send(Ok(Snapshot {
                control: ::redb::ReadableDatabase::begin_read(&open.control.db)?,
                newest: open.newest.view()?,
                chain: self.shared.chain(),
            }))),
            other => unreachable!("decided in a turn: {} bytes", other.weight()),
        }
        Ok(())
    }
}

/// Writes messages that are still pending into the newest file, under their own ids.
fn take_over(shared: &Shared, open: &mut Open, carry: Carry) -> Result<(), Fault> {
    let mut records = carry.records;
    {
        let index = shared.index();
        records.retain(|record| index.live.contains(record.entry.seq()));
    }
    if records.is_empty() {
        return Ok(());
    }
    // Found by their numbers, which are those of a file that goes, providers' ids would be forgotten.
    let now = shared.setup.clock.now();
    let seen = records
        .iter()
        .filter_map(|record| SeenRow::of(&record.entry, now));
    let seen: Vec<_> = seen.map(|(key, row)| Change::Seen(key, row)).collect();
    if !seen.is_empty() {
        open.control.commit(&seen)?;
    }
    let mut batch = Batch {
        carried: records,
        ..Batch::default()
    };
    open.newest
        .commit(&mut batch, open.next_event, &shared.origins)?;
    let there = open.newest.segment.first;
    for record in &batch.carried {
        let number = record.entry.origin;
        if let Some(origin) = shared.origins.get(number) {
            let bytes = record.entry.record_len();
            shared.holdings.add(there, number, origin.grant, bytes);
        }
    }
    shared.change_carried(|map| {
        map.extend(
            batch
                .carried
                .iter()
                .map(|record| (record.entry.seq(), there)),
        );
    });
    Ok(())
}

/// Lets go of a file, unless something in it has become pending again. True: it is gone from the
/// chain, and what had to survive it is durable.
fn bid_farewell(shared: &Shared, open: &mut Open, farewell: Farewell) -> Result<bool, Fault> {
    let Farewell {
        segment,
        own,
        moved,
        ..
    } = farewell;
    if !shared.index().live.is_disjoint(&own) {
        return Ok(false);
    }
    let uses = open.unsaved_uses.drain();
    let changes: Vec<Change> = uses.map(|(id, at)| Change::Used(id, at)).collect();
    if !changes.is_empty() {
        open.control.commit(&changes)?;
    }
    let mut batch = Batch {
        moved,
        ..Batch::default()
    };
    if !batch.is_empty() {
        open.newest
            .commit(&mut batch, open.next_event, &shared.origins)?;
    }
    let chain = shared.chain();
    let left = chain
        .iter()
        .filter(|other| !Arc::ptr_eq(other, &segment))
        .cloned()
        .collect();
    shared.set_chain(left);
    shared.holdings.forget(segment.first, &shared.origins);
    shared.change_carried(|map| map.retain(|_, first| *first != segment.first));
    shared.index().forget(&own);
    shared.rerouted.forget(&own);
    Ok(true)
}

/// Forgets providers' ids of messages before `floor`, grants and sessions that ended long ago, and browsers
/// that are out.
fn prune(shared: &Shared, open: &mut Open, floor: Option<u64>) -> Result<(), Fault> {
    let now = shared.setup.clock.now();
    if let Some(floor) = floor {
        let window = now.minus(DEDUPE_WINDOW);
        let chain = shared.chain();
        let recent = chain.iter().find(|segment| {
            Timestamp::from_millis(segment.touched_at.load(Ordering::Relaxed)) > window
        });
        let first = recent.map_or(open.next_seq, |segment| segment.first);
        open.seen.forget_before(floor.min(first));
    }
    let mut changes = Vec::new();
    let kept_since = now.minus(shared.setup.retain);
    let has_expired = |at: Timestamp| open.latest < at && at <= now;
    let mut expired = false;
    let mut over = Over::at_most(GRANTS_REMEMBERED);
    {
        let registry = shared
            .registry
            .read()
            .expect("nothing panics under this lock");
        for grant in registry.grants() {
            let ended = match (grant.revoked_at, grant.expires_at) {
                (Some(revoked), Some(expired)) => Some(revoked.min(expired)),
                (revoked, expired) => revoked.or(expired),
            };
            expired |= grant.expires_at.is_some_and(has_expired);
            let used = registry.last_used(grant.id);
            match ended.filter(|at| *at <= now) {
                Some(at) if at < kept_since && used.is_none_or(|at| at < kept_since) => {
                    changes.push(Change::Forget(grant.id));
                }
                Some(at) => over.add(&grant.owner_folder, at, grant.id),
                None => {}
            }
        }
        for id in over.too_many() {
            open.unsaved_uses.remove(&id);
            changes.push(Change::Forget(id));
        }
        let channels = registry.channels.grants.values();
        expired |= channels
            .into_iter()
            .any(|grant| has_expired(grant.expires_at));
        for (hash, session) in &registry.browsers {
            expired |= has_expired(session.ends_at);
            let key = registry.key_by_id(session.key);
            if !session.is_open(now) || key.is_none_or(|(_, key)| !key.is_live()) {
                changes.push(Change::Browser(*hash, None));
            }
        }
    }
    changes.extend(
        channels::past(shared, kept_since, now)
            .into_iter()
            .map(Change::Channel),
    );
    // Once something has expired that is written down: the clock may be set back, and we be killed.
    if expired || !changes.is_empty() {
        changes.push(Change::Latest(now));
        open.control.commit(&changes)?;
        open.latest = now;
        let mut registry = shared
            .registry
            .write()
            .expect("nothing panics under this lock");
        changes.iter().for_each(|change| registry.apply(change));
    }
    Ok(())
}
