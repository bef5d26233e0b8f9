//! How long what is minted lives, as a person writes it.

use doorbell_core::grant::MAX_TTL_SECONDS;

use super::Failure;
use crate::{config::Period, refusal::Refusal, wire::Count};

/// `--ttl` in the seconds that a server takes; 0 asks for its default.
pub(super) fn seconds(ttl: Option<Period>) -> Result<Option<Count<0, MAX_TTL_SECONDS>>, Failure> {
    let refused = |rule: &str| Failure::Refused(Refusal::invalid("--ttl", rule));
    ttl.map(|Period(ttl)| match ttl.as_secs() {
        _ if ttl.subsec_nanos() > 0 => Err(refused("is in whole seconds, such as 90s")),
        seconds if seconds > MAX_TTL_SECONDS => Err(refused("is at most 100 years: 36500d")),
        seconds => Ok(Count::clamped(seconds)),
    })
    .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ttl_is_of_whole_seconds_and_is_refused_rather_than_cut() {
        let read = |text: &str| {
            let ttl = Some(text.parse().expect("a length of time"));
            seconds(ttl).map(|seconds| seconds.map(Count::get))
        };
        assert_eq!(read("1h").ok(), Some(Some(3_600)));
        assert_eq!(read("0").ok(), Some(Some(0)));
        assert_eq!(read("36500d").ok(), Some(Some(MAX_TTL_SECONDS)));
        assert_eq!(seconds(None).ok(), Some(None));
        for bad in ["20ms", "1.5s", "36501d", "18446744073709551615"] {
            let error = read(bad).expect_err(bad).to_string();
            assert!(error.starts_with("--ttl: is "), "{error}");
        }
    }
}
