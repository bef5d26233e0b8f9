//! Reading: messages by number, pages of the log, one message and its life.

use std::{collections::HashMap, sync::Arc};

use ::redb::ReadableTable;
use doorbell_core::{
    acl::Scope,
    message::{Cursor, Happening, LifeEvent, MAX_ATTEMPTS, Message, MessageId, Reason, State},
    ports::{Detail, Order, Page, ReadRequest},
    time::Timestamp,
};

use crate::log_limit::LineLimit;

use super::{
    entry::{self, Entry, seq_of},
    events,
    fault::{Fault, caught},
    origin::Origin,
    record::{self, Front},
    schema::{CARRIED, EVENTS, HEADS, MOVED},
    segment::{self, Segment, View},
    shared::Shared,
};

/// Whoever may read may read the same damage over and over, and must not fill a disk with it.
static DAMAGE_LINES: LineLimit = LineLimit::new();

/// How often a message is looked for while files come and go.
const TRIES: usize = 4;

/// What a message's record holds, as much of the body as is asked for, once it was found to be what
/// was written.
fn record(
    records: &mut segment::Records,
    entry: &Entry,
    body_limit: usize,
) -> Result<(Front, Vec<u8>), Fault> {
    let head_len = entry.head_len as usize;
    let (body_len, at) = (entry.body_len as usize, u64::from(entry.at));
    let shown = body_len.min(body_limit);
    let read = match entry.check {
        Some(_) => record::to_read(body_len, shown),
        None => shown,
    };
    // By itself, so that whoever shows it need not move it.
    let mut body = records.bytes(at + head_len as u64, read)?;
    let bytes = records.passing(at, head_len)?;
    let front = record::decode_front(bytes)?;
    if !record::is_whole(entry.check, bytes, &front.checks, &body) {
        return Err(Fault::Damaged("its checksum does not hold".into()));
    }
    body.truncate(shown);
    Ok((front, body))
}

impl Shared {
    /// Reads from the file that a message is in. It may be moving to another one meanwhile.
    fn in_file_of<T>(
        &self,
        seq: u64,
        read: impl Fn(&View) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        let mut last = Ok(None);
        for _ in 0..TRIES {
            let Some(segment) = self.segment_of(seq) else {
                return Ok(None);
            };
            last = segment.read(&read).map(Some);
            let same = self
                .segment_of(seq)
                .is_some_and(|now| Arc::ptr_eq(&now, &segment));
            if last.is_ok() || same {
                break;
            }
        }
        last
    }

    /// The entry behind an id, if there is one and it is durable and known.
    pub(super) fn entry(&self, id: MessageId) -> Result<Option<Entry>, Fault> {
        let seq = seq_of(id);
        if seq > self.end() {
            return Ok(None);
        }
        let entry = self
            .in_file_of(seq, |txn| segment::entry(txn, seq))?
            .flatten();
        Ok(entry.filter(|entry| entry.id == id))
    }

    /// Messages by number, in the order asked for, as they stand at `now`.
    ///
    /// Those that follow each other in one file are read in one go: most of what they need stands
    /// in the rows that the one before needed.
    pub(super) fn messages(
        &self,
        seqs: &[u64],
        body_limit: usize,
        now: Timestamp,
    ) -> Result<Vec<Message>, Fault> {
        let mut messages = Vec::with_capacity(seqs.len());
        let mut rest = seqs;
        while let Some(first) = rest.first() {
            let (run, others) = rest.split_at(self.together(rest));
            rest = others;
            let together = self.in_file_of(*first, |txn| {
                let mut records = segment::Records::open(txn)?;
                let read = run
                    .iter()
                    .map(|seq| self.show(&mut records, *seq, body_limit, now));
                read.collect::<Result<Vec<_>, _>>()
            })?;
            for (seq, message) in run.iter().zip(together.into_iter().flatten()) {
                // What is missing may have been carried elsewhere while the file was read.
                let found = match message {
                    Some(message) => Some(message),
                    None => self
                        .in_file_of(*seq, |txn| {
                            self.show(&mut segment::Records::open(txn)?, *seq, body_limit, now)
                        })?
                        .flatten(),
                };
                messages.extend(found);
            }
        }
        Ok(messages)
    }

