//! The trace that a sender's request belongs to: `traceparent`, as W3C Trace Context (level 1,
//! section 3.2) writes it. The header itself comes through with the others, whatever it holds.

use std::fmt;

use http::HeaderMap;

/// What a good `traceparent` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace, not 0.
    pub trace: u128,
    /// The sender's span, not 0.
    pub span: u64,
    /// Whether the sender keeps it.
    pub sampled: bool,
}

impl TraceParent {
    /// What the headers say, if they say it once and by the rules.
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let mut said = headers.get_all("traceparent").iter();
        let once = said.next().filter(|_| said.next().is_none())?;
        Self::parse(once.as_bytes())
    }

    /// `00-<32 hex>-<16 hex>-<2 hex>`; a later version may go on behind another dash.
    fn parse(text: &[u8]) -> Option<Self> {
        let fields = text.first_chunk::<55>()?;
        let (version, rest) = (hex(&fields[..2])?, &text[55..]);
        let fits = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || rest[0] == b'-',
        };
        if !fits || [fields[2], fields[35], fields[52]] != [b'-'; 3] {
            return None;
        }
        Some(Self {
            trace: hex(&fields[3..35]).filter(|id| *id != 0)?,
            span: u64::try_from(hex(&fields[36..52])?)
                .ok()
                .filter(|id| *id != 0)?,
            sampled: hex(&fields[53..])? & 1 == 1,
        })
    }
}

/// The trace's id, as it is written.
impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.trace)
    }
}

/// At most 32 hexadecimal digits, which are lower-case by the rules.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |sum, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(sum << 4 | u128::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn read(text: &str) -> Option<TraceParent> {
        TraceParent::parse(text.as_bytes())
    }

    #[test]
    fn a_traceparent_by_the_rules_is_read() {
        let parent = read(GOOD).expect("by the rules");
        assert_eq!(parent.to_string(), GOOD[3..35]);
        assert_eq!((parent.span, parent.sampled), (0xb7ad_6b71_6920_3331, true));
        let quiet = GOOD.replace("-01", "-fe");
        assert!(!read(&quiet).expect("by the rules").sampled);
        let later = format!("{}-and more", GOOD.replacen("00", "cc", 1));
        assert_eq!(read(&later).map(|it| it.trace), Some(parent.trace));
    }

    #[test]
    fn a_traceparent_against_the_rules_is_none() {
        for bad in [
            "",
            &GOOD[..54],
            &format!("{GOOD}0"),
            &format!("{GOOD}-more"),
            &GOOD.replacen("00", "ff", 1),
            &GOOD.to_uppercase(),
            &GOOD.replace('-', "_"),
            &GOOD.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &GOOD.replace("b7ad6b7169203331", &"0".repeat(16)),
            &GOOD.replace("-01", "-0\u{1b}"),
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn two_traceparents_are_none() {
        let mut headers = HeaderMap::new();
        let good: http::HeaderValue = GOOD.parse().expect("a value");
        headers.append("traceparent", good.clone());
        assert!(TraceParent::read(&headers).is_some());
        headers.append("traceparent", good);
        assert_eq!(TraceParent::read(&headers), None);
    }
}
