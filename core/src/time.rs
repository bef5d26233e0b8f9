//! Moments and who tells them.

use std::{fmt, str::FromStr, time::Duration};

use jiff::fmt::temporal::Pieces;

/// A moment: milliseconds since the Unix epoch, UTC.
///
/// Shown as RFC 3339 with milliseconds, `2026-11-21T16:14:00.000Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

/// The last moment that `jiff` can show (9999-12-30T22:00Z); what lies beyond reads as this.
const LAST: u64 = 253_402_207_200_000;

impl Timestamp {
    /// From milliseconds since the Unix epoch; past the year 9999 it stays there.
    pub const fn from_millis(millis: u64) -> Self {
        Self(if millis > LAST { LAST } else { millis })
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This moment and `by` more, never past the year 9999.
    pub fn plus(self, by: Duration) -> Self {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        Self::from_millis(self.0.saturating_add(by))
    }

    /// This moment less `by`, never before the epoch.
    pub fn minus(self, by: Duration) -> Self {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(by))
    }

    /// This moment, so many milliseconds on, or back.
    pub fn shifted(self, millis: i64) -> Self {
        Self::from_millis(self.0.saturating_add_signed(millis))
    }

    /// How long after `earlier` this is; nothing if it is before.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = i64::try_from(self.0).expect("a timestamp ends with the year 9999");
        let moment = jiff::Timestamp::from_millisecond(millis)
            .expect("a timestamp lies between the epoch and the year 9999");
        write!(f, "{moment:.3}")
    }
}

/// A text that is not RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time such as 2026-11-21T16:14:00.000Z")]
pub struct TimestampError;

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(moment) = text.parse::<jiff::Timestamp>() {
            // Some write "always" as the year 1. Nothing of ours lies before the epoch.
            return Ok(Self::from_millis(
                u64::try_from(moment.as_millisecond()).unwrap_or(0),
            ));
        }
        // And "never" as the last second of 9999, which is a time but not one that `jiff` holds.
        let pieces = Pieces::parse(text).map_err(|_| TimestampError)?;
        let last = pieces.date().year() == 9_999 && pieces.time().is_some();
        match pieces.offset() {
            Some(_) if last => Ok(Self(LAST)),
            _ => Err(TimestampError),
        }
    }
}

/// Who says what time it is. The program's is the machine's; a test's is moved by hand.
pub trait Clock: Send + Sync {
    /// The time now. A server's never goes back; others may when the machine's clock is set.
    fn now(&self) -> Timestamp;

    /// How far, in milliseconds, a time lies ahead of [`Clock::now`] that runs evenly while the
    /// process lives, whatever the machine's clock is set to. Leases run by that one.
    fn skew(&self) -> i64 {
        0
    }

    /// The time was known to be this once: it is not before it, nor will be.
    fn not_before(&self, _at: Timestamp) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reads_as_rfc_3339_with_milliseconds() {
        let at = Timestamp::from_millis(1_795_277_640_000);
        assert_eq!(at.to_string(), "2026-11-21T16:14:00.000Z");
        assert_eq!("2026-11-21T16:14:00.000Z".parse(), Ok(at));
        assert_eq!(
            Timestamp::from_millis(7).to_string(),
            "1970-01-01T00:00:00.007Z"
        );
        assert_eq!(
            Timestamp::from_millis(u64::MAX).to_string(),
            "9999-12-30T22:00:00.000Z"
        );
    }
    #[test]
    fn a_time_that_stands_for_always_or_never_is_the_nearest_there_is() {
        for always in ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z"] {
            assert_eq!(always.parse(), Ok(Timestamp(0)), "{always}");
        }
        for never in ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999+00:00"] {
            assert_eq!(never.parse(), Ok(Timestamp(LAST)), "{never}");
        }
        for wrong in [
            "9999-12-31",
            "9999-12-31T23:59:59",
            "2026-11-21T16:14",
            "now",
            "",
        ] {
            assert_eq!(wrong.parse::<Timestamp>(), Err(TimestampError), "{wrong}");
        }
    }
}
