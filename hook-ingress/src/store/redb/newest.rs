//! The file that arrivals are written to.

use std::{collections::HashSet, path::Path, sync::Arc};

use ::redb::{Database, ReadableDatabase, ReadableTable};
use bytes::Bytes;

use super::{
    disk::Disk,
    entry::{ENTRIES_PER_ROW, ENTRY_LEN, Entry},
    events::{self, Event},
    fault::Fault,
    origin::{Origin, Origins},
    schema::{BODIES, CARRIED, EVENTS, HEADS, META, META_FIRST, MOVED, ORIGINS},
    segment::{self, Layout, Segment, View},
    stream::Tail,
};

/// A record that is to be written: what is known of it, and its bytes in one or two pieces.
pub(super) struct Record {
    pub(super) entry: Entry,
    pub(super) head: Vec<u8>,
    pub(super) body: Bytes,
}

/// Everything that one commit writes to the log.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) records: Vec<Record>,
    pub(super) events: Vec<Event>,
    /// Messages out of files that are to go.
    pub(super) carried: Vec<Record>,
    /// Events out of files that are to go, under their numbers.
    pub(super) moved: Vec<(u64, Event)>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
            && self.events.is_empty()
            && self.carried.is_empty()
            && self.moved.is_empty()
    }
}

/// The newest file, as the writer holds it.
pub(super) struct Newest {
    pub(super) segment: Arc<Segment>,
    db: Arc<Database>,
    tail: Tail,
    /// Origins that stand in this file already.
    origins: HashSet<u32>,
    /// Bytes of events, and of entries, which count towards its size too.
    other_bytes: u64,
    /// Whether its first sequence number stands in it.
    begun: bool,
    /// Whether a crash now would mean a repair that walks it.
    dirty: bool,
}

impl Newest {
    /// Takes up a file that is open for writing.
    pub(super) fn take(segment: Arc<Segment>, db: Arc<Database>) -> Result<Self, Fault> {
        let txn = db.begin_read()?;
        let tail = match txn.open_table(BODIES)?.last()? {
            Some((at, row)) => Tail::resume(at.value(), row.value()),
            None => Tail::default(),
        };
        let mut origins = HashSet::new();
        for row in txn.open_table(ORIGINS)?.iter()? {
            let (number, row) = row?;
            let number = u32::try_from(number.value()).unwrap_or(u32::MAX);
            // One that is damaged is written again if it is known from elsewhere.
            if Origin::decode(Layout::V2, number, row.value()).is_ok() {
                origins.insert(number);
            }
        }
        let mut other_bytes = 0;
        for table in [HEADS, EVENTS] {
            for row in txn.open_table(table)?.iter()? {
                other_bytes += row?.1.value().len() as u64;
            }
        }
        let begun = segment::first_of(&txn)?.is_some();
        drop(txn);
        // What it holds counts towards the bound from the start.
        let bytes = tail.end() + other_bytes;
        (segment.bytes).store(bytes, std::sync::atomic::Ordering::Relaxed);
        Ok(Self {
            segment,
            db,
            tail,
            origins,
            other_bytes,
            begun,
            dirty: true,
        })
    }

    /// How many bytes it holds.
    pub(super) fn bytes(&self) -> u64 {
        self.tail.end() + self.other_bytes
    }

    /// It as it stands now.
    pub(super) fn view(&self) -> Result<View, Fault> {
        View::newest(&self.db)
    }

    /// Whether it was ever written to.
    pub(super) fn begun(&self) -> bool {
        self.begun
    }

    /// Whether a quick-repair commit would make a crash cheaper.
    pub(super) fn dirty(&self) -> bool {
        self.dirty
    }

    /// Writes a batch. Once it returns the batch is durable.
    ///
    /// `first_event` is the number of its first event. Records' places are filled in.
    pub(super) fn commit(
        &mut self,
        batch: &mut Batch,
        first_event: u64,
        origins: &Origins,
    ) -> Result<(), Fault> {
        let txn = self.db.begin_write()?;
        if !self.begun {
            txn.open_table(META)?
                .insert(META_FIRST, &self.segment.first.to_le_bytes()[..])?;
            self.begun = true;
        }
        let records = batch.records.iter().chain(&batch.carried);
        let moved = batch.moved.iter().map(|(_, event)| event);
        let routed = batch.events.iter().chain(moved);
        let routed = routed.filter_map(|event| Some(event.routed?.0));
        for number in records.map(|record| record.entry.origin).chain(routed) {
            // One that a damaged file named is known to nobody.
            if let Some(origin) = origins.get(number)
                && self.origins.insert(number)
            {
                txn.open_table(ORIGINS)?
                    .insert(u64::from(number), &origin.encode(number)[..])?;
            }
        }
        if !batch.records.is_empty() || !batch.carried.is_empty() {
            let mut bodies = txn.open_table(BODIES)?;
            for record in batch.records.iter_mut().chain(&mut batch.carried) {
                record.entry.at = u32::try_from(self.tail.end())
                    .map_err(|_| Fault::Disk("a file is too long".into()))?;
                self.tail.push(&mut bodies, &record.head)?;
                self.tail.push(&mut bodies, &record.body)?;
            }
            self.tail.flush(&mut bodies)?;
        }
        let mut row = Vec::with_capacity(ENTRIES_PER_ROW * ENTRY_LEN);
        if !batch.records.is_empty() {
            let mut heads = txn.open_table(HEADS)?;
            for records in batch.records.chunks(ENTRIES_PER_ROW) {
                row.clear();
                records
                    .iter()
                    .for_each(|record| record.entry.encode(&mut row));
                heads.insert(records[0].entry.seq(), &row[..])?;
                self.other_bytes += row.len() as u64;
            }
        }
        if !batch.events.is_empty() {
            let mut table = txn.open_table(EVENTS)?;
            let mut number = first_event;
            events::encode_rows(&batch.events, |count, row| {
                table.insert(number, row)?;
                number += count;
                self.other_bytes += row.len() as u64;
                Ok::<_, Fault>(())
            })?;
        }
        if !batch.carried.is_empty() {
            let mut carried = txn.open_table(CARRIED)?;
            for record in &batch.carried {
                row.clear();
                record.entry.encode(&mut row);
                carried.insert(record.entry.seq(), &row[..])?;
            }
        }
        if !batch.moved.is_empty() {
            let mut moved = txn.open_table(MOVED)?;
            for (number, event) in &batch.moved {
                row.clear();
                event.encode(&mut row);
                moved.insert(number, &row[..])?;
            }
        }
        txn.commit()?;
        self.dirty = true;
        self.segment
            .bytes
            .store(self.bytes(), std::sync::atomic::Ordering::Relaxed);
        Ok(())
    }

    /// An empty commit after which a crash needs no repair.
    pub(super) fn settle_down(&mut self) -> Result<(), Fault> {
        let mut txn = self.db.begin_write()?;
        txn.set_quick_repair(true);
        txn.commit()?;
        self.dirty = false;
        Ok(())
    }
}

/// A file that is made ready before it is needed.
pub(super) fn prepare(disk: &dyn Disk, path: &Path) -> Result<Arc<Database>, Fault> {
    // Before there is another of this name, the last one's new name must be durable.
    disk.sync_dir(path.parent().expect("a log file is in a directory"))?;
    Ok(Arc::new(segment::open_newest(disk, path)?.0))
}
