//! How often each token may be used.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use doorbell_core::grant::GrantId;
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};

use crate::limits::Rate;

/// Every so many checks the cells of tokens that have long rested are looked for.
const SWEEP_EVERY: u32 = 1 << 14;
/// Fewer cells than this are not worth a sweep; one takes some 40 bytes.
const SWEEP_ABOVE: usize = 4096;

/// One limit, kept for each grant apart.
///
/// Only grants that live get here, so a stranger cannot make cells. They are made at the first use
/// and swept once they are full again, when they say no more than a new one would.
pub struct Throttle {
    cells: Option<DefaultKeyedRateLimiter<GrantId>>,
    clock: DefaultClock,
    checks: AtomicU32,
}

impl Throttle {
    /// A limit of this rate.
    pub fn new(rate: Rate) -> Self {
        let cells = NonZeroU32::new(rate.per_minute).map(|per_minute| {
            let burst = NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN);
            RateLimiter::keyed(Quota::per_minute(per_minute).allow_burst(burst))
        });
        Self {
            cells,
            clock: DefaultClock::default(),
            checks: AtomicU32::new(0),
        }
    }

    /// Counts one use. The error says how long to wait until another is let in.
    pub fn check(&self, grant: GrantId) -> Result<(), Duration> {
        let Some(cells) = &self.cells else {
            return Ok(());
        };
        if self
            .checks
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(SWEEP_EVERY)
            && cells.len() > SWEEP_ABOVE
        {
            cells.retain_recent();
            cells.shrink_to_fit();
        }
        cells
            .check_key(&grant)
            .map_err(|until| until.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use doorbell_core::time::Timestamp;

    use super::*;

    fn grant(n: u128) -> GrantId {
        GrantId::new(Timestamp::from_millis(1), n)
    }

    #[test]
    fn a_token_spends_its_own_burst_and_nobody_elses() {
        let throttle = Throttle::new(Rate {
            per_minute: 60,
            burst: 3,
        });
        for _ in 0..3 {
            assert_eq!(throttle.check(grant(1)), Ok(()));
        }
        let wait = throttle.check(grant(1)).expect_err("spent");
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
        assert_eq!(throttle.check(grant(2)), Ok(()));
    }

    #[test]
    fn a_rate_of_zero_is_no_limit() {
        let throttle = Throttle::new(Rate {
            per_minute: 0,
            burst: 1,
        });
        for _ in 0..1_000 {
            assert_eq!(throttle.check(grant(1)), Ok(()));
        }
    }
}
