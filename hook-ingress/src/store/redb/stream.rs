//! A file's records as one stream of bytes, cut into rows that fill redb's pages.
//!
//! redb gives a row that does not fit a page a run of 1, 2, 4, … pages of its own, so a row of
//! arbitrary length wastes up to half of its run. A leaf of one row with a key of 8 bytes has 16
//! bytes of overhead. So a batch is cut into rows of exactly 2^n pages less 16, largest first,
//! and what is left at its end, less than a page, is written again, longer, by the next batch.
//! Waste is then about one page per file however small the batches are.
//!
//! redb leaves the row before the last alone when one is appended: a row that fills its run is
//! recognised, and the rightmost leaf is never split.

use ::redb::Table;

use super::fault::Fault;

/// redb's page.
const PAGE: usize = 4096;
/// What a leaf with one row of this table takes besides the row's value.
const OVERHEAD: usize = 16;
/// The longest row: 16 pages. Longer ones would save nothing and be read whole for each record.
const LONGEST: usize = 16 * PAGE - OVERHEAD;
/// The shortest row that fills its pages.
pub(super) const SHORTEST: usize = PAGE - OVERHEAD;

/// The end of a file's stream.
#[derive(Default)]
pub(super) struct Tail {
    /// Where the bytes below begin.
    at: u64,
    /// What did not fill a page yet, and, during a batch, what is not yet in a row.
    bytes: Vec<u8>,
}

impl Tail {
    /// The end as a file has it: its last row.
    pub(super) fn resume(at: u64, row: &[u8]) -> Self {
        if row.len() < SHORTEST {
            Self {
                at,
                bytes: row.to_vec(),
            }
        } else {
            Self {
                at: at + row.len() as u64,
                bytes: Vec::new(),
            }
        }
    }

    /// How long the stream is.
    pub(super) fn end(&self) -> u64 {
        self.at + self.bytes.len() as u64
    }

    /// Appends bytes.
    pub(super) fn push(
        &mut self,
        table: &mut Table<'_, u64, &'static [u8]>,
        mut more: &[u8],
    ) -> Result<(), Fault> {
        while self.bytes.len() + more.len() >= LONGEST {
            if self.bytes.is_empty() {
                // A long body goes straight from the request to its row.
                let (row, rest) = more.split_at(LONGEST);
                table.insert(self.at, row)?;
                more = rest;
            } else {
                let (fill, rest) = more.split_at(LONGEST - self.bytes.len());
                self.bytes.extend_from_slice(fill);
                table.insert(self.at, &self.bytes[..])?;
                self.bytes.clear();
                more = rest;
            }
            self.at += LONGEST as u64;
        }
        self.bytes.extend_from_slice(more);
        Ok(())
    }

    /// Ends a batch: everything pushed is in a row afterwards.
    pub(super) fn flush(&mut self, table: &mut Table<'_, u64, &'static [u8]>) -> Result<(), Fault> {
        let mut done = 0;
        for pages in [8, 4, 2, 1] {
            let len = pages * PAGE - OVERHEAD;
            if self.bytes.len() - done >= len {
                table.insert(self.at, &self.bytes[done..done + len])?;
                self.at += len as u64;
                done += len;
            }
        }
        // Two rows of a size are 16 bytes short of one of the next.
        while self.bytes.len() - done >= SHORTEST {
            table.insert(self.at, &self.bytes[done..done + SHORTEST])?;
            self.at += SHORTEST as u64;
            done += SHORTEST;
        }
        self.bytes.drain(..done);
        if !self.bytes.is_empty() {
            table.insert(self.at, &self.bytes[..])?;
        }
        Ok(())
    }
}
