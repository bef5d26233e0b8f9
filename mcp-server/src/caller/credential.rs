//! What lets a caller in.

use std::fmt;

use doorbell_core::{key::KeyId, time::Timestamp, token::TokenHash};

use super::browser::BrowserId;
use crate::oidc::Subject;

/// A credential that was found good. It holds no secret, and may be asked again whether it still is:
/// [`Authenticator::still_lets_in`](super::Authenticator::still_lets_in).
#[derive(Clone, Debug)]
pub enum Credential {
    /// An API key.
    Key {
        /// Names it.
        id: KeyId,
        /// What it is looked up by.
        hash: TokenHash,
    },
    /// A token of the issuer's.
    Token {
        /// Who it was issued to.
        subject: Subject,
        /// From when on it is not good any more.
        expires_at: Timestamp,
    },
    /// An API key that a browser signed in with: it is asked after with the browser's session, which
    /// ends with it. Only [`Self::Browser`] holds one.
    BrowserKey {
        /// Names the key.
        id: KeyId,
    },
    /// The cookie of a browser that signed in.
    Browser {
        /// Names its session.
        session: BrowserId,
        /// What was shown when it signed in.
        shown: Box<Credential>,
    },
}

impl Credential {
    /// Tells this credential's owner from every other; the same after a restart, since what was
    /// leased to it still is.
    pub fn identity(&self) -> [u8; 16] {
        match self {
            Self::Key { id, .. } | Self::BrowserKey { id } => id.as_u128().to_be_bytes(),
            Self::Token { subject, .. } => subject.identity(),
            Self::Browser { shown, .. } => shown.identity(),
        }
    }

    /// When it ends by itself, if that is known beforehand.
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::Key { .. } | Self::BrowserKey { .. } => None,
            Self::Token { expires_at, .. } => Some(*expires_at),
            Self::Browser { shown, .. } => shown.expires_at(),
        }
    }
}

/// For the log: whose it is.
impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { id, .. } | Self::BrowserKey { id } => write!(f, "key {id}"),
            Self::Token { subject, .. } => write!(f, "token of {subject}"),
            Self::Browser { shown, .. } => write!(f, "browser of {shown}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use doorbell_core::message::Receiver;

    use super::*;

    #[test]
    fn a_receiver_is_known_again_by_key_and_name() {
        let receiver = |key, name| {
            let credential = Credential::Key {
                id: KeyId::from_u128(key),
                hash: TokenHash::from_bytes([0; 32]),
            };
            Receiver::named(&credential.identity(), name)
        };
        assert_eq!(receiver(7, "a"), receiver(7, "a"));
        assert_ne!(receiver(7, "a"), receiver(7, "b"));
        assert_ne!(receiver(7, "a"), receiver(8, "a"));
    }
}
