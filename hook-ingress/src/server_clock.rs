//! The clock that a server lives by.
//!
//! The machine's may be set while we run, or be wrong when we start. What is told here follows it
//! forward at once and never goes back: where the machine's clock lies behind, it goes on from the
//! last time it told, an eighth slower, until the other has caught up. So what has expired stays
//! so, and no life is much longer than was promised. Leases, which last a minute, run by neither:
//! see [`Clock::skew`].

use std::{
    fmt,
    sync::{
        Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use doorbell_core::time::{Clock, Timestamp};

const NANOS_PER_MILLI: u64 = 1_000_000;
/// Below this a difference is the scheduler's or the drift of a clock that is being kept right.
const MIN_SKEW: i64 = 1_000;

/// What a machine says of time, in nanoseconds.
pub trait TimeSource: Send + Sync + fmt::Debug {
    /// Since the Unix epoch, as it is set.
    fn wall(&self) -> u64;
    /// Since some moment; it runs evenly whatever the other is set to.
    fn steady(&self) -> u64;
}

/// This machine.
#[derive(Debug)]
struct Machine {
    began: Instant,
}

impl TimeSource for Machine {
    fn wall(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        u64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
    }

    fn steady(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A clock that never goes back.
#[derive(Debug)]
pub struct ServerClock {
    source: Box<dyn TimeSource>,
    told: Mutex<Told>,
    skew: AtomicI64,
}

/// What was told last.
#[derive(Debug)]
struct Told {
    now: u64,
    /// The steady time of that.
    at: u64,
    /// A moment that both times have in common: the time that was told, and the steady one.
    common: (u64, u64),
}

impl Default for ServerClock {
    fn default() -> Self {
        let began = Instant::now();
        Self::new(Box::new(Machine { began }))
    }
}

impl ServerClock {
    /// A clock by this source.
    pub fn new(source: Box<dyn TimeSource>) -> Self {
        let (now, at) = (source.wall(), source.steady());
        Self {
            source,
            told: Mutex::new(Told {
                now,
                at,
                common: (now, at),
            }),
            skew: AtomicI64::new(0),
        }
    }

    fn tell(&self, told: &mut Told) -> u64 {
        let (steady, wall) = (self.source.steady(), self.source.wall());
        let passed = steady.saturating_sub(told.at);
        let advanced = told.now.saturating_add(passed);
        told.now = if wall >= advanced {
            wall
        } else {
            wall.max(advanced - passed / 8)
        };
        told.at = told.at.max(steady);
        let even = told.common.0.saturating_add(told.at - told.common.1);
        let skew = |a: u64, b: u64| i64::try_from((a - b) / NANOS_PER_MILLI).unwrap_or(i64::MAX);
        let skew = if even >= told.now {
            skew(even, told.now)
        } else {
            -skew(told.now, even)
        };
        if (skew - self.skew.load(Ordering::Relaxed)).abs() >= MIN_SKEW {
            self.skew.store(skew, Ordering::Relaxed);
        }
        told.now
    }
}

impl Clock for ServerClock {
    fn now(&self) -> Timestamp {
        let mut told = self.told.lock().expect("nothing panics under this lock");
        Timestamp::from_millis(self.tell(&mut told) / NANOS_PER_MILLI)
    }

    fn skew(&self) -> i64 {
        self.skew.load(Ordering::Relaxed)
    }

    fn not_before(&self, at: Timestamp) {
        let mut told = self.told.lock().expect("nothing panics under this lock");
        let now = self.tell(&mut told);
        let at = at.as_millis().saturating_mul(NANOS_PER_MILLI);
        if at > now {
            told.now = at;
            told.common = (at, told.at);
            self.skew.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, atomic::AtomicU64},
        time::Duration,
    };

    use super::*;

    /// A machine whose clock is set by hand.
    #[derive(Clone, Debug, Default)]
    struct Hands {
        wall: Arc<AtomicU64>,
        steady: Arc<AtomicU64>,
    }

    impl TimeSource for Hands {
        fn wall(&self) -> u64 {
            self.wall.load(Ordering::Relaxed)
        }
        fn steady(&self) -> u64 {
            self.steady.load(Ordering::Relaxed)
        }
    }

    impl Hands {
        fn pass(&self, seconds: u64) {
            self.wall
                .fetch_add(seconds * 1_000_000_000, Ordering::Relaxed);
            self.steady
                .fetch_add(seconds * 1_000_000_000, Ordering::Relaxed);
        }
        fn set(&self, seconds: u64) {
            self.wall.store(seconds * 1_000_000_000, Ordering::Relaxed);
        }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn clock() -> (Hands, ServerClock) {
        let hands = Hands::default();
        hands.set(1_000_000);
        (hands.clone(), ServerClock::new(Box::new(hands)))
    }

    #[test]
    fn it_follows_the_machines_clock_forward_and_leases_do_not() {
        let (hands, clock) = clock();
        hands.pass(10);
        assert_eq!((clock.now(), clock.skew()), (at(1_000_010), 0));
        hands.set(1_003_610);
        hands.pass(1);
        assert_eq!((clock.now(), clock.skew()), (at(1_003_611), -3_600_000));
    }

    #[test]
    fn it_never_goes_back_and_is_caught_up_with() {
        let (hands, clock) = clock();
        hands.set(1_000_000 - 3_600);
        assert_eq!(clock.now(), at(1_000_000));
        // By small steps, so that nothing is lost in rounding.
        let mut last = clock.now();
        for _ in 0..800 {
            hands.pass(1);
            assert!(clock.now() > last);
            last = clock.now();
        }
        assert_eq!(last, at(1_000_700), "an eighth slower");
        // A lease of those 800 seconds is over all the same.
        assert_eq!(clock.skew(), 100_000);
        hands.pass(8 * 3_600);
        assert_eq!(clock.now(), at(1_000_000 - 3_600 + 800 + 8 * 3_600));
        hands.pass(1);
        assert_eq!(clock.now(), at(1_000_000 - 3_600 + 801 + 8 * 3_600));
    }

    #[test]
    fn it_begins_at_the_latest_time_that_was_ever_told() {
        let (hands, clock) = clock();
        clock.not_before(at(999_999));
        assert_eq!(clock.now(), at(1_000_000));
        clock.not_before(at(1_086_400));
        assert_eq!((clock.now(), clock.skew()), (at(1_086_400), 0));
        hands.pass(8);
        assert_eq!(clock.now(), at(1_086_407));
    }

    #[test]
    fn what_the_scheduler_does_between_two_looks_is_no_skew() {
        let clock = ServerClock::default();
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(20) {
            clock.now();
            assert_eq!(clock.skew(), 0);
        }
    }
}
