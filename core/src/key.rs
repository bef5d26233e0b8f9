//! API keys: the credential an agent or an operator shows.

use std::sync::Arc;

use crate::{grant::ulid_newtype, principal::Principal, time::Timestamp};
use ulid::Ulid;

ulid_newtype! {
    /// Names an API key. Not a secret.
    KeyId
}

/// The record behind an API key; the key itself is kept as a hash alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Names this key.
    pub id: KeyId,
    /// Who its holder is.
    pub principal: Principal,
    /// What the operator called it.
    pub name: Option<Arc<str>>,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

impl ApiKey {
    /// Whether its holder is let in.
    pub fn is_live(&self) -> bool {
        self.revoked_at.is_none()
    }
}
