//! How often an address may try to sign in.
//!
//! Nobody guesses 256 bits; this bounds what trying costs us, and shows in the log that somebody does.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};

/// Attempts a minute from one address, and at once after a rest.
const PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).expect("not zero");
/// Above so many addresses those that have rested are forgotten.
const SWEEP_ABOVE: usize = 1024;

/// The limit, kept for each address apart.
pub(super) struct Attempts {
    cells: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            cells: RateLimiter::keyed(Quota::per_minute(PER_MINUTE)),
            clock: DefaultClock::default(),
        }
    }
}

impl Attempts {
    /// Counts one. The error says how long to wait until another is heard.
    pub(super) fn check(&self, from: IpAddr) -> Result<(), Duration> {
        if self.cells.len() > SWEEP_ABOVE {
            self.cells.retain_recent();
        }
        self.cells
            .check_key(&from)
            .map_err(|until| until.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_spends_its_own_attempts_and_nobody_elses() {
        let attempts = Attempts::default();
        let from = |last| IpAddr::from([127, 0, 0, last]);
        for _ in 0..PER_MINUTE.get() {
            assert_eq!(attempts.check(from(1)), Ok(()));
        }
        let wait = attempts.check(from(1)).expect_err("spent");
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
        assert_eq!(attempts.check(from(2)), Ok(()));
    }
}