    /// A message as it stands at `now`, out of its file.
    fn show(
        &self,
        records: &mut segment::Records,
        seq: u64,
        body_limit: usize,
        now: Timestamp,
    ) -> Result<Option<Message>, Fault> {
        let entry = match caught(|| records.entry(seq)) {
            Ok(Some(entry)) => entry,
            Ok(None) => return Ok(None),
            Err(Fault::Damaged(why)) => {
                tracing::error!(number = seq, %why, "damaged: it is not known which message this was");
                return Ok(None);
            }
            Err(other) => return Err(other),
        };
        let entry = self.routed(entry);
        let origin = self
            .origins
            .get(entry.origin)
            .ok_or_else(|| Fault::Damaged("a message's origin is missing".into()))?;
        let (front, body, damaged) = match caught(|| record(records, &entry, body_limit)) {
            Ok((front, body)) => (front, body, false),
            Err(Fault::Damaged(why)) => {
                let file = self.segment_of(seq);
                let file = file.map(|segment| super::backup::name_of(&segment.path));
                if let Some(kept_back) = DAMAGE_LINES.take(std::time::Instant::now()) {
                    tracing::error!(id = %entry.id, file, %why, kept_back, "a message is damaged");
                }
                (Front::default(), Vec::new(), true)
            }
            Err(other) => return Err(other),
        };
        let (state, attempt) = {
            let index = self.index();
            (index.state(seq, entry.mode, now), index.attempts.of(seq))
        };
        Ok(Some(Message {
            id: entry.id,
            cursor: Cursor(seq),
            address: origin.address.clone(),
            sender: origin.sender.clone(),
            grant: origin.grant,
            context: origin.context.clone(),
            to: origin.to.clone(),
            rule: origin.rule.clone(),
            kind: entry.kind,
            mode: entry.mode,
            received_at: entry.received_at,
            head: front.head,
            body: body.into(),
            body_bytes: u64::from(entry.body_len),
            attempt,
            state,
            repeat_of: front.repeat_of,
            test: entry.test,
            damaged,
        }))
    }

    /// One message and its life, if it is in scope.
    pub(super) fn detail(
        &self,
        id: MessageId,
        scope: &Scope,
        body_limit: usize,
        now: Timestamp,
    ) -> Result<Option<Detail>, Fault> {
        let Some(target) = self.target(id, scope)? else {
            return Ok(None);
        };
        let origin = self.origins.get(target.origin);
        if origin.is_some_and(|origin| self.is_forgotten(&origin, now)) {
            return Ok(None);
        }
        let seq = seq_of(id);
        let Some(message) = self.messages(&[seq], body_limit, now)?.pop() else {
            return Ok(None);
        };
        let mut life = self.life(seq)?;
        // That its last lease ended is nobody's doing; it may not be written down yet.
        let index = self.index();
        if message.state == State::Dead
            && message.attempt >= MAX_ATTEMPTS
            && life
                .last()
                .is_some_and(|event| event.what == Happening::Leased)
            && let Some(hold) = index.holds.get(&seq)
        {
            life.push(LifeEvent {
                what: Happening::Died,
                at: hold.until.shifted(-index.skew),
                attempt: message.attempt,
                attempted: true,
                reason: Some(Reason::lease_ended()),
            });
        }
        let repeats = index.repeats.get(&seq).copied();
        drop(index);
        Ok(Some(Detail {
            message,
            life,
            repeats,
        }))
    }

