//! A person signs in at the issuer and comes back: OpenID Connect's authorization code flow, with
//! PKCE (RFC 7636), `state` and `nonce`, as a public client that has no secret to lose.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use blake3::Hash;
use doorbell_core::{time::Timestamp, token::Chance};
use doorbell_ingress::{machine::SystemChance, peer::Peer};
use http::HeaderMap;
use reqwest::Url;
use serde::Deserialize;

use super::{Issuer, TokenError, Verified, claims};

/// How long somebody may take at the issuer.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// How many may be there at once: of the peer that has most of them, the longest gone is given up
/// first, so that nobody keeps another from coming back.
const MOST: usize = 1024;
/// How long somebody who came back stays signed in. An identity token says who it was and not for
/// how long; what the issuer changes counts with the next sign-in.
const STAY: Duration = Duration::from_secs(8 * 3600);
/// Where people come back to.
const CALLBACK: &str = "/oidc/callback";

/// Why nobody was signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// The issuer, or its description, is not to be had.
    #[error("the issuer cannot be reached just now; try again shortly")]
    Away,
    /// It was not begun here, or not by this browser, or too long ago.
    #[error("this sign-in was not begun here, or too long ago; begin again")]
    Unknown,
    /// The issuer let nobody in.
    #[error("the issuer did not sign you in")]
    Refused,
    /// What it said of them is not good.
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// Where to send somebody who wants to sign in.
pub struct Departure {
    /// The issuer's page.
    pub to: Url,
    /// To be kept by the browser alone, and shown when it comes back: nobody can have another's
    /// browser finish what they began.
    pub binder: String,
}

/// What the issuer sends back by way of the browser.
#[derive(Deserialize)]
pub struct Return {
    state: Option<String>,
    code: Option<String>,
    /// Who says so (RFC 9207).
    iss: Option<String>,
}

/// Somebody who has gone to the issuer.
struct Gone {
    binder: Hash,
    nonce: String,
    verifier: String,
    redirect_uri: String,
    peer: Peer,
    at: Timestamp,
}

/// Everybody who has, by the hash of their `state`.
#[derive(Default)]
pub(super) struct Logins(Mutex<HashMap<Hash, Gone>>);

impl Logins {
    fn add(&self, state: &str, gone: Gone) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = gone.at;
        all.retain(|_, gone| now.since(gone.at) < PATIENCE);
        if all.len() >= MOST
            && let Some(longest) = longest_of_most(&all)
        {
            all.remove(&longest);
        }
        all.insert(blake3::hash(state.as_bytes()), gone);
    }

    /// Each comes back once, in the browser that left, and not too late.
    fn take(&self, state: &str, binder: &str, now: Timestamp) -> Option<Gone> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = all.remove(&blake3::hash(state.as_bytes()))?;
        let own = gone.binder == blake3::hash(binder.as_bytes());
        (own && now.since(gone.at) < PATIENCE).then_some(gone)
    }
}

/// Of those of the peer that has most, the one that is gone the longest.
fn longest_of_most(all: &HashMap<Hash, Gone>) -> Option<Hash> {
    let mut held: HashMap<Peer, usize> = HashMap::new();
    for gone in all.values() {
        *held.entry(gone.peer).or_default() += 1;
    }
    let (most, _) = held.into_iter().max_by_key(|(_, held)| *held)?;
    let theirs = all.iter().filter(|(_, gone)| gone.peer == most);
    theirs
        .min_by_key(|(_, gone)| gone.at)
        .map(|(state, _)| *state)
}

impl Issuer {
    /// What people are told of where they sign in; nothing where they cannot.
    pub fn sign_in_name(&self) -> Option<&str> {
        self.settings.client_id.as_ref()?;
        Some(self.settings.issuer.host())
    }

