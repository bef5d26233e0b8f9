//! Chance that can be had again.

use std::time::Duration;

use crate::message::{DEDUPE_WINDOW, LEASE};

/// Xorshift64*, after Marsaglia and Vigna: the same numbers for the same seed, everywhere.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        // Spread, so that seeds 1, 2, 3 begin far apart; and zero would stay zero for ever.
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    /// A number from 0 to one below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("a usize fits");
        usize::try_from(self.next() % end).expect("it is below a usize")
    }

    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// How long until the next action: mostly nothing, often a boundary, at times very long.
    pub(super) fn pause(&mut self) -> Duration {
        let milli = Duration::from_millis(1);
        match self.below(40) {
            0 => DEDUPE_WINDOW / 2,
            1 => LEASE - milli,
            2 | 3 => LEASE,
            4..10 => Duration::from_secs(10),
            10..20 => milli,
            _ => Duration::ZERO,
        }
    }
}
