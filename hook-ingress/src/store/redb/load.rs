//! Opening the files and rebuilding what is kept in memory: entries and events are read, bodies
//! are not.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, atomic::Ordering, mpsc},
    time::Duration,
};

use ::redb::{Database, ReadableDatabase, ReadableTable};
use doorbell_core::{
    address::Inbox,
    grant::GrantId,
    label::SessionId,
    message::{Happening, MessageId},
    rates::Rates,
    time::Timestamp,
};

use super::{
    codec::{In, Unreadable},
    control::Control,
    damage,
    dedupe::Seen,
    entry::{self, Entry},
    events::{self, Event, ROW_LEN},
    fault::{Fault, guarded},
    index::Index,
    newest::Newest,
    origin::Origin,
    registry::Registry,
    schema::{
        CARRIED, CONTROL_FILE, DRAFT_SUFFIX, EVENTS, GONE_SUFFIX, HEADS, MOVED, NEXT_FILE, ORIGINS,
        log_first, log_path,
    },
    segment::{self, Handle, Layout, Segment, View},
    shared::Shared,
    upgrade,
};

/// From where on it is told that the machine's clock lies behind.
const FAR_BEHIND: Duration = Duration::from_secs(60);

/// What the writer alone holds of an open store.
pub(super) struct Open {
    pub(super) control: Control,
    pub(super) newest: Newest,
    pub(super) seen: Seen,
    pub(super) next_seq: u64,
    pub(super) next_event: u64,
    /// The time in the last id: the next is not before it.
    pub(super) last_millis: u64,
    /// Uses of grants that the control file does not know of.
    pub(super) unsaved_uses: HashMap<GrantId, Timestamp>,
    /// The latest time that the control file knows of.
    pub(super) latest: Timestamp,
}

/// Opens everything and puts it in place.
pub(super) fn open(shared: &Shared) -> Result<Open, Fault> {
    let setup = &shared.setup;
    let disk = &*setup.disk;
    let control_path = setup.dir.join(CONTROL_FILE);
    let mut logs = false;
    let mut control = false;
    for path in disk.list(&setup.dir)? {
        let name = path.to_string_lossy();
        if name.ends_with(GONE_SUFFIX) || name.ends_with(DRAFT_SUFFIX) {
            disk.remove(&path)?;
        }
        logs |= log_first(&path).is_some();
        control |= path == control_path;
    }
    if logs && !control {
        // Made anew it would lock out everyone who was let in.
        return Err(Fault::Damaged(format!("{CONTROL_FILE} is missing").into()));
    }
    let (control, mut contents) = Control::open(disk, &control_path)?;
    go_on_from(shared, contents.latest);
    let (segments, newest_db) = open_chain(shared)?;
    shared.rerouted.clear();
    shared.holdings.clear();
    let mut load = Load::new(shared);
    load.seen_before(&contents.seen);
    load.sessions_1 = std::mem::take(&mut contents.sessions_1);
    let saved_latest = contents.latest;
    let mut registry = Registry::new(contents);
    for segment in &segments {
        load.files.insert(segment.first, segment.clone());
        segment.read(|txn| load.first_pass(segment, txn))?;
    }
    // The set of providers' ids takes as long to build as all the rest: it has a core of its own.
    let seen = std::thread::scope(|scope| {
        let (hashes, coming) = mpsc::channel::<Vec<([u8; 16], u64)>>();
        let building = scope.spawn(move || {
            let mut seen = Seen::default();
            for (hash, seq) in coming.into_iter().flatten() {
                seen.insert(&hash, seq);
            }
            seen
        });
        for segment in &segments {
            segment.read(|txn| load.second_pass(segment, txn))?;
            segment.close_if_idle();
            // It ends when this side does, not before.
            let _ = hashes.send(std::mem::take(&mut load.hashes));
        }
        drop(hashes);
        Ok::<_, Fault>(building.join().expect("building the set does not panic"))
    })?;
    load.moved_before(u64::MAX);
    load.end_run();
    let Load {
        mut index,
        uses,
        carried,
        next_seq,
        next_event,
        last_millis,
        latest,
        ..
    } = load;
    go_on_from(shared, latest);
    let mut unsaved_uses = HashMap::new();
    for (number, at) in uses {
        let Some(origin) = shared.origins.get(number) else {
            continue;
        };
        // Messages may be kept longer than the grant they came through.
        let known = registry.knows(origin.grant);
        let used = registry.last_used(origin.grant);
        if known && used.is_none_or(|used| used < at) {
            registry.used(origin.grant, at);
            unsaved_uses.insert(origin.grant, at);
        }
    }
    let newest_segment = segments
        .last()
        .expect("there is always a newest file")
        .clone();
    let next_seq = next_seq.max(newest_segment.first);
    let path = newest_segment.path.clone();
    let newest = guarded(&path, || Newest::take(newest_segment, newest_db))?;
    {
        let mut current = shared.index();
        index.keep_leases_of(&current);
        *current = index;
    }
    shared.change_carried(|map| *map = carried);
    *shared
        .registry
        .write()
        .expect("nothing panics under this lock") = registry;
    shared.set_chain(segments);
    shared.end.store(next_seq - 1, Ordering::Release);
    shared.find_lingering();
    Ok(Open {
        control,
        newest,
        seen,
        next_seq,
        next_event,
        // Where every message is gone, ids go on all the same.
        last_millis: last_millis.max(saved_latest.as_millis()),
        unsaved_uses,
        latest: saved_latest,
    })
}

