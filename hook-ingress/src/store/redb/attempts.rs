//! How often each message was leased: a bit for those that were leased once, which is nearly all.

use std::collections::HashMap;

use roaring::RoaringTreemap;

/// Attempts by sequence number.
#[derive(Default)]
pub(super) struct Attempts {
    once: RoaringTreemap,
    more: HashMap<u64, u8>,
}

impl Attempts {
    pub(super) fn of(&self, seq: u64) -> u8 {
        if self.once.contains(seq) {
            1
        } else {
            self.more.get(&seq).copied().unwrap_or(0)
        }
    }

    pub(super) fn set(&mut self, seq: u64, attempt: u8) {
        if attempt == 1 {
            self.once.insert(seq);
        } else {
            self.once.remove(seq);
        }
        if attempt > 1 {
            self.more.insert(seq, attempt);
        } else {
            self.more.remove(&seq);
        }
    }

    pub(super) fn forget(&mut self, gone: &RoaringTreemap) {
        self.once -= gone;
        self.more.retain(|seq, _| !gone.contains(*seq));
    }
}