    fn life(&self, seq: u64) -> Result<Vec<LifeEvent>, Fault> {
        let mut life = Vec::new();
        let chain = self.chain();
        let from = chain
            .partition_point(|segment| segment.first <= seq)
            .saturating_sub(1);
        for segment in &chain[from..] {
            segment.read(|txn| {
                for table in [EVENTS, MOVED] {
                    for row in txn.open_table(table)?.iter()? {
                        let (first, row) = row?;
                        let events = events::decode_row(txn.layout, first.value(), row.value());
                        // Of one that is damaged the start told.
                        for (number, event) in events.filter_map(Result::ok) {
                            if event.seq == seq && event.what != Happening::Repeated {
                                life.push((number, event.life()));
                            }
                        }
                    }
                }
                Ok(())
            })?;
        }
        life.sort_by_key(|(number, _)| *number);
        life.dedup_by_key(|(number, _)| *number);
        Ok(life.into_iter().map(|(_, event)| event).collect())
    }

    /// A page of the log.
    pub(super) fn page(&self, request: &ReadRequest) -> Result<Page, Fault> {
        let forwards = request.order == Order::OldestFirst;
        let end = self.end();
        let from = match (request.cursor, forwards) {
            (Some(Cursor(seq)), _) => seq,
            (None, true) => 0,
            (None, false) => end + 1,
        };
        let mut reader = PageReader {
            shared: self,
            request,
            wanted: HashMap::new(),
            page: Page {
                messages: Vec::new(),
                cursor: Cursor(from),
                more: false,
            },
            bytes: 0,
        };
        // What was carried comes in its place among the files that are left.
        let (low, high) = if forwards {
            (from.saturating_add(1), end)
        } else {
            (1, from.saturating_sub(1).min(end))
        };
        if low > high {
            return Ok(reader.page);
        }
        let chain = self.chain();
        let mut carried = self.carried(low..=high);
        let mut files: Vec<&Arc<Segment>> = chain.iter().collect();
        if !forwards {
            files.reverse();
            carried.reverse();
        }
        let mut carried = carried.into_iter().peekable();
        for (i, segment) in files.iter().enumerate() {
            let after = chain.get(chain.len().wrapping_sub(i)).filter(|_| !forwards);
            let upper = if forwards {
                files.get(i + 1).map_or(u64::MAX, |next| next.first)
            } else {
                after.map_or(u64::MAX, |next| next.first)
            };
            if upper <= low || segment.first > high {
                continue;
            }
            // Carried messages that stand before this file, in the order of the page.
            while let Some((seq, _)) = carried.next_if(|(seq, _)| {
                if forwards {
                    *seq < segment.first
                } else {
                    *seq >= upper
                }
            }) {
                if !reader.one(seq)? {
                    return Ok(reader.page);
                }
            }
            let (low, high) = (low.max(segment.first), high.min(upper - 1));
            let read = segment.read(|txn| reader.file(txn, low, high, forwards, &mut carried));
            if let Err(Fault::Damaged(why)) = read {
                // What is whole in the others is as good as before.
                if let Some(kept_back) = DAMAGE_LINES.take(std::time::Instant::now()) {
                    tracing::error!(
                        %why, kept_back, "a page of the log leaves out what is damaged"
                    );
                }
            } else {
                read?;
            }
            if reader.page.more {
                return Ok(reader.page);
            }
        }
        for (seq, _) in carried {
            if !reader.one(seq)? {
                break;
            }
        }
        Ok(reader.page)
    }
}

struct PageReader<'a> {
    shared: &'a Shared,
    request: &'a ReadRequest,
    /// Whether messages of an origin are in scope and match: decided once per origin.
    wanted: HashMap<u32, bool>,
    page: Page,
    /// How many of the budget's bytes are in the page.
    bytes: usize,
}

type Carried = std::iter::Peekable<std::vec::IntoIter<(u64, u64)>>;

