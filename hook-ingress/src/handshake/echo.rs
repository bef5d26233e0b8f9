//! What of a request may be said back to its sender.

use std::{borrow::Cow, fmt};

use crate::redact::redact;

/// The longest text that is said back, in bytes.
pub(super) const MAX_ECHO: usize = 1024;

/// A text that may be reflected: 1 to [`MAX_ECHO`] characters from the blank to the tilde, with no
/// token of ours among them. Nothing else of a request ever gets into an answer.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Echo(String);

impl Echo {
    /// The text of these bytes, if it may be said back.
    pub(super) fn new(bytes: impl IntoIterator<Item = u8>) -> Option<Self> {
        let mut text = String::new();
        for byte in bytes {
            if !matches!(byte, b' '..=b'~') || text.len() == MAX_ECHO {
                return None;
            }
            text.push(char::from(byte));
        }
        let holds_token = matches!(redact(text.as_bytes()), Cow::Owned(_));
        (!text.is_empty() && !holds_token).then_some(Self(text))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// How long it is; what it says may be a secret of the sender's.
impl fmt::Debug for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Echo({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use doorbell_core::token::{Chance, Token, TokenKind};

    use super::*;

    struct Sevens;

    impl Chance for Sevens {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    #[test]
    fn printable_ascii_up_to_a_kibibyte_is_said_back_and_nothing_else() {
        let all: String = (' '..='~').collect();
        let longest = "x".repeat(MAX_ECHO);
        for good in [all.as_str(), "x", " ", "<script>", longest.as_str()] {
            let echo = Echo::new(good.bytes()).expect("printable");
            assert_eq!(echo.as_str(), good);
        }
        for byte in (0..b' ').chain(0x7f..=0xff) {
            assert_eq!(Echo::new([b'a', byte, b'z']), None, "{byte:#x}");
        }
        assert_eq!(Echo::new([]), None);
        assert_eq!(Echo::new(format!("{longest}x").bytes()), None);
    }

    #[test]
    fn no_token_of_ours_is_said_back() {
        let token = Token::mint(TokenKind::Hook, &Sevens);
        let token = token.expose();
        assert_eq!(Echo::new(format!("a {token}").bytes()), None);
        assert_eq!(Echo::new(token.replace('_', "%5f").bytes()), None);
        assert!(Echo::new(token[1..].bytes()).is_some());
    }
}
