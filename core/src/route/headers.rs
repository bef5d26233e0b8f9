//! What a rule asks of a request's headers.

use super::glob::{Glob, GlobError};
use crate::message::Headers;

/// The most headers that one rule asks for.
pub const MAX_HEADERS: usize = 8;

/// The longest name of a header that a rule asks for, in bytes.
pub const MAX_HEADER_NAME: usize = 100;

/// Globs by the names of headers. All must match, and a header that is absent never does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderGlobs(Vec<(Box<str>, Glob)>);

/// What is wrong with what a rule asks of headers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderGlobError {
    /// More than [`MAX_HEADERS`].
    #[error("a rule asks for at most {MAX_HEADERS} headers")]
    TooMany,
    /// One of them.
    #[error("{name}: {rule}")]
    One {
        /// Its name, as it was given.
        name: String,
        /// What is wrong.
        rule: HeaderRuleError,
    },
}

/// What is wrong with one header of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderRuleError {
    /// No header is called so.
    #[error("is no header's name: 1 to {MAX_HEADER_NAME} letters, digits and !#$%&'*+-.^_`|~")]
    Name,
    /// The same name, but for its case, stands twice.
    #[error("is given twice; names are case-insensitive")]
    Twice,
    /// Its glob is none.
    #[error("{0}")]
    Glob(#[from] GlobError),
}

impl HeaderGlobs {
    /// From names and globs; names are kept in lower case.
    pub fn new<N: AsRef<str>, G: AsRef<str>>(
        pairs: impl IntoIterator<Item = (N, G)>,
    ) -> Result<Self, HeaderGlobError> {
        let mut globs: Vec<(Box<str>, Glob)> = Vec::new();
        for (name, glob) in pairs {
            let name = name.as_ref();
            let refused = |rule| HeaderGlobError::One {
                name: name.to_owned(),
                rule,
            };
            if globs.len() == MAX_HEADERS {
                return Err(HeaderGlobError::TooMany);
            }
            if !is_name(name) {
                return Err(refused(HeaderRuleError::Name));
            }
            let lower: Box<str> = name.to_ascii_lowercase().into();
            if globs.iter().any(|(other, _)| *other == lower) {
                return Err(refused(HeaderRuleError::Twice));
            }
            let glob = glob
                .as_ref()
                .parse()
                .map_err(|e| refused(HeaderRuleError::Glob(e)))?;
            globs.push((lower, glob));
        }
        globs.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(Self(globs))
    }

    /// Lower-case names and their globs, in the names' order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Glob)> {
        self.0.iter().map(|(name, glob)| (&**name, glob))
    }

    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first that does not match, and whether the header is there; `None`: all match. What trying
    /// them costs is taken from `effort`, and without any left they do not.
    pub(super) fn unmatched(&self, headers: &Headers, effort: &mut usize) -> Option<(&str, bool)> {
        self.iter().find_map(|(name, glob)| {
            let Some(value) = headers.get(name) else {
                return Some((name, false));
            };
            let left = effort.checked_sub(glob.effort(value));
            *effort = left.unwrap_or(0);
            let matches = left.is_some() && glob.matches(value);
            (!matches).then_some((name, true))
        })
    }
}

/// A token (RFC 9110 section 5.6.2).
fn is_name(name: &str) -> bool {
    (1..=MAX_HEADER_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_must_match_and_an_absent_header_never_does() {
        let globs = HeaderGlobs::new([("X-Event", "push"), ("x-ref", "*")]).expect("legal");
        let headers = |pairs: &[(&str, &str)]| {
            let owned = pairs
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
            Headers::from_pairs(owned.collect())
        };
        let unmatched = |pairs: &[(&str, &str)]| {
            let headers = headers(pairs);
            let first = globs.unmatched(&headers, &mut usize::MAX.clone());
            first.map(|(name, there)| (name.to_owned(), there))
        };
        assert_eq!(unmatched(&[("x-event", "push"), ("x-ref", "")]), None);
        assert_eq!(
            unmatched(&[("x-event", "push")]),
            Some(("x-ref".into(), false))
        );
        assert_eq!(
            unmatched(&[("x-event", "Push"), ("x-ref", "a")]),
            Some(("x-event".into(), true))
        );
    }

    #[test]
    fn what_no_header_is_called_a_twin_and_too_many_are_refused() {
        let one = |name: &str, rule| {
            let name = name.to_owned();
            Err(HeaderGlobError::One { name, rule })
        };
        for bad in ["", "a b", "a:b", "é", "a\n"] {
            let refused = HeaderGlobs::new([(bad, "x")]);
            assert_eq!(refused, one(bad, HeaderRuleError::Name), "{bad:?}");
        }
        assert_eq!(
            HeaderGlobs::new([("x-a", "1"), ("X-A", "2")]),
            one("X-A", HeaderRuleError::Twice)
        );
        assert_eq!(
            HeaderGlobs::new([("x-a", "")]),
            one("x-a", HeaderRuleError::Glob(GlobError::Empty))
        );
        let many = (0..=MAX_HEADERS).map(|n| (format!("x-{n}"), "v"));
        assert_eq!(HeaderGlobs::new(many), Err(HeaderGlobError::TooMany));
    }
}
