//! One segment of a path: the alphabet that folders, labels, suffixes and session ids share.

/// The longest a segment may be, in bytes (all of them ASCII).
pub const MAX_LEN: usize = 64;

/// Why a text is not a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// Nothing between two slashes, or nothing at all.
    #[error("a segment is empty")]
    Empty,
    /// More than [`MAX_LEN`] bytes.
    #[error("a segment is longer than {MAX_LEN} characters")]
    TooLong,
    /// Something outside `[A-Za-z0-9_-]`. It is refused, never normalised: two spellings that
    /// fold to one name would be two doors to one room.
    #[error("a segment holds {0:?}; only A-Z, a-z, 0-9, '_' and '-' are allowed")]
    BadChar(char),
}

/// Checks that `text` is `[A-Za-z0-9_-]{1,64}`.
pub fn check(text: &str) -> Result<(), SegmentError> {
    if text.is_empty() {
        return Err(SegmentError::Empty);
    }
    if let Some(bad) = text.chars().find(|c| !is_segment_char(*c)) {
        return Err(SegmentError::BadChar(bad));
    }
    if text.len() > MAX_LEN {
        return Err(SegmentError::TooLong);
    }
    Ok(())
}

fn is_segment_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// Declares a newtype that holds exactly one segment.
///
/// Labels, suffixes and session ids are the same text and different things: the compiler keeps
/// them apart.
macro_rules! segment_newtype {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The text, exactly as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::segment::SegmentError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::segment::check(text)?;
                Ok(Self(text.into()))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", $what, self.0)
            }
        }
    };
}
pub(crate) use segment_newtype;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_ascii_letters_digits_underscore_and_dash() {
        assert_eq!(check("Abc_09-z"), Ok(()));
        assert_eq!(check(&"a".repeat(64)), Ok(()));
        assert_eq!(check(&"a".repeat(65)), Err(SegmentError::TooLong));
        assert_eq!(check(""), Err(SegmentError::Empty));
        for bad in [
            "a b", "a.b", "a/b", "é", "a\u{0}", "*", "**", "a%2fb", "..", "\u{ff21}",
        ] {
            assert!(
                matches!(check(bad), Err(SegmentError::BadChar(_))),
                "{bad:?}"
            );
        }
    }
}
