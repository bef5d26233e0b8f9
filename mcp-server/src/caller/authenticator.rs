//! The one who looks at credentials: each kind there is, how it is shown and whether it is good.

use std::{future::pending, sync::Arc};

use doorbell_core::{
    ports::Store,
    principal::Principal,
    time::{Clock, Timestamp},
    token::{Token, TokenKind},
};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use tokio::{sync::watch, time::sleep};

use super::{
    Caller, Credential,
    browser::{Browsers, CookieName, CookieSecret, Shown},
    sign_in_link::{LinkSecret, SignInLinks},
};
use crate::{
    oidc::{Issuer, TokenError, Verified},
    refusal::Refusal,
};

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
    issuer: Option<Arc<Issuer>>,
    browsers: Browsers,
    links: SignInLinks,
    /// Changes whenever a credential was ended by hand.
    ended: watch::Sender<()>,
}

impl Authenticator {
    /// Lets in whoever shows an API key of this store; browsers for as long as this clock says.
    pub fn new(keys: Arc<dyn Store>, clock: &Arc<dyn Clock>) -> Self {
        Self {
            browsers: Browsers::with_clock(Arc::clone(&keys), Arc::clone(clock)),
            keys,
            issuer: None,
            links: SignInLinks::new(Arc::clone(clock)),
            ended: watch::Sender::new(()),
        }
    }

    /// Lets in whoever shows a token of this issuer's, too.
    #[must_use]
    pub fn with_issuer(mut self, issuer: Option<Arc<Issuer>>) -> Self {
        self.issuer = issuer;
        self
    }

    /// The issuer whose tokens let in, if there is one.
    pub fn issuer(&self) -> Option<&Arc<Issuer>> {
        self.issuer.as_ref()
    }

