//! Providers' ids that outlived the files their messages were in. A file may hold hundreds of thousands,
//! and arrivals wait for the writer: they are written down, and looked through, in parts.

use std::time::{Duration, Instant};

use ::redb::{ReadTransaction, ReadableTable};
use doorbell_core::message::DEDUPE_WINDOW;

use super::{
    command::Command, control, control::Change, fault::Fault, keeper::Keeper, repeats::SeenRow,
    schema::SEEN,
};

/// How many are written down or forgotten in one turn of the writer.
const AT_ONCE: usize = if cfg!(test) { 100 } else { 2048 };
/// To look through all of them takes at most one part in so many of the time.
const SELDOM: u32 = 200;

impl Keeper {
    /// Writes down the ids of a file that is to go.
    pub(super) fn remember_seen(&self, seen: &[([u8; 16], SeenRow)]) -> Result<(), Fault> {
        for part in seen.chunks(AT_ONCE) {
            let changes = part.iter().map(|(hash, row)| Change::Seen(*hash, *row));
            let changes = changes.collect();
            self.ask(|answer| Command::ChangeSeen(changes, answer))?;
        }
        Ok(())
    }

    /// Forgets those that are past their window: the lowest number of a message whose id still counts
    /// and that is in no file. Nothing, where they were looked through a moment ago.
    pub(super) fn forget_seen(&mut self) -> Result<Option<u64>, Fault> {
        let began = Instant::now();
        if began < self.next_seen {
            return Ok(None);
        }
        let floor = self.look_through(&self.ask(Command::ReadControl)?)?;
        let took = began.elapsed().max(Duration::from_micros(1));
        self.next_seen = began + took * SELDOM;
        Ok(Some(floor))
    }

    fn look_through(&self, txn: &ReadTransaction) -> Result<u64, Fault> {
        let window = self.shared.setup.clock.now().minus(DEDUPE_WINDOW);
        let forget = |past| self.ask(|answer| Command::ChangeSeen(past, answer));
        let (mut floor, mut past) = (u64::MAX, Vec::new());
        for row in txn.open_table(SEEN)?.iter()? {
            let (hash, value) = row?;
            // Of one that is damaged the start told.
            let Ok((hash, row)) = control::seen_row(hash.value(), value.value()) else {
                continue;
            };
            if row.at > window {
                floor = floor.min(row.seq());
                continue;
            }
            past.push(Change::Unseen(hash));
            if past.len() == AT_ONCE {
                forget(std::mem::take(&mut past))?;
            }
        }
        if !past.is_empty() {
            forget(past)?;
        }
        Ok(floor)
    }
}
