//! Tokens of an OpenID Connect issuer: a signed claim of who somebody is and how far they reach.
//!
//! A token is believed when one of the issuer's own keys signed it, with an algorithm that takes a
//! private key, and its claims name this issuer and this audience and a time that is now. The
//! cheapest test comes first, and none of them calls out on behalf of a single request.

mod claims;
mod fetch;
mod jwk;
mod jws;
mod keys;
mod login;
mod resource;
mod setting;
mod signature;
#[cfg(test)]
mod signer;

use std::sync::Arc;

use doorbell_core::time::{Clock, Timestamp};

use self::{
    claims::Claims,
    fetch::{Fetch, Published},
    jws::Token,
    keys::Keys,
    login::Logins,
};
pub use self::{
    claims::{Subject, TokenError, Verified},
    login::{Departure, LoginError, Return},
    resource::{Resource, base_as_asked},
    setting::{DEFAULT_FOLDER_CLAIM, IssuerUrl, IssuerUrlError, OidcSettings},
};

/// An issuer whose tokens let in.
pub struct Issuer {
    settings: OidcSettings,
    fetch: Fetch,
    keys: Keys,
    logins: Logins,
    clock: Arc<dyn Clock>,
}

/// No HTTP client can be made on this machine.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP client for the OIDC issuer: {0}")]
pub struct NoClient(#[from] reqwest::Error);

impl Issuer {
    /// This issuer. Nobody is let in on its tokens before [`Self::keep_keys`] has found its keys.
    pub fn new(settings: OidcSettings, clock: Arc<dyn Clock>) -> Result<Self, NoClient> {
        Ok(Self {
            fetch: Fetch::new(settings.issuer.clone())?,
            settings,
            keys: Keys::default(),
            logins: Logins::default(),
            clock,
        })
    }

    /// What it is asked for.
    pub fn settings(&self) -> &OidcSettings {
        &self.settings
    }

    /// What time it is for its tokens.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Fetches its keys, and keeps them fresh for as long as this is polled.
    pub async fn keep_keys(&self) {
        self.keys.keep(|| self.fetch.published()).await;
    }

    /// What a token says, if it is good.
    pub async fn verify(&self, text: &str) -> Result<Verified, TokenError> {
        let settings = &self.settings;
        let claims = self.signed(text, &settings.audience).await?;
        claims::check(&claims, &settings.folder_claim, self.clock.now())
    }

    /// What a token claims, if the issuer signed it for this audience.
    async fn signed(&self, text: &str, audience: &str) -> Result<Claims, TokenError> {
        let token = Token::parse(text).ok_or(TokenError::NotTheirs)?;
        let issuer = self.settings.issuer.as_str();
        let open = |published: &Published| published.keys.open(&token, issuer, audience);
        let opened = match self.keys.current() {
            Some(now) => match open(&now) {
                None => self.keys.newer().await.and_then(|newer| open(&newer)),
                opened => opened,
            },
            None => open(&*self.keys.newer().await.ok_or(TokenError::IssuerAway)?),
        };
        opened.unwrap_or(Err(TokenError::NotTheirs))
    }
}
