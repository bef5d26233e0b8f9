//! A moment as people write it: a time, or how long ago.

use std::{str::FromStr, time::Duration};

use doorbell_core::time::Timestamp;
use jiff::{civil, tz::TimeZone};

use super::quantity::Period;

/// A time, or a length of time before now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// RFC 3339, or a date with or without a time of day, which is taken as this machine's.
    At(Timestamp),
    /// `1h`, `90 s ago`.
    Ago(Duration),
}

impl Moment {
    /// Which moment it is, seen from `now`.
    pub fn seen_from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(length) => now.minus(length),
        }
    }
}

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let length = text.strip_suffix("ago").map_or(text, str::trim_end);
        if let Ok(Period(length)) = length.parse() {
            return Ok(Self::Ago(length));
        }
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        local(text).map(Self::At).ok_or(
            "neither a time such as 2026-11-21T16:14:00Z or 2026-11-21 nor how long ago, such as \
             15m, 1h or 7d",
        )
    }
}

/// A date, with or without a time of day and without an offset, as a clock on the wall here shows it.
fn local(text: &str) -> Option<Timestamp> {
    let civil: civil::DateTime = text.parse().ok()?;
    let here = civil.to_zoned(TimeZone::system()).ok()?;
    let millis = u64::try_from(here.timestamp().as_millisecond()).ok()?;
    Some(Timestamp::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_how_long_ago() {
        let now: Timestamp = "2026-11-21T16:14:00Z".parse().expect("a time");
        let seen = |text: &str| {
            let moment = text.parse::<Moment>().map(|moment| moment.seen_from(now));
            moment.map(|at| at.to_string())
        };
        let noon = "2026-11-21T12:00:00.000Z".to_owned();
        assert_eq!(seen("2026-11-21T12:00:00Z"), Ok(noon.clone()));
        assert_eq!(seen("2026-11-21T14:00:00+02:00"), Ok(noon));
        assert_eq!(seen("14m"), Ok("2026-11-21T16:00:00.000Z".to_owned()));
        assert_eq!(seen("1d ago"), Ok("2026-11-20T16:14:00.000Z".to_owned()));
        assert_eq!(seen("60"), Ok("2026-11-21T16:13:00.000Z".to_owned()));
        for bad in ["yesterday", "", "ago", "2026-13-01", "c12", "-1h"] {
            assert!(seen(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_without_an_offset_is_this_machines() {
        let here = TimeZone::system();
        let date: Moment = "2026-11-21".parse().expect("a date");
        let time: Moment = "2026-11-21 16:14".parse().expect("a time of day");
        for (moment, civil) in [(date, "2026-11-21T00:00"), (time, "2026-11-21T16:14")] {
            let Moment::At(at) = moment else {
                panic!("{moment:?} is a time");
            };
            let civil: civil::DateTime = civil.parse().expect("civil");
            let zoned = civil.to_zoned(here.clone()).expect("in reach");
            assert_eq!(
                u64::try_from(zoned.timestamp().as_millisecond()),
                Ok(at.as_millis())
            );
        }
    }
}
