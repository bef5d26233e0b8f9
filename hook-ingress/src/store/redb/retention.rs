//! Giving disk space back, a file at a time.
//!
//! The keeper looks, every now and then, for a sealed file in which nothing is pending and to
//! which nothing has happened for as long as messages are kept. It reads off the writer's way what
//! must survive: the providers' ids that still matter, and the events of messages in other files.
//! The writer looks once more, commits those, and lets go of the file, which the keeper then
//! shrinks away. A file in which only few bytes are pending has those carried to the newest first.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, atomic::Ordering},
};

use ::redb::ReadableTable;
use bytes::Bytes;
use doorbell_core::{message::Happening, time::Timestamp};
use roaring::RoaringTreemap;

use super::{
    entry::{self, Entry},
    events::{self, Event},
    fault::Fault,
    newest::Record,
    repeats::SeenRow,
    schema::{CARRIED, EVENTS, HEADS, MOVED},
    segment::{self, Segment, View},
    shared::Shared,
};

/// A file is given up although something in it is pending if that is at most one part in so many.
const FEW: u64 = 10;
/// With fewer origins than this a file is not sealed for their sake.
const FORGOTTEN: usize = if cfg!(test) { 64 } else { 1024 };
/// How long an event is, about, in bytes.
const EVENT_LEN: u64 = 32;
/// How many bytes are carried in one turn, about: arrivals wait for no more than that.
const CARRY_AT_ONCE: u64 = 1 << 20;

/// Pending messages on their way out of a file.
pub(super) struct Carry {
    pub(super) records: Vec<Record>,
}

/// What survives a file.
pub(super) struct Farewell {
    pub(super) segment: Arc<Segment>,
    /// The messages that go with it.
    pub(super) own: RoaringTreemap,
    /// Providers' ids that may still come again.
    pub(super) seen: Vec<([u8; 16], SeenRow)>,
    /// Events of messages that stay.
    pub(super) moved: Vec<(u64, Event)>,
}

/// What is to be done about a file.
pub(super) enum Step {
    Carry(Carry),
    Farewell(Farewell),
}

/// Files that were looked into in vain, and how they were then.
#[derive(Default)]
pub(super) struct Looked {
    sealed: HashMap<u64, Look>,
    /// The newest file by its first number. Once it is sealed it is looked at with other eyes.
    newest: Option<(u64, Look)>,
}

/// What has to change before another look into a file may find something else.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Look {
    live: usize,
    touched_at: u64,
    bytes: u64,
    /// How many files there are: whose events stand in it may have gone with another.
    files: usize,
}

impl Look {
    fn at(segment: &Segment, live: usize, files: usize) -> Self {
        Self {
            live,
            touched_at: segment.touched_at.load(Ordering::Relaxed),
            bytes: segment.bytes.load(Ordering::Relaxed),
            files,
        }
    }
}

impl Looked {
    /// Whether a sealed file may be of another use than when it was last looked into. One in which
    /// nothing is pending is looked into until it is gone.
    fn is_news(&mut self, first: u64, look: Look) -> bool {
        self.sealed.insert(first, look) != Some(look) || look.live == 0
    }

    fn is_news_of_newest(&mut self, first: u64, look: Look) -> bool {
        self.newest.replace((first, look)) != Some((first, look))
    }

    /// Only these files are there.
    fn keep(&mut self, chain: &[Arc<Segment>]) {
        let firsts: HashSet<u64> = chain.iter().map(|segment| segment.first).collect();
        self.sealed.retain(|first, _| firsts.contains(first));
    }
}

/// What stands in a file.
struct Inventory {
    /// Messages that are nowhere but here.
    entries: Vec<Entry>,
    events: Vec<(u64, Event)>,
}

impl Shared {
    /// Nothing that happened before this is kept.
    fn kept_since(&self) -> Timestamp {
        self.setup.clock.now().minus(self.setup.retain)
    }

    /// The messages that may stand in a file by its place in the chain.
    pub(super) fn range_of(&self, segment: &Segment) -> std::ops::Range<u64> {
        let chain = self.chain();
        let next = chain.iter().find(|other| other.first > segment.first);
        segment.first..next.map_or(u64::MAX, |next| next.first)
    }

    /// The messages in `range` that are pending, less those that were carried elsewhere, and those
    /// that were carried to this file.
    fn live_in(&self, segment: &Segment) -> HashSet<u64> {
        let range = self.range_of(segment);
        let away: HashSet<u64> = self
            .carried(range.clone())
            .into_iter()
            .map(|(seq, _)| seq)
            .collect();
        let here = self
            .carried(..)
            .into_iter()
            .filter(|(_, first)| *first == segment.first);
        let index = self.index();
        let mut live: HashSet<u64> = index
            .live_in(range)
            .into_iter()
            .filter(|seq| !away.contains(seq))
            .collect();
        live.extend(
            here.map(|(seq, _)| seq)
                .filter(|seq| index.live.contains(*seq)),
        );
        live
    }

    /// Whether the newest file ought to be sealed before it is full: when its messages are past
    /// their time and nearly nothing in it is still of use.
    pub(super) fn newest_is_stale(&self, looked: &mut Looked) -> Result<bool, Fault> {
        let chain = self.chain();
        let Some(newest) = chain.last() else {
            return Ok(false);
        };
        if !self.is_past(newest) {
            return Ok(false);
        }
        let live = self.live_in(newest);
        let look = Look::at(newest, live.len(), chain.len());
        if !looked.is_news_of_newest(newest.first, look) {
            return Ok(false);
        }
        let Inventory { entries, events } = inventory(self, newest)?;
        let is_live = |entry: &&Entry| live.contains(&entry.seq());
        let bytes = |events: usize| events as u64 * EVENT_LEN;
        let all = entries.iter().map(Entry::record_len).sum::<u64>() + bytes(events.len());
        let pending: u64 = entries.iter().filter(is_live).map(Entry::record_len).sum();
        // It may hold nothing but what happened to messages that have gone.
        let own = entries.iter().map(Entry::seq).collect();
        let still = pending + bytes(self.of_others(&own, events).len());
        Ok(all > 0 && still * FEW <= all)
    }