impl PageReader<'_> {
    /// Whether the page goes on to this message: false, and that it does not end with the log is
    /// noted, where it is full.
    fn goes_on(&mut self, entry: &Entry, wanted: bool) -> bool {
        let messages = self.page.messages.len();
        let bytes = self.bytes + self.size(entry);
        let over = wanted && messages > 0 && bytes > self.request.budget;
        self.page.more = over || messages >= self.request.limit;
        !self.page.more
    }

    /// How many bytes of a message the page would hold.
    fn size(&self, entry: &Entry) -> usize {
        entry.head_len as usize + (entry.body_len as usize).min(self.request.body_limit)
    }

    /// The messages of one file, from `low` to `high`.
    fn file(
        &mut self,
        txn: &View,
        low: u64,
        high: u64,
        forwards: bool,
        carried: &mut Carried,
    ) -> Result<(), Fault> {
        let mut records = segment::Records::open(txn)?;
        let heads = txn.open_table(HEADS)?;
        let start = heads.range(..=low)?.next_back().transpose()?;
        let start = start.map_or(low, |(first, _)| first.value());
        let mut rows = heads.range(start..=high)?;
        while let Some(row) = if forwards {
            rows.next()
        } else {
            rows.next_back()
        } {
            let (_, row) = row?;
            // Of one that is damaged the start told.
            let mut entries: Vec<_> = entry::decode_row(txn.layout, row.value())
                .filter_map(Result::ok)
                .collect();
            if !forwards {
                entries.reverse();
            }
            for entry in entries {
                let seq = entry.seq();
                if seq < low || seq > high {
                    continue;
                }
                // Behind the last message of a file there may be some of a file that is gone. They
                // are in a later file than this one, so no file is locked twice.
                while let Some((at, _)) =
                    carried.next_if(|(at, _)| if forwards { *at < seq } else { *at > seq })
                {
                    if !self.one(at)? {
                        return Ok(());
                    }
                }
                // One that was carried may still stand in its old file too.
                carried.next_if(|(at, _)| *at == seq);
                if !self.take(&mut records, &entry)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// A message that was carried. False: the page is full.
    fn one(&mut self, seq: u64) -> Result<bool, Fault> {
        let found = self.shared.in_file_of(seq, |txn| {
            let row = txn.open_table(CARRIED)?.get(seq)?;
            Ok(row
                .map(|row| Entry::decode(txn.layout, row.value()))
                .transpose()?)
        })?;
        let Some(entry) = found.flatten() else {
            return Ok(true);
        };
        let entry = self.shared.routed(entry);
        let wanted = self.wants(&entry);
        if !self.goes_on(&entry, wanted) {
            return Ok(false);
        }
        self.page.cursor = Cursor(seq);
        if wanted {
            self.bytes += self.size(&entry);
            let messages =
                self.shared
                    .messages(&[seq], self.request.body_limit, self.request.now)?;
            self.page.messages.extend(messages);
        }
        Ok(true)
    }

    /// A message of the file that is read. False: the page is full.
    fn take(&mut self, records: &mut segment::Records, entry: &Entry) -> Result<bool, Fault> {
        let wanted = self.wants(&self.shared.routed(*entry));
        if !self.goes_on(entry, wanted) {
            return Ok(false);
        }
        self.page.cursor = Cursor(entry.seq());
        if wanted {
            self.bytes += self.size(entry);
            let ReadRequest {
                body_limit, now, ..
            } = *self.request;
            let message = self.shared.show(records, entry.seq(), body_limit, now)?;
            self.page.messages.extend(message);
        }
        Ok(true)
    }

    fn wants(&mut self, entry: &Entry) -> bool {
        let Self {
            shared,
            request,
            wanted,
            ..
        } = self;
        let by_origin = *wanted.entry(entry.origin).or_insert_with(|| {
            let within = request.within.as_ref();
            let in_reach = |origin: &Origin| {
                request.scope.covers(&origin.to.folder)
                    && !shared.is_forgotten(origin, request.now)
                    && within.is_none_or(|folder| folder.contains(&origin.to.folder))
                    && request
                        .pattern
                        .as_ref()
                        .is_none_or(|pattern| pattern.matches(&origin.address_text))
            };
            shared
                .origins
                .get(entry.origin)
                .is_some_and(|origin| in_reach(&origin))
        });
        let at = entry.received_at;
        by_origin
            && request.since.is_none_or(|since| since <= at)
            && request.until.is_none_or(|until| at < until)
            && request.state.is_none_or(|state| {
                shared.index().state(entry.seq(), entry.mode, request.now) == state
            })
    }
}
