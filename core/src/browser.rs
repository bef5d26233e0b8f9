//! Browsers that are signed in with an API key.

use crate::{key::KeyId, time::Timestamp};

/// How many browsers are signed in with one key at the most: then the one that ends first goes.
pub const MAX_BROWSERS_PER_KEY: usize = 64;

/// The record of a browser that signed in; its cookie is kept as a hash alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserSession {
    /// The key that it was signed in with: with that it ends.
    pub key: KeyId,
    /// Whether the cookie goes by the name that only a secure origin can set.
    pub secure: bool,
    /// When it signed in.
    pub created_at: Timestamp,
    /// When it ends by itself; whoever is seen may be given longer.
    pub ends_at: Timestamp,
}

impl BrowserSession {
    /// Whether its time is not over at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        now < self.ends_at
    }
}