    /// Whose credential a request shows.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Admitted, Refusal> {
        let mut shown = headers.get_all(AUTHORIZATION).iter();
        match (shown.next(), shown.next()) {
            (Some(shown), None) => self.bearer(shown).await,
            // Which of them a proxy looked at is not for us to guess.
            (Some(_), Some(_)) => Err(Refusal::Unauthenticated(
                "show one credential, not several".to_owned(),
            )),
            (None, _) => Err(Refusal::Unauthenticated(match &self.issuer {
                None => "this needs a credential: send an API key as `Authorization: Bearer dbk_…`"
                    .to_owned(),
                Some(issuer) => format!(
                    "this needs a credential: send an API key, or a token of {}, as `Authorization: Bearer …`",
                    issuer.settings().issuer
                ),
            })),
        }
    }

    /// Whether a credential that was good still is; whoever stays on the line is asked again.
    pub fn still_lets_in(&self, credential: &Credential) -> bool {
        match credential {
            Credential::Key { hash, .. } => self.keys.key(hash).is_some_and(|key| key.is_live()),
            Credential::Token { expires_at, .. } => self
                .issuer
                .as_ref()
                .is_some_and(|issuer| issuer.now() < *expires_at),
            // Its session is asked, which ends with it.
            Credential::BrowserKey { .. } => true,
            Credential::Browser { session, shown } => {
                self.browsers.is_open(session) && self.still_lets_in(shown)
            }
        }
    }

    /// Says that a credential was ended: whoever stays on the line on one looks again.
    pub fn note_end(&self) {
        self.ended.send_replace(());
    }

    /// Waits until a credential does not let in any more.
    pub async fn let_out(&self, credential: &Credential) {
        let mut ended = self.ended.subscribe();
        while self.still_lets_in(credential) {
            let by_itself = async {
                let own = credential.expires_at().zip(self.issuer.as_ref());
                let own = own.map(|(at, issuer)| at.since(issuer.now()));
                let cookie = match credential {
                    Credential::Browser { session, .. } => self.browsers.lasts(session),
                    _ => None,
                };
                match own.into_iter().chain(cookie).min() {
                    Some(rest) => sleep(rest).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                () = by_itself => {}
                // The sender is ours.
                _ = ended.changed() => {}
            }
        }
    }

    /// A browser signs in with what was typed into the form, any credential that a bearer may
    /// show; the reply is its cookie. Whatever it had before is left behind.
    pub async fn sign_in(&self, typed: &str, name: CookieName) -> Result<CookieSecret, Refusal> {
        let admitted = HeaderValue::try_from(format!("Bearer {}", typed.trim()))
            .map_err(|_| Refusal::Unauthenticated("this is no credential".to_owned()))?;
        let admitted = self.bearer(&admitted).await?;
        tracing::info!(by = %admitted.principal, credential = %admitted.credential, "a browser signed in");
        let opened = self.browsers.open(admitted, name).await?;
        opened.ok_or_else(|| Refusal::Unauthenticated("this key was revoked just now".to_owned()))
    }

    /// A browser signs in as whom the issuer says it is; nothing where that names no folder.
    pub async fn sign_in_verified(
        &self,
        verified: Verified,
        name: CookieName,
    ) -> Result<Option<CookieSecret>, Refusal> {
        let Some(admitted) = admitted(verified) else {
            return Ok(None);
        };
        tracing::info!(by = %admitted.principal, credential = %admitted.credential, "a browser signed in");
        Ok(self.browsers.open(admitted, name).await?)
    }

    /// A link by which a browser signs in as whoever asks for it. One that is signed in by a cookie
    /// gets none: a session that made its own successors would never end.
    pub fn make_link(&self, caller: &Caller) -> Result<(LinkSecret, Timestamp), Refusal> {
        if let Credential::Browser { .. } = caller.credential {
            return Err(Refusal::Forbidden(
                "a browser that is signed in makes no sign-in links: `doorbell open` does, or a key"
                    .to_owned(),
            ));
        }
        let admitted = Admitted {
            principal: caller.principal.clone(),
            credential: caller.credential.clone(),
        };
        Ok(self.links.make(admitted))
    }

    /// A browser signs in by a link; nothing where the link is not good, or no longer lets in whoever
    /// made it.
    pub async fn sign_in_by_link(
        &self,
        link: &str,
        name: CookieName,
    ) -> Result<Option<CookieSecret>, Refusal> {
        let admitted = self.links.take(link);
        let admitted = admitted.filter(|admitted| self.still_lets_in(&admitted.credential));
        let Some(admitted) = admitted else {
            return Ok(None);
        };
        tracing::info!(by = %admitted.principal, credential = %admitted.credential, "a browser signed in by a link");
        Ok(self.browsers.open(admitted, name).await?)
    }

    /// Whose browser a cookie is of, if it is signed in still.
    pub async fn browser(&self, shown: &Shown) -> Option<Admitted> {
        let (session, admitted) = self.browsers.find(shown).await?;
        if !self.still_lets_in(&admitted.credential) {
            return None;
        }
        Some(Admitted {
            principal: admitted.principal,
            credential: Credential::Browser {
                session,
                shown: Box::new(admitted.credential),
            },
        })
    }

    /// Ends a browser's session.
    pub async fn sign_out(&self, shown: &Shown) -> Result<(), Refusal> {
        self.browsers.close(shown).await?;
        self.note_end();
        Ok(())
    }

    async fn bearer(&self, shown: &HeaderValue) -> Result<Admitted, Refusal> {
        let text = shown.to_str().ok().and_then(bearer);
        match (text, &self.issuer) {
            (Some(text), Some(issuer)) if !text.starts_with(TokenKind::Key.prefix()) => token(text, issuer).await,
            (text, _) => text.and_then(|text| self.key(text)).ok_or_else(|| {
                Refusal::Unauthenticated(
                    "this API key is unknown or revoked; ask the operator for one: doorbell key issue <folder>"
                        .to_owned(),
                )
            }),
        }
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

/// A token of the issuer's. One that is good and names no folder is somebody whom we know, and
/// whose business nothing here is.
async fn token(text: &str, issuer: &Issuer) -> Result<Admitted, Refusal> {
    let verified = issuer.verify(text).await.map_err(|error| match error {
        TokenError::IssuerAway => Refusal::Unavailable(error.to_string()),
        _ => Refusal::Unauthenticated(error.to_string()),
    })?;
    admitted(verified).ok_or_else(|| {
        Refusal::Forbidden(format!(
            "this token's claim {:?} names no folder; its issuer has to set it to one, such as acme/eng, or to *",
            issuer.settings().folder_claim
        ))
    })
}

fn admitted(verified: Verified) -> Option<Admitted> {
    Some(Admitted {
        principal: verified.principal?,
        credential: Credential::Token {
            subject: verified.subject,
            expires_at: verified.expires_at,
        },
    })
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
