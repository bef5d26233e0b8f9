//! The one who looks at credentials: each kind there is, how it is shown and whether it is good.

use std::sync::Arc;

use doorbell_core::{
    ports::Store,
    principal::Principal,
    token::{Token, TokenKind},
};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};

use super::Credential;
use crate::refusal::Refusal;

/// Somebody whose credential is good.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// What they may do, before anything narrows it.
    pub principal: Principal,
    /// What they showed.
    pub credential: Credential,
}

/// Knows every kind of credential of this house.
pub struct Authenticator {
    keys: Arc<dyn Store>,
}

impl Authenticator {
    /// Lets in whoever shows an API key of this store.
    pub fn new(keys: Arc<dyn Store>) -> Self {
        Self { keys }
    }

    /// Whose credential a request shows.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Admitted, Refusal> {
        match headers.get(AUTHORIZATION) {
            Some(shown) => self.bearer(shown).await,
            None => Err(Refusal::Unauthenticated(
                "this needs a credential: send an API key as `Authorization: Bearer dbk_…`"
                    .to_owned(),
            )),
        }
    }

    /// Whether a credential that was good still is; whoever stays on the line is asked again.
    pub fn still_lets_in(&self, credential: &Credential) -> bool {
        match credential {
            Credential::Key { hash, .. } => self.keys.key(hash).is_some_and(|key| key.is_live()),
        }
    }

    async fn bearer(&self, shown: &HeaderValue) -> Result<Admitted, Refusal> {
        shown
            .to_str()
            .ok()
            .and_then(bearer)
            .and_then(|text| self.key(text))
            .ok_or_else(|| {
                Refusal::Unauthenticated(
                    "this API key is unknown or revoked; ask the operator for one: doorbell key issue <folder>"
                        .to_owned(),
                )
            })
    }

    fn key(&self, text: &str) -> Option<Admitted> {
        let (kind, hash) = Token::hash_of(text).ok()?;
        let key = match kind {
            TokenKind::Key => self.keys.key(&hash)?,
            _ => return None,
        };
        key.is_live().then(|| Admitted {
            principal: key.principal.clone(),
            credential: Credential::Key { id: key.id, hash },
        })
    }
}

/// The token of a bearer credential; the scheme is case-insensitive (RFC 9110 section 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bearer_scheme_is_read_in_any_case_and_nothing_else_is() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bEARER  abc "), Some("abc"));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("abc"), None);
    }
}
