//! Durations and sizes as people write them.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, de};

/// A length of time: `7d`, `36h`, `90s`, `1h30m`, `20ms`; a bare number is seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period(pub Duration);

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || "not a length of time such as 90 (seconds), 20ms, 90s, 15m, 1h or 7d".to_owned();
        if let Ok(seconds) = text.parse() {
            return Ok(Self(Duration::from_secs(seconds)));
        }
        let span: jiff::Span = text.parse().map_err(|_| wrong())?;
        let length = span
            .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
            .map_err(|_| wrong())?;
        Duration::try_from(length).map(Self).map_err(|_| wrong())
    }
}

/// A number of bytes: `1MiB`, `25MB`; a bare number is bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size: bytesize::ByteSize = text
            .parse()
            .map_err(|_| format!("{text:?} is not a size such as 1MiB, 25MB or 4096"))?;
        Ok(Self(size.as_u64()))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        bytesize::ByteSize(self.0).fmt(f)
    }
}

/// Reads a quantity from a string or a whole number in `doorbell.toml`.
pub(super) fn from_toml<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err = String>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(u64),
        Text(String),
    }
    let text = match Written::deserialize(from)? {
        Written::Number(number) => number.to_string(),
        Written::Text(text) => text,
    };
    text.parse().map_err(de::Error::custom)
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from_toml(from)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from_toml(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_read_as_people_write_them() {
        let seconds = |text: &str| text.parse::<Period>().map(|period| period.0.as_secs());
        assert_eq!(seconds("7d"), Ok(604_800));
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("1h30m"), Ok(5_400));
        assert_eq!(seconds("60"), Ok(60));
        assert_eq!(seconds("15m"), Ok(900));
        assert_eq!(seconds("0"), Ok(0));
        assert_eq!("20ms".parse(), Ok(Period(Duration::from_millis(20))));
        for bad in [
            "soon",
            "-1h",
            "",
            "h",
            "1e3",
            "5 parsecs",
            "0x10",
            "∞",
            "1h ago",
        ] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_read_as_people_write_them() {
        assert_eq!("1MiB".parse(), Ok(Size(1_048_576)));
        assert_eq!("25MB".parse(), Ok(Size(25_000_000)));
        assert_eq!("512".parse(), Ok(Size(512)));
        assert!("big".parse::<Size>().is_err());
    }
}
