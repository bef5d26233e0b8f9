//! Browsers that have signed in.
//!
//! A browser shows its credential once, in the sign-in form, and from then on a cookie of 256 random
//! bits. Only the cookie's hash is kept, and what was shown, which is asked again at each request:
//! with a revoked key its browsers are out too. Whoever signed in with a key is a row in the store, and
//! stays signed in over a restart; whoever came from the issuer is kept in memory alone.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorbell_core::{
    browser::BrowserSession,
    key::{ApiKey, KeyId},
    ports::{Store, StoreError},
    time::{Clock, Timestamp},
    token::{Chance, TokenHash},
};
use doorbell_ingress::{
    machine::SystemChance,
    redact::{PATH_SESSION_COOKIE, SECURE_SESSION_COOKIE, SESSION_COOKIE},
};
use http::{HeaderMap, header::COOKIE};

use super::{Admitted, Credential};

/// After so long without a request a browser has to sign in again.
const IDLE: Duration = Duration::from_secs(12 * 3600);
/// After so long it has to in any case.
const ABSOLUTE: Duration = Duration::from_secs(7 * 24 * 3600);
/// A row is written anew when it would last so much longer: not at each request.
const WORTH_WRITING: Duration = Duration::from_secs(5 * 60);
/// How many browsers that came from the issuer are signed in at once at the most: of whoever has
/// most, the longest unseen goes first.
const MOST: usize = 1024;
/// What a CSRF token is derived from the cookie for.
const CSRF: &str = "doorbell 2026-11-21 the CSRF token of a browser session";

/// A cookie's value. It cannot be printed by accident.
pub struct CookieSecret(String);

impl CookieSecret {
    /// The value, to be set in the browser.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What a page of this session sends back with what it changes; another site cannot know it.
    pub fn csrf(&self) -> Csrf {
        Csrf(blake3::Hash::from_bytes(blake3::derive_key(
            CSRF,
            self.0.as_bytes(),
        )))
    }

    /// One for tests.
    #[cfg(test)]
    pub(crate) fn sample() -> Self {
        Self("sample".to_owned())
    }

    /// The name is part of it: under another one the cookie is nobody's.
    fn id(&self, name: CookieName) -> BrowserId {
        let mut hash = blake3::Hasher::new();
        hash.update(name.as_str().as_bytes());
        hash.update(b"=");
        hash.update(self.0.as_bytes());
        BrowserId(*hash.finalize().as_bytes())
    }
}

impl fmt::Debug for CookieSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieSecret")
    }
}

/// Proves that a request was made by our own page. Two are compared in constant time.
#[derive(Clone, PartialEq, Eq)]
pub struct Csrf(blake3::Hash);

impl Csrf {
    /// As our page is told it, and sends it back.
    pub fn expose(&self) -> String {
        self.0.to_hex().to_string()
    }

    /// Whether a request brought this one.
    pub fn is(&self, sent: &[u8]) -> bool {
        blake3::Hash::from_hex(sent).is_ok_and(|sent| sent == self.0)
    }
}

impl fmt::Debug for Csrf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Csrf")
    }
}

/// Names a browser's session: its cookie's hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct BrowserId([u8; 32]);

impl BrowserId {
    /// What its row is looked up by.
    fn hash(self) -> TokenHash {
        TokenHash::from_bytes(self.0)
    }
}

impl fmt::Debug for BrowserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserId")
    }
}

/// Under which name a cookie is kept, and so who else could have set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieName {
    /// Where the browser speaks http.
    Plain,
    /// Over https, for this host alone: nobody but this very origin can have set it.
    Host,
    /// Over https, below a path.
    Path,
}

impl CookieName {
    /// As they are looked for: what is hardest to plant goes first.
    const ALL: [Self; 3] = [Self::Host, Self::Path, Self::Plain];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => SESSION_COOKIE,
            Self::Host => SECURE_SESSION_COOKIE,
            Self::Path => PATH_SESSION_COOKIE,
        }
    }
}

/// The cookie that a request brought.
#[derive(Debug)]
pub struct Shown {
    /// Its value.
    pub secret: CookieSecret,
    /// The name it came under.
    pub name: CookieName,
}

impl Shown {
    fn id(&self) -> BrowserId {
        self.secret.id(self.name)
    }
}

impl Shown {
    /// Finds it. The name that is bound to its host goes first: others can be planted from a
    /// neighbouring name, or a page beside ours.
    pub fn find(headers: &HeaderMap) -> Option<Self> {
        let named = |name: &str| {
            let mut pairs = headers
                .get_all(COOKIE)
                .iter()
                .filter_map(|value| value.to_str().ok())
                .flat_map(|value| value.split(';'))
                .filter_map(|pair| pair.trim().split_once('='));
            pairs.find_map(|(have, value)| (have == name).then(|| value.to_owned()))
        };
        CookieName::ALL.into_iter().find_map(|name| {
            named(name.as_str()).map(|value| Self {
                secret: CookieSecret(value),
                name,
            })
        })
    }
}

/// When a session that began then and is seen now ends.
fn end(began: Timestamp, now: Timestamp) -> Timestamp {
    now.plus(IDLE).min(began.plus(ABSOLUTE))
}

/// A session of somebody who came from the issuer.
#[derive(Debug)]
struct Visit {
    admitted: Admitted,
    began: Timestamp,
    seen: Timestamp,
}

