//! Times as a person reads them: this machine's, or UTC where that was asked for.

use clap::Args;
use doorbell_core::time::{Clock as _, Timestamp};
use doorbell_ingress::machine::SystemClock;
use jiff::{Zoned, tz::TimeZone};

/// Which clock a command shows times by.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(super) struct Times {
    /// Show times in UTC instead of this machine's time
    #[arg(long)]
    utc: bool,
}

/// Shows times in one zone.
#[derive(Debug)]
pub(super) struct Clock {
    zone: TimeZone,
    now: Zoned,
}

impl Times {
    /// The clock that was asked for.
    pub(super) fn clock(self) -> Clock {
        let zone = if self.utc {
            TimeZone::UTC
        } else {
            TimeZone::system()
        };
        Clock::new(zone, SystemClock.now())
    }
}

impl Clock {
    fn new(zone: TimeZone, now: Timestamp) -> Self {
        let now = zoned(now, zone.clone());
        Self { zone, now }
    }

    /// For a column: the time of day today, the day within a year, else the date.
    pub(super) fn short(&self, at: Timestamp) -> String {
        let at = zoned(at, self.zone.clone());
        let format = if at.date() == self.now.date() {
            "%H:%M:%S"
        } else if at.year() == self.now.year() {
            "%m-%d %H:%M"
        } else {
            "%Y-%m-%d"
        };
        at.strftime(format).to_string()
    }

    /// The time of day, for what has just come.
    pub(super) fn time_of_day(&self, at: Timestamp) -> String {
        let at = zoned(at, self.zone.clone());
        at.strftime("%H:%M:%S%.3f").to_string()
    }

    /// Date, time and offset, to be read: `2026-11-21 16:14:00.000 +01:00`.
    pub(super) fn whole(&self, at: Timestamp) -> String {
        let at = zoned(at, self.zone.clone());
        at.strftime("%Y-%m-%d %H:%M:%S%.3f %:z").to_string()
    }

    /// RFC 3339 with milliseconds, in this zone: what a program reads.
    pub(super) fn rfc3339(&self, at: Timestamp) -> String {
        let zoned = zoned(at, self.zone.clone());
        if zoned.offset().is_zero() {
            return at.to_string();
        }
        zoned.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
    }
}

fn zoned(at: Timestamp, zone: TimeZone) -> Zoned {
    // A timestamp lies between the epoch and the year 9999.
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    at.to_zoned(zone)
}

#[cfg(test)]
mod tests {
    use jiff::tz;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_column_shows_as_much_of_a_time_as_tells_it_apart() {
        let clock = Clock::new(TimeZone::UTC, at("2026-11-21T16:14:00Z"));
        assert_eq!(clock.short(at("2026-11-21T00:00:05Z")), "00:00:05");
        assert_eq!(clock.short(at("2026-11-20T23:59:05Z")), "11-20 23:59");
        assert_eq!(clock.short(at("2025-11-21T16:14:00Z")), "2025-11-21");
    }

    #[test]
    fn times_are_those_of_the_zone_and_read_back_as_the_same_moment() {
        let zone = TimeZone::fixed(tz::offset(9));
        let clock = Clock::new(zone, at("2026-11-21T16:14:00Z"));
        let moment = at("2026-11-21T15:30:00.125Z");
        assert_eq!(clock.short(moment), "00:30:00");
        assert_eq!(clock.time_of_day(moment), "00:30:00.125");
        assert_eq!(clock.whole(moment), "2026-11-22 00:30:00.125 +09:00");
        let written = clock.rfc3339(moment);
        assert_eq!(written, "2026-11-22T00:30:00.125+09:00");
        assert_eq!(written.parse(), Ok(moment));
        let utc = Clock::new(TimeZone::UTC, moment);
        assert_eq!(utc.rfc3339(moment), "2026-11-21T15:30:00.125Z");
    }
}
