//! Which providers' ids were seen: 12 bytes each, in many small tables.
//!
//! A table holds 56 bits of the hash and 40 of the sequence number, so a hit is only a hint: the
//! whole hash is compared with what the file says. There are many tables so that growing one
//! copies kilobytes and not the whole set.

/// One hash and where it was seen: 7 bytes and 5 bytes.
type Slot = [u8; 12];

const EMPTY: Slot = [0; 12];
const SHARDS: usize = 256;

/// The set.
pub(super) struct Seen {
    shards: Vec<Shard>,
    /// What lies before this sequence number is forgotten when its table next grows.
    floor: u64,
}

#[derive(Default)]
struct Shard {
    slots: Vec<Slot>,
    len: usize,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            floor: 0,
        }
    }
}

impl Seen {
    /// Remembers that `hash` came with the message `seq`, which is not 0.
    pub(super) fn insert(&mut self, hash: &[u8; 16], seq: u64) {
        let floor = self.floor;
        self.shards[usize::from(hash[15])].insert(slot(hash, seq), floor);
    }

    /// Where `hash` may have been seen, in no order.
    pub(super) fn candidates(&self, hash: &[u8; 16]) -> impl Iterator<Item = u64> + use<> {
        let shard = &self.shards[usize::from(hash[15])];
        let mut found = Vec::new();
        if shard.len > 0 {
            let mut at = shard.home(&hash[..7]);
            while shard.slots[at] != EMPTY {
                if shard.slots[at][..7] == hash[..7] {
                    found.push(seq(&shard.slots[at]));
                }
                at = (at + 1) % shard.slots.len();
            }
        }
        found.into_iter()
    }

    /// Lets go of everything before `floor`.
    pub(super) fn forget_before(&mut self, floor: u64) {
        if floor > self.floor {
            self.floor = floor;
            for shard in &mut self.shards {
                if shard
                    .slots
                    .iter()
                    .any(|slot| *slot != EMPTY && seq(slot) < floor)
                {
                    shard.rebuild(floor);
                }
            }
        }
    }
}

impl Shard {
    fn insert(&mut self, slot: Slot, floor: u64) {
        if (self.len + 1) * 6 > self.slots.len() * 5 {
            self.rebuild(floor);
        }
        self.place(slot);
        self.len += 1;
    }

    /// Copies what is still wanted to a table that is half as large again as it needs to be.
    fn rebuild(&mut self, floor: u64) {
        let wanted = |slot: &&Slot| **slot != EMPTY && seq(slot) >= floor;
        let old = std::mem::take(&mut self.slots);
        self.len = old.iter().filter(wanted).count();
        self.slots = vec![EMPTY; (self.len + 8) * 3 / 2];
        for slot in old.iter().filter(wanted) {
            self.place(*slot);
        }
    }

    fn place(&mut self, slot: Slot) {
        let mut at = self.home(&slot[..7]);
        while self.slots[at] != EMPTY {
            at = (at + 1) % self.slots.len();
        }
        self.slots[at] = slot;
    }

    fn home(&self, hash: &[u8]) -> usize {
        let mut wide = [0; 8];
        wide[..7].copy_from_slice(hash);
        // The upper bits of the product fall evenly on any number of slots.
        let spread = u128::from(u64::from_le_bytes(wide) << 8) * self.slots.len() as u128;
        (spread >> 64) as usize
    }
}

fn slot(hash: &[u8; 16], seq: u64) -> Slot {
    let mut slot = EMPTY;
    slot[..7].copy_from_slice(&hash[..7]);
    slot[7..].copy_from_slice(&seq.to_le_bytes()[..5]);
    slot
}

fn seq(slot: &Slot) -> u64 {
    let mut wide = [0; 8];
    wide[..5].copy_from_slice(&slot[7..]);
    u64::from_le_bytes(wide)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u64) -> [u8; 16] {
        let mut short = [0; 16];
        short.copy_from_slice(&blake3::hash(&n.to_le_bytes()).as_bytes()[..16]);
        short
    }

    #[test]
    fn what_was_seen_is_found_and_what_was_not_is_not() {
        let mut seen = Seen::default();
        for n in 1..=100_000 {
            seen.insert(&hash(n), n);
        }
        for n in 1..=100_000 {
            assert!(seen.candidates(&hash(n)).any(|seq| seq == n), "{n}");
        }
        for n in 100_001..=110_000 {
            assert_eq!(seen.candidates(&hash(n)).count(), 0, "{n}");
        }
        let slots: usize = seen.shards.iter().map(|shard| shard.slots.capacity()).sum();
        assert!(
            slots * 12 < 100_000 * 20,
            "{} bytes each",
            slots * 12 / 100_000
        );
    }

    #[test]
    fn what_lies_before_the_floor_is_let_go() {
        let mut seen = Seen::default();
        for n in 1..=10_000 {
            seen.insert(&hash(n), n);
        }
        seen.forget_before(9_000);
        assert_eq!(seen.candidates(&hash(8_999)).count(), 0);
        assert_eq!(seen.candidates(&hash(9_000)).count(), 1);
        let left: usize = seen.shards.iter().map(|shard| shard.len).sum();
        assert_eq!(left, 1_001);
    }
}
