//! How often an address may try to sign in.
//!
//! Nobody guesses 256 bits; this bounds what trying costs us, and shows in the log that somebody does.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};

/// Attempts a minute from one address, and at once after a rest.
const PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).expect("not zero");
/// Above so many addresses those that have rested are forgotten.
const SWEEP_ABOVE: usize = 1024;
/// The log has at most one line about attempts over the limit in this time.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// The limit, kept for each address apart.
pub(super) struct Attempts {
    cells: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
    lines: Lines,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            cells: RateLimiter::keyed(Quota::per_minute(PER_MINUTE)),
            clock: DefaultClock::default(),
            lines: Lines::default(),
        }
    }
}

impl Attempts {
    /// Counts one. The error says how long to wait until another is heard; the log hears of it, if
    /// it has not just now.
    pub(super) fn check(&self, from: IpAddr) -> Result<(), Duration> {
        if self.cells.len() > SWEEP_ABOVE {
            self.cells.retain_recent();
        }
        self.cells.check_key(&network(from)).map_err(|until| {
            if let Some(untold) = self.lines.take(Instant::now()) {
                tracing::warn!(peer = %from, untold, "too many attempts to sign in");
            }
            until.wait_time_from(self.clock.now())
        })
    }
}

/// Whose address it is: whoever has one of IPv6 has 2^64 of them.
fn network(from: IpAddr) -> IpAddr {
    match from {
        IpAddr::V4(_) => from,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
    }
}

/// When the last line was written, and how many were not since.
#[derive(Default)]
struct Lines(Mutex<(Option<Instant>, u64)>);

impl Lines {
    /// Takes the line of this moment, if there is one left, and how many were kept back since the
    /// last.
    fn take(&self, now: Instant) -> Option<u64> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, untold) = &mut *lines;
        if last.is_some_and(|last| now.saturating_duration_since(last) < LINE_EVERY) {
            *untold += 1;
            return None;
        }
        *last = Some(now);
        Some(std::mem::take(untold))
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

    #[test]
    fn the_log_has_one_line_a_second_of_those_over_the_limit() {
        let lines = Lines::default();
        let began = Instant::now();
        let at = |millis| lines.take(began + Duration::from_millis(millis));
        assert_eq!(at(0), Some(0));
        for millis in 0..1_000 {
            assert_eq!(at(millis), None);
        }
        assert_eq!(at(1_000), Some(1_000));
        assert_eq!(at(1_999), None);
        assert_eq!(at(60_000), Some(1));
    }
}
