//! Globs over addresses.

use std::{fmt, str::FromStr, sync::Arc};

use crate::{
    address::CHANNEL_PREFIX,
    segment::{self, SegmentError},
};

/// The most segments a pattern may have; no address has more than ten.
const MAX_SEGMENTS: usize = 16;

/// A JID glob: `*` is exactly one segment, a trailing `**` is one or more.
///
/// A pattern filters; it is never a permission. `hook:acme/eng/*` also matches folder `acme`,
/// label `eng`: who may see a message is decided by the folder it was routed to.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    text: Arc<str>,
    scheme: Scheme,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Scheme {
    Hook,
    Web,
    Channel,
}

impl Scheme {
    const ALL: [Self; 3] = [Self::Hook, Self::Web, Self::Channel];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Hook => "hook:",
            Self::Web => "web:",
            Self::Channel => CHANNEL_PREFIX,
        }
    }
}

/// Why a text is not a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It does not begin as an address does.
    #[error("a pattern begins with hook:, web: or doorbell:/sessions/")]
    Scheme,
    /// A segment is neither a legal segment nor `*` nor a trailing `**`.
    #[error("{0}; in a pattern a segment may also be * (exactly one) or, last, ** (one or more)")]
    Segment(#[from] SegmentError),
    /// `**` stands before the end.
    #[error("** may only be the last segment")]
    InnerDoubleStar,
    /// Longer than any address.
    #[error("a pattern has at most {MAX_SEGMENTS} segments")]
    TooLong,
}

impl Pattern {
    /// The text, exactly as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the pattern matches this address, given as text.
    pub fn matches(&self, address: &str) -> bool {
        let prefix = self.scheme.prefix();
        let Some(path) = address.strip_prefix(prefix) else {
            return false;
        };
        let mut parts = path.split('/');
        for glob in self.text[prefix.len()..].split('/') {
            let Some(part) = parts.next() else {
                return false;
            };
            match glob {
                "**" => return true,
                "*" => {}
                literal if literal == part => {}
                _ => return false,
            }
        }
        parts.next().is_none()
    }

    /// Whether it is about webhooks or chats, not about channels.
    pub fn is_of_jids(&self) -> bool {
        self.scheme != Scheme::Channel
    }

    /// The text before the first wildcard, without the slash that leads to it: what a route's
    /// owner must contain.
    pub fn literal_path(&self) -> &str {
        let path = &self.text[self.scheme.prefix().len()..];
        match path.find('*') {
            None => path,
            Some(star) => path[..star].trim_end_matches('/'),
        }
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let scheme = Scheme::ALL
            .into_iter()
            .find(|scheme| text.starts_with(scheme.prefix()))
            .ok_or(PatternError::Scheme)?;
        let mut parts = text[scheme.prefix().len()..].split('/').peekable();
        let mut count = 0;
        while let Some(part) = parts.next() {
            count += 1;
            if count > MAX_SEGMENTS {
                return Err(PatternError::TooLong);
            }
            match part {
                "*" => {}
                "**" if parts.peek().is_none() => {}
                "**" => return Err(PatternError::InnerDoubleStar),
                literal => segment::check(literal)?,
            }
        }
        Ok(Self {
            text: text.into(),
            scheme,
        })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, address: &str) -> bool {
        pattern.parse::<Pattern>().expect("legal").matches(address)
    }

    #[test]
    fn a_star_is_exactly_one_segment() {
        assert!(matches(
            "hook:acme/eng/linear/*",
            "hook:acme/eng/linear/comments"
        ));
        assert!(!matches("hook:acme/eng/linear/*", "hook:acme/eng/linear"));
        assert!(!matches(
            "hook:acme/eng/linear/*",
            "hook:acme/eng/linear/a/b"
        ));
        assert!(matches("hook:*/eng/*", "hook:acme/eng/github"));
    }

    #[test]
    fn a_trailing_double_star_is_one_or_more() {
        assert!(matches("hook:acme/**", "hook:acme/github"));
        assert!(matches("hook:acme/**", "hook:acme/eng/github/x"));
        assert!(!matches("hook:acme/**", "hook:acme"));
        assert!(!matches("hook:acme/**", "hook:acmecorp/github"));
        assert!(!matches("hook:acme/**", "web:acme/github"));
        assert!(matches("doorbell:/sessions/*", "doorbell:/sessions/build"));
    }

    #[test]
    fn without_a_star_it_is_the_address_itself() {
        assert!(matches("hook:acme/github", "hook:acme/github"));
        assert!(!matches("hook:acme/github", "hook:acme/github/x"));
        assert!(!matches("hook:acme/github", "hook:acme/Github"));
    }

    #[test]
    fn half_a_star_and_an_inner_double_star_are_refused() {
        assert_eq!(
            "hook:a/**/b".parse::<Pattern>(),
            Err(PatternError::InnerDoubleStar)
        );
        for bad in [
            "",
            "hook:",
            "hook:a/lin*",
            "hook:a/***",
            "hook:a//b",
            "acme/*",
            "hook:a/b/",
        ] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_literal_path_ends_before_the_first_star() {
        let path = |text: &str| {
            text.parse::<Pattern>()
                .expect("legal")
                .literal_path()
                .to_owned()
        };
        assert_eq!(path("hook:acme/eng/*/x"), "acme/eng");
        assert_eq!(path("hook:**"), "");
        assert_eq!(path("hook:acme/github"), "acme/github");
    }
}