    /// Whether most of what the newest file is the last to name came through grants that are
    /// forgotten: who makes URLs without end would have each remembered until the file is full.
    pub(super) fn newest_is_forgotten(&self) -> bool {
        let Some(newest) = self.chain().last().cloned() else {
            return false;
        };
        let named = self.holdings.of_file(newest.first);
        let registry = self
            .registry
            .read()
            .expect("nothing panics under this lock");
        let is_forgotten = |number: &u32| {
            let origin = self.origins.get(*number);
            origin.is_none_or(|origin| !registry.knows(origin.grant))
        };
        named.len() >= FORGOTTEN
            && named.iter().filter(|it| is_forgotten(it)).count() * 2 > named.len()
    }

    fn is_past(&self, segment: &Segment) -> bool {
        let touched = Timestamp::from_millis(segment.touched_at.load(Ordering::Relaxed));
        touched < self.kept_since()
    }

    /// What is to be done next about the sealed files.
    pub(super) fn next_step(&self, looked: &mut Looked) -> Result<Option<Step>, Fault> {
        let chain = self.chain();
        let Some((_, sealed)) = chain.split_last() else {
            return Ok(None);
        };
        looked.keep(&chain);
        for segment in sealed.iter().filter(|segment| self.is_past(segment)) {
            let live = self.live_in(segment);
            let look = Look::at(segment, live.len(), chain.len());
            if !looked.is_news(segment.first, look) {
                continue;
            }
            let Inventory { entries, events } = inventory(self, segment)?;
            if live.is_empty() {
                return Ok(Some(Step::Farewell(self.farewell(
                    segment.clone(),
                    &entries,
                    events,
                ))));
            }
            let all: u64 = entries.iter().map(Entry::record_len).sum();
            let pending: Vec<&Entry> = entries
                .iter()
                .filter(|entry| live.contains(&entry.seq()))
                .collect();
            if pending.iter().map(|entry| entry.record_len()).sum::<u64>() * FEW <= all {
                let records = segment.read(|txn| {
                    let mut weight = 0;
                    let at_once = pending.iter().take_while(|entry| {
                        let taken = weight < CARRY_AT_ONCE;
                        weight += entry.record_len();
                        taken
                    });
                    at_once.map(|entry| record(txn, entry)).collect()
                })?;
                return Ok(Some(Step::Carry(Carry { records })));
            }
        }
        Ok(None)
    }

    fn farewell(
        &self,
        segment: Arc<Segment>,
        entries: &[Entry],
        events: Vec<(u64, Event)>,
    ) -> Farewell {
        let now = self.setup.clock.now();
        let seen = entries
            .iter()
            .filter_map(|entry| SeenRow::of(entry, now))
            .collect();
        let own: RoaringTreemap = entries.iter().map(Entry::seq).collect();
        let moved = self.of_others(&own, events);
        Farewell {
            segment,
            own,
            seen,
            moved,
        }
    }

    /// Those events of a file that outlive it: of messages that are kept elsewhere.
    fn of_others(&self, own: &RoaringTreemap, mut events: Vec<(u64, Event)>) -> Vec<(u64, Event)> {
        events.retain(|(_, event)| !own.contains(event.seq) && self.is_kept(event.seq));
        // Of repeats only the last tells how many there were.
        let index = self.index();
        let is_last = |event: &Event| {
            let known = index.repeats.get(&event.seq);
            known.is_some_and(|repeats| repeats.count <= event.lasts)
        };
        events.retain(|(_, event)| event.what != Happening::Repeated || is_last(event));
        events
    }
}

fn inventory(shared: &Shared, segment: &Segment) -> Result<Inventory, Fault> {
    segment.read(|txn| {
        let mut entries = Vec::new();
        let mut here = |entry: Entry| {
            let seq = entry.seq();
            let at = shared.carried(seq..=seq).first().map(|(_, first)| *first);
            if at.unwrap_or(segment.first) == segment.first {
                entries.push(shared.routed(entry));
            }
        };
        for row in txn.open_table(CARRIED)?.iter()? {
            let Ok(carried) = Entry::decode(txn.layout, row?.1.value()) else {
                continue;
            };
            // One that was carried on from here is not in the map under this file any more.
            let seq = carried.seq();
            if shared
                .carried(seq..=seq)
                .first()
                .is_some_and(|(_, at)| *at == segment.first)
            {
                here(carried);
            }
        }
        for row in txn.open_table(HEADS)?.iter()? {
            let row = row?.1;
            let entries = entry::decode_row(txn.layout, row.value());
            entries.filter_map(Result::ok).for_each(&mut here);
        }
        let mut events = Vec::new();
        for table in [MOVED, EVENTS] {
            for row in txn.open_table(table)?.iter()? {
                let (first, row) = row?;
                let row = events::decode_row(txn.layout, first.value(), row.value());
                events.extend(row.filter_map(Result::ok));
            }
        }
        Ok(Inventory { entries, events })
    })
}

fn record(txn: &View, entry: &Entry) -> Result<Record, Fault> {
    let len = usize::try_from(entry.record_len()).unwrap_or(usize::MAX);
    let bytes = segment::bytes(txn, u64::from(entry.at), len)?;
    Ok(Record {
        entry: *entry,
        head: Vec::new(),
        body: Bytes::from(bytes),
    })
}