    /// Sends somebody to the issuer, who asks from here with these headers.
    pub fn begin_login(&self, from: IpAddr, headers: &HeaderMap) -> Result<Departure, LoginError> {
        let client_id = self.settings.client_id.as_ref();
        let client_id = client_id.ok_or(LoginError::Unknown)?;
        let published = self.keys.current().ok_or(LoginError::Away)?;
        let endpoints = published.endpoints.as_ref().ok_or(LoginError::Away)?;
        let [state, binder, nonce, verifier] = [(); 4].map(|()| random());
        let redirect_uri = format!("{}{CALLBACK}", self.base(headers));
        let challenge = ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes());
        let mut to = endpoints.authorization.clone();
        to.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", &redirect_uri),
            ("scope", "openid"),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &BASE64_URL_SAFE_NO_PAD.encode(challenge)),
            ("code_challenge_method", "S256"),
        ]);
        let gone = Gone {
            binder: blake3::hash(binder.as_bytes()),
            nonce,
            verifier,
            redirect_uri,
            peer: Peer::of(from),
            at: self.now(),
        };
        self.logins.add(&state, gone);
        Ok(Departure { to, binder })
    }

    /// Who came back.
    pub async fn finish_login(
        &self,
        back: &Return,
        binder: Option<&str>,
    ) -> Result<Verified, LoginError> {
        let (state, binder) = back.state.as_ref().zip(binder).ok_or(LoginError::Unknown)?;
        let gone = self.logins.take(state, binder, self.now());
        let gone = gone.ok_or(LoginError::Unknown)?;
        let issuer = self.settings.issuer.as_str();
        if back.iss.as_deref().is_some_and(|iss| iss != issuer) {
            return Err(LoginError::Unknown);
        }
        let code = back.code.as_ref().ok_or(LoginError::Refused)?;
        let client_id = self.settings.client_id.as_ref();
        let client_id = client_id.ok_or(LoginError::Unknown)?;
        let published = self.keys.current().ok_or(LoginError::Away)?;
        let endpoints = published.endpoints.as_ref().ok_or(LoginError::Away)?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &gone.redirect_uri),
            ("client_id", client_id),
            ("code_verifier", &gone.verifier),
        ];
        let answer = self.fetch.redeem(&endpoints.token, &form).await;
        let token = answer.map_err(|error| {
            tracing::warn!(%error, "a code was not redeemed");
            LoginError::Refused
        })?;
        let claims = self.signed(&token, client_id).await?;
        let now = self.now();
        let mut verified = claims::check(&claims, &self.settings.folder_claim, now)?;
        let claim = |name: &str| claims.get(name).and_then(serde_json::Value::as_str);
        if claim("nonce") != Some(&gone.nonce) {
            return Err(TokenError::NotTheirs.into());
        }
        // OpenID Connect Core 1.0 section 3.1.3.7: another client may have asked for it.
        if claim("azp").is_some_and(|azp| azp != client_id) {
            return Err(TokenError::Audience.into());
        }
        verified.expires_at = now.plus(STAY);
        Ok(verified)
    }
}

/// 256 bits that nobody guesses.
fn random() -> String {
    let mut bytes = [0; 32];
    SystemChance.fill(&mut bytes);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gone(at: u64) -> Gone {
        gone_from([192, 0, 2, 1], at)
    }

    fn gone_from(peer: [u8; 4], at: u64) -> Gone {
        Gone {
            binder: blake3::hash(b"binder"),
            nonce: random(),
            verifier: random(),
            redirect_uri: String::new(),
            peer: Peer::of(peer.into()),
            at: Timestamp::from_millis(at),
        }
    }

    #[test]
    fn somebody_comes_back_once_in_the_same_browser_and_in_time() {
        let logins = Logins::default();
        let soon = Timestamp::from_millis(1_000);
        let late = Timestamp::default().plus(PATIENCE);
        logins.add("a", gone(0));
        assert!(logins.take("b", "binder", soon).is_none());
        assert!(logins.take("a", "binder", soon).is_some());
        assert!(logins.take("a", "binder", soon).is_none(), "once");
        logins.add("a", gone(0));
        assert!(logins.take("a", "another", soon).is_none());
        assert!(logins.take("a", "binder", soon).is_none(), "given up");
        logins.add("a", gone(0));
        assert!(logins.take("a", "binder", late).is_none());
    }

    #[test]
    fn whoever_leaves_over_and_over_keeps_nobody_else_from_coming_back() {
        let logins = Logins::default();
        logins.add("first", gone_from([192, 0, 2, 2], 0));
        for n in 1..=2 * MOST as u64 {
            logins.add(&n.to_string(), gone(n));
        }
        let now = Timestamp::from_millis(5_000);
        assert!(logins.take("first", "binder", now).is_some());
        assert!(logins.take("1", "binder", now).is_none());
    }

    #[test]
    fn so_many_may_be_gone_and_the_longest_is_given_up() {
        let logins = Logins::default();
        for n in 0..=MOST as u64 {
            logins.add(&n.to_string(), gone(n));
        }
        let now = Timestamp::from_millis(2_000);
        assert!(logins.take("0", "binder", now).is_none());
        assert!(logins.take("1", "binder", now).is_some());
        assert!(logins.take(&MOST.to_string(), "binder", now).is_some());
    }
}