/// It was this late once: what has expired stays so, whatever the machine's clock says now.
fn go_on_from(shared: &Shared, latest: Timestamp) {
    let clock = &shared.setup.clock;
    let behind = latest.since(clock.now());
    if behind >= FAR_BEHIND {
        tracing::warn!(
            seconds = behind.as_secs(),
            %latest,
            "the machine's clock is behind the time at which this store was last written; times go \
             on from then, an eighth slower, until it has caught up: set the clock right"
        );
    }
    clock.not_before(latest);
}

/// Opens the newest file for writing and finds the others; makes the first if there is none.
fn open_chain(shared: &Shared) -> Result<(Vec<Arc<Segment>>, Arc<Database>), Fault> {
    let setup = &shared.setup;
    let next = setup.dir.join(NEXT_FILE);
    let mut paths = setup.disk.list(&setup.dir)?;
    if paths.contains(&next) {
        // It may have become a link of the chain just before its new name became durable.
        let (db, _) = segment::open_newest(&*setup.disk, &next)?;
        let first = segment::first_of(&db.begin_read()?)?;
        db.close()?;
        match first {
            Some(first) => setup.disk.rename(&next, &log_path(&setup.dir, first))?,
            None => {
                // It shrinks step by step: under a name that says so, or a crash meanwhile would
                // leave a torn file where a whole one is looked for.
                let mut gone = next.clone().into_os_string();
                gone.push(GONE_SUFFIX);
                setup.disk.rename(&next, gone.as_ref())?;
                setup.disk.sync_dir(&setup.dir)?;
                setup.disk.remove(gone.as_ref())?;
            }
        }
        paths = setup.disk.list(&setup.dir)?;
    }
    let mut firsts: Vec<u64> = paths.iter().filter_map(|path| log_first(path)).collect();
    firsts.sort_unstable();
    let mut newest = firsts.pop().unwrap_or(1);
    let path = log_path(&setup.dir, newest);
    let (mut db, layout) = segment::open_newest(&*setup.disk, &path)?;
    if layout == Layout::V1 {
        let next = guarded(&path, || upgrade::seal(db, newest))?;
        if let Some(next) = next {
            firsts.push(newest);
            newest = next;
        }
        let path = log_path(&setup.dir, newest);
        db = segment::open_newest(&*setup.disk, &path)?.0;
    }
    let db = Arc::new(db);
    let segment = |first, handle| {
        Segment::new(
            first,
            log_path(&setup.dir, first),
            handle,
            setup.disk.clone(),
        )
    };
    let mut chain = Vec::with_capacity(firsts.len() + 1);
    for first in firsts {
        let segment = segment(first, Handle::Closed);
        segment
            .bytes
            .store(setup.disk.len(&segment.path)?, Ordering::Relaxed);
        chain.push(Arc::new(segment));
    }
    chain.push(Arc::new(segment(newest, Handle::Newest(db.clone()))));
    Ok((chain, db))
}

/// What was read of a file, if it is what was written. What is not is left out and named: the rest of
/// the file is as good as before.
fn whole<T>(read: Result<T, Unreadable>, segment: &Segment, table: &str, number: u64) -> Option<T> {
    let file = segment.path.file_name().unwrap_or_default();
    damage::whole(
        &file.to_string_lossy(),
        format_args!("{table} {number}"),
        read,
    )
}

