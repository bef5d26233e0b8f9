//! How often an address may try to sign in.
//!
//! Nobody guesses 256 bits; this bounds what trying costs us, and shows in the log that somebody does.

use std::{
    fmt::Display,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use doorbell_ingress::log_limit::LineLimit;
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};

/// Attempts a minute from one address, and at once after a rest.
const PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).expect("not zero");
/// Above so many addresses those that have rested are forgotten, once in so many attempts.
const SWEEP_ABOVE: usize = 1024;

/// The limit, kept for each address apart.
pub(super) struct Attempts {
    cells: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
    checks: AtomicUsize,
    over_the_limit: LineLimit,
    not_let_in: LineLimit,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            cells: RateLimiter::keyed(Quota::per_minute(PER_MINUTE)),
            clock: DefaultClock::default(),
            checks: AtomicUsize::new(0),
            over_the_limit: LineLimit::default(),
            not_let_in: LineLimit::default(),
        }
    }
}

impl Attempts {
    /// Counts one. The error says how long to wait until another is heard; the log hears of it, if
    /// it has not just now.
    pub(super) fn check(&self, from: IpAddr) -> Result<(), Duration> {
        let checks = self.checks.fetch_add(1, Ordering::Relaxed);
        if checks.is_multiple_of(SWEEP_ABOVE) && self.cells.len() > SWEEP_ABOVE {
            self.cells.retain_recent();
        }
        self.cells.check_key(&network(from)).map_err(|until| {
            if let Some(kept_back) = self.over_the_limit.take(Instant::now()) {
                tracing::warn!(peer = %from, kept_back, "too many attempts to sign in");
            }
            until.wait_time_from(self.clock.now())
        })
    }

    /// Tells the log that somebody was not let in, if it was not told so just now: there are more
    /// addresses than lines that a log has room for.
    pub(super) fn note_not_let_in(&self, from: IpAddr, why: impl Display) {
        if let Some(kept_back) = self.not_let_in.take(Instant::now()) {
            tracing::info!(peer = %from, error = %why, kept_back, "a browser was not let in");
        }
    }
}

/// Whose address it is: whoever has one of IPv6 has 2^64 of them.
fn network(from: IpAddr) -> IpAddr {
    match from {
        IpAddr::V4(_) => from,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
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

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let attempts = Attempts::default();
        let from = |text: &str| text.parse::<IpAddr>().expect("an address");
        for host in 0..PER_MINUTE.get() {
            assert_eq!(attempts.check(from(&format!("2001:db8::{host:x}"))), Ok(()));
        }
        assert!(attempts.check(from("2001:db8::ffff:1")).is_err());
        assert_eq!(attempts.check(from("2001:db8:0:1::1")), Ok(()));
    }
}
