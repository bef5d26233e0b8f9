//! Browsers that have signed in.
//!
//! A browser shows its credential once, in the sign-in form, and from then on a cookie of 256 random
//! bits. Here lies only the cookie's hash, and what was shown, which is asked again at each request:
//! with a revoked key its browsers are out too. It is kept in memory alone: a restart signs out.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use doorbell_core::{
    time::{Clock, Timestamp},
    token::Chance,
};
use doorbell_ingress::{
    machine::{SystemChance, SystemClock},
    redact::{PATH_SESSION_COOKIE, SECURE_SESSION_COOKIE, SESSION_COOKIE},
};
use http::{HeaderMap, header::COOKIE};

use super::Admitted;

/// After so long without a request a browser has to sign in again.
const IDLE: Duration = Duration::from_secs(12 * 3600);
/// After so long it has to in any case.
const ABSOLUTE: Duration = Duration::from_secs(7 * 24 * 3600);
/// How many browsers are signed in at once at the most: the longest unseen goes first.
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

    fn id(&self) -> BrowserId {
        BrowserId(*blake3::hash(self.0.as_bytes()).as_bytes())
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

#[derive(Debug)]
struct Visit {
    admitted: Admitted,
    name: CookieName,
    began: Timestamp,
    seen: Timestamp,
}

impl Visit {
    fn is_over(&self, now: Timestamp) -> bool {
        now.since(self.seen) >= IDLE || now.since(self.began) >= ABSOLUTE
    }
}

/// Every browser that is signed in.
pub struct Browsers {
    clock: Arc<dyn Clock>,
    visits: Mutex<HashMap<BrowserId, Visit>>,
}

impl Default for Browsers {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock))
    }
}

impl Browsers {
    /// None yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            visits: Mutex::default(),
        }
    }

    /// Somebody whose credential was found good signs in; always under a new id. The cookie is good
    /// under this name alone.
    pub fn open(&self, admitted: Admitted, name: CookieName) -> CookieSecret {
        let mut random = [0; 32];
        SystemChance.fill(&mut random);
        let secret = CookieSecret(BASE64_URL_SAFE_NO_PAD.encode(random));
        let now = self.clock.now();
        let mut visits = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        visits.retain(|_, visit| !visit.is_over(now));
        if visits.len() >= MOST
            && let Some(longest) = visits.iter().min_by_key(|(_, visit)| visit.seen)
        {
            let longest = *longest.0;
            visits.remove(&longest);
        }
        let visit = Visit {
            admitted,
            name,
            began: now,
            seen: now,
        };
        visits.insert(secret.id(), visit);
        secret
    }

    /// Whose browser it is, if its session is not over; seen now.
    pub fn find(&self, shown: &Shown) -> Option<(BrowserId, Admitted)> {
        let id = shown.secret.id();
        let now = self.clock.now();
        let mut visits = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        let visit = visits
            .get_mut(&id)
            .filter(|visit| visit.name == shown.name)?;
        if visit.is_over(now) {
            visits.remove(&id);
            return None;
        }
        visit.seen = now;
        Some((id, visit.admitted.clone()))
    }

    /// Whether a session is not over yet; whoever stays on the line is asked again. Staying is no
    /// sign of life.
    pub fn is_open(&self, id: &BrowserId) -> bool {
        let now = self.clock.now();
        let visits = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        visits.get(id).is_some_and(|visit| !visit.is_over(now))
    }

    /// How long a session lasts from now on, if nothing is heard of it.
    pub fn lasts(&self, id: &BrowserId) -> Option<Duration> {
        let now = self.clock.now();
        let visits = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        let visit = visits.get(id)?;
        let end = visit.seen.plus(IDLE).min(visit.began.plus(ABSOLUTE));
        Some(end.since(now))
    }

    /// Ends a session.
    pub fn close(&self, shown: &Shown) {
        let mut visits = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        visits.remove(&shown.secret.id());
    }
}

#[cfg(test)]
mod tests;