impl Visit {
    fn ends_at(&self) -> Timestamp {
        end(self.began, self.seen)
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now >= self.ends_at()
    }
}

/// The session that was unseen the longest of whoever has most of them: nobody signs another out by
/// signing in over and over.
fn longest_of_most(visits: &HashMap<BrowserId, Visit>) -> Option<BrowserId> {
    let identity = |visit: &Visit| visit.admitted.credential.identity();
    let mut held: HashMap<[u8; 16], usize> = HashMap::new();
    for visit in visits.values() {
        *held.entry(identity(visit)).or_default() += 1;
    }
    let (most, _) = held.into_iter().max_by_key(|(_, held)| *held)?;
    let theirs = visits.iter().filter(|(_, visit)| identity(visit) == most);
    theirs
        .min_by_key(|(_, visit)| visit.seen)
        .map(|(id, _)| *id)
}

/// Every browser that is signed in.
pub struct Browsers {
    clock: Arc<dyn Clock>,
    store: Arc<dyn Store>,
    visits: Mutex<HashMap<BrowserId, Visit>>,
}

impl Browsers {
    /// Those that this store remembers, for as long as this clock says.
    pub fn with_clock(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            store,
            visits: Mutex::default(),
        }
    }

    /// Somebody whose credential was found good signs in; always under a new id. The cookie is good
    /// under this name alone. Nothing where the key was revoked meanwhile.
    pub async fn open(
        &self,
        admitted: Admitted,
        name: CookieName,
    ) -> Result<Option<CookieSecret>, StoreError> {
        let mut random = [0; 32];
        SystemChance.fill(&mut random);
        let secret = CookieSecret(BASE64_URL_SAFE_NO_PAD.encode(random));
        let now = self.clock.now();
        let id = secret.id(name);
        let kept = match admitted.credential {
            Credential::Key { id: key, .. } => {
                self.keep(id, key, name != CookieName::Plain, now, now)
                    .await?
            }
            Credential::Token { .. }
            | Credential::Browser { .. }
            | Credential::BrowserKey { .. } => {
                self.visit(id, admitted, now);
                true
            }
        };
        Ok(kept.then_some(secret))
    }

    async fn keep(
        &self,
        id: BrowserId,
        key: KeyId,
        secure: bool,
        began: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let session = BrowserSession {
            key,
            secure,
            created_at: began,
            ends_at: end(began, now),
        };
        self.store.keep_browser_session(session, id.hash()).await
    }

    fn visit(&self, id: BrowserId, admitted: Admitted, now: Timestamp) {
        let mut visits = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        visits.retain(|_, visit| !visit.is_over(now));
        if visits.len() >= MOST
            && let Some(longest) = longest_of_most(&visits)
        {
            visits.remove(&longest);
        }
        let visit = Visit {
            admitted,
            began: now,
            seen: now,
        };
        visits.insert(id, visit);
    }

    /// Whose browser it is, if its session is not over; seen now.
    pub async fn find(&self, shown: &Shown) -> Option<(BrowserId, Admitted)> {
        let id = shown.id();
        let now = self.clock.now();
        if let Some(admitted) = self.visited(id, now) {
            return Some((id, admitted));
        }
        let (row, key) = self.row(id, now)?;
        if end(row.created_at, now).since(row.ends_at) >= WORTH_WRITING {
            let kept = self.keep(id, row.key, row.secure, row.created_at, now);
            match kept.await {
                Ok(true) => {}
                // The key was revoked meanwhile.
                Ok(false) => return None,
                Err(error) => tracing::debug!(%error, "a browser's session was not prolonged"),
            }
        }
        let admitted = Admitted {
            principal: key.principal.clone(),
            credential: Credential::BrowserKey { id: key.id },
        };
        Some((id, admitted))
    }

    fn visited(&self, id: BrowserId, now: Timestamp) -> Option<Admitted> {
        let mut visits = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        let visit = visits.get_mut(&id)?;
        if visit.is_over(now) {
            visits.remove(&id);
            return None;
        }
        visit.seen = now;
        Some(visit.admitted.clone())
    }

    fn row(&self, id: BrowserId, now: Timestamp) -> Option<(BrowserSession, Arc<ApiKey>)> {
        self.store.browser_session(&id.hash(), now)
    }

    /// Whether a session is not over yet; whoever stays on the line is asked again. Staying is no
    /// sign of life.
    pub fn is_open(&self, id: &BrowserId) -> bool {
        self.lasts(id).is_some()
    }

    /// How long a session lasts from now on, if nothing is heard of it.
    pub fn lasts(&self, id: &BrowserId) -> Option<Duration> {
        let now = self.clock.now();
        let visits = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        let visit = visits.get(id).map(Visit::ends_at);
        drop(visits);
        let end = visit.or_else(|| self.row(*id, now).map(|(row, _)| row.ends_at))?;
        (now < end).then(|| end.since(now))
    }

    /// Whether it was one of those in memory, and is none any more.
    fn forget(&self, id: BrowserId) -> bool {
        let mut visits = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        visits.remove(&id).is_some()
    }

    /// Ends a session, for good once this returns.
    pub async fn close(&self, shown: &Shown) -> Result<(), StoreError> {
        let id = shown.id();
        if !self.forget(id) {
            self.store.end_browser_session(id.hash()).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