struct Load<'a> {
    shared: &'a Shared,
    files: BTreeMap<u64, Arc<Segment>>,
    index: Index,
    /// Providers' ids on their way into the set.
    hashes: Vec<([u8; 16], u64)>,
    /// The number of each message's origin, by file.
    numbers: BTreeMap<u64, Vec<u32>>,
    carried: BTreeMap<u64, u64>,
    carried_numbers: HashMap<u64, u32>,
    moved: BTreeMap<u64, Event>,
    uses: HashMap<u32, Timestamp>,
    /// The origin of the last message, and when that came.
    run: Option<(u32, Arc<Origin>, Timestamp)>,
    next_seq: u64,
    next_event: u64,
    last_millis: u64,
    /// The latest time that anything came or happened.
    latest: Timestamp,
    /// Hashes of messages that came before their window do not matter any more.
    now: Timestamp,
    /// When the sessions were made that files of format 1 name.
    sessions_1: HashMap<SessionId, Timestamp>,
}

/// More messages than any file has, of the smallest there are.
const MOST_IN_A_FILE: usize = 1 << 24;
/// More events than ever happen.
const MOST_EVENTS: u64 = 1 << 56;
/// No message by that number.
const NONE: u32 = u32::MAX;

impl<'a> Load<'a> {
    fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            files: BTreeMap::new(),
            index: Index {
                skew: shared.setup.clock.skew(),
                ..Index::default()
            },
            hashes: Vec::new(),
            numbers: BTreeMap::new(),
            carried: BTreeMap::new(),
            carried_numbers: HashMap::new(),
            moved: BTreeMap::new(),
            uses: HashMap::new(),
            run: None,
            next_seq: 1,
            next_event: 1,
            last_millis: 0,
            latest: Timestamp::default(),
            now: shared.setup.clock.now(),
            sessions_1: HashMap::new(),
        }
    }

    fn seen_before(&mut self, seen: &[([u8; 16], MessageId)]) {
        for (hash, id) in seen {
            self.hashes.push((*hash, entry::seq_of(*id)));
            self.last_millis = self.last_millis.max(entry::millis_of(*id));
        }
    }

    /// Origins, and what came here out of files that are gone.
    fn first_pass(&mut self, segment: &Segment, txn: &View) -> Result<(), Fault> {
        for row in txn.open_table(ORIGINS)?.iter()? {
            let (number, origin) = row?;
            let number = u32::try_from(number.value())
                .map_err(|_| Fault::Damaged("an origin's number is too large".into()))?;
            let origin = Origin::decode(txn.layout, number, origin.value());
            let Some(mut origin) = whole(origin, segment, "origins", number.into()) else {
                self.shared.origins.skip(number);
                continue;
            };
            if txn.layout == Layout::V1
                && let Inbox::Session(session) = &mut origin.to.inbox
            {
                session.made = self
                    .sessions_1
                    .get(&session.id)
                    .copied()
                    .unwrap_or_default();
            }
            self.shared.origins.learn(number, origin);
        }
        for row in txn.open_table(CARRIED)?.iter()? {
            let (seq, value) = row?;
            let entry = entry::at(txn.layout, seq.value(), value.value());
            // A carried message is older than the file: another number is none.
            if seq.value() < segment.first {
                self.next_seq = self.next_seq.max(seq.value() + 1);
            }
            if let Some(entry) = whole(entry, segment, "carried", seq.value()) {
                self.carried.insert(seq.value(), segment.first);
                self.carried_numbers.insert(seq.value(), entry.origin);
            }
        }
        for row in txn.open_table(MOVED)?.iter()? {
            let (number, value) = row?;
            let event = Event::decode(txn.layout, &mut In(value.value()));
            if let Some(event) = whole(event, segment, "moved", number.value()) {
                self.moved.insert(number.value(), event);
            }
            self.next_event = self.next_event.max(number.value() + 1);
        }
        Ok(())
    }

    /// Entries and events, in their order.
    fn second_pass(&mut self, segment: &Arc<Segment>, txn: &View) -> Result<(), Fault> {
        for row in txn.open_table(CARRIED)?.iter()? {
            let (seq, row) = row?;
            let Ok(entry) = entry::at(txn.layout, seq.value(), row.value()) else {
                continue;
            };
            if self.carried.get(&entry.seq()) == Some(&segment.first) {
                self.arrived(segment, &entry)?;
            }
        }
        let mut numbers = Vec::new();
        for row in txn.open_table(HEADS)?.iter()? {
            let (first, row) = row?;
            let seqs = first.value()..;
            for (seq, entry) in seqs.zip(entry::decode_row(txn.layout, row.value())) {
                let place = (seq.checked_sub(segment.first))
                    .and_then(|place| usize::try_from(place).ok())
                    .filter(|place| (numbers.len()..MOST_IN_A_FILE).contains(place));
                let Some(place) = place else {
                    // Not the number of any message in this file: the key is damaged, too.
                    whole::<()>(Err(Unreadable), segment, "heads", seq);
                    break;
                };
                numbers.resize(place, NONE);
                segment.last.fetch_max(seq, Ordering::Relaxed);
                self.next_seq = self.next_seq.max(seq + 1);
                let entry = entry.and_then(|entry| entry.of(seq));
                let Some(entry) = whole(entry, segment, "heads", seq) else {
                    numbers.push(NONE);
                    continue;
                };
                numbers.push(entry.origin);
                self.last_millis = self.last_millis.max(entry::millis_of(entry.id));
                if !self.carried.contains_key(&seq) {
                    self.arrived(segment, &entry)?;
                }
            }
        }
        self.numbers.insert(segment.first, numbers);
        for row in txn.open_table(EVENTS)?.iter()? {
            let (first, row) = row?;
            for event in events::decode_row(txn.layout, first.value(), row.value()) {
                let event = whole(event, segment, "events", first.value());
                let Some((number, event)) = event else {
                    // How many stood behind it is not known; a row has no more than this.
                    // Where its key is damaged, too, it says nothing of the others.
                    if first.value() < MOST_EVENTS {
                        self.next_event = self.next_event.max(first.value() + ROW_LEN as u64);
                    }
                    break;
                };
                self.moved_before(number);
                self.happened(&event);
                if event.what != Happening::Repeated
                    && let Some(file) = self.files.get(&self.file_of(event.seq))
                {
                    file.touch(event.at.as_millis());
                }
                self.next_event = self.next_event.max(number + 1);
            }
        }
        Ok(())
    }

    fn arrived(&mut self, segment: &Segment, entry: &Entry) -> Result<(), Fault> {
        let (seq, number) = (entry.seq(), entry.origin);
        // Messages of one origin come in runs.
        let origin = match self.run.take() {
            Some((of, origin, _)) if of == number => origin,
            other => {
                self.run = other;
                self.end_run();
                let origin = self.shared.origins.get(number);
                let named = origin.ok_or(Unreadable);
                match whole(named, segment, "the origin of", seq) {
                    Some(origin) => origin,
                    // Nobody can tell whose it is.
                    None => return Ok(()),
                }
            }
        };
        let bytes = entry.record_len();
        (self.shared.holdings).add(segment.first, number, origin.grant, bytes);
        self.index.arrive(seq, number, &origin, entry.mode);
        if Rates::matters(entry.received_at, self.now) {
            self.index.rates.count(&origin.to.folder, entry.received_at);
        }
        segment.touch(entry.received_at.as_millis());
        self.latest = self.latest.max(entry.received_at);
        if let Some(hash) = &entry.dedupe
            && entry.received_at > self.now.minus(entry.kind.dedupe_window())
        {
            self.hashes.push((hash.key(), seq));
        }
        self.run = Some((number, origin, entry.received_at));
        Ok(())
    }

    fn end_run(&mut self) {
        if let Some((number, _, at)) = self.run.take() {
            self.uses.insert(number, at);
        }
    }

    /// The first number of the file that a message is in.
    fn file_of(&self, seq: u64) -> u64 {
        let carried = self.carried.get(&seq).copied();
        let arrived = || {
            self.files
                .range(..=seq)
                .next_back()
                .map_or(0, |(first, _)| *first)
        };
        carried.unwrap_or_else(arrived)
    }

    fn happened(&mut self, event: &Event) {
        let rerouted = self.shared.rerouted.get(event.seq);
        self.latest = self.latest.max(event.at);
        let carried = self.carried_numbers.get(&event.seq).copied();
        let number = rerouted
            .map(|(number, _)| number)
            .or(carried)
            .unwrap_or_else(|| {
                let file = self.numbers.range(..=event.seq).next_back();
                file.and_then(|(first, numbers)| {
                    numbers
                        .get(usize::try_from(event.seq - first).ok()?)
                        .copied()
                })
                .unwrap_or(NONE)
            });
        let Some(to) = event.routed else {
            // Nobody can tell whose it is that came by an origin which is damaged.
            let known = || self.shared.origins.get(number).is_some();
            if number != NONE && (event.what != Happening::Replayed || known()) {
                self.index.apply(event, number);
            }
            return;
        };
        match self.shared.origins.get(to.0) {
            Some(origin) if number != NONE => {
                self.index.reroute(event, number, to, &origin);
                self.shared.rerouted.set(event.seq, to);
            }
            Some(_) => {}
            None => {
                let (number, origin) = (event.seq, to.0);
                tracing::error!(
                    number,
                    origin,
                    "damaged: it is not known where a message went"
                );
            }
        }
    }

    /// Events that were moved keep their place among the others.
    fn moved_before(&mut self, number: u64) {
        while let Some(first) = self.moved.first_entry()
            && *first.key() < number
        {
            let event = first.remove();
            self.happened(&event);
        }
    }
}
