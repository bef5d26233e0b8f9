//! Links that sign a browser in, each once and within a minute: for whoever holds a key already and
//! would rather not type it into a form.
//!
//! A link holds 256 random bits of which only the hash lies here, in memory alone: a restart ends it.

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
use doorbell_ingress::machine::SystemChance;

use super::Admitted;

/// How long a link is good.
const LASTS: Duration = Duration::from_secs(60);
/// How many are good at once at the most; a further one takes the place of the oldest that whoever
/// made most has.
const MOST: usize = 64;

/// What a link holds. It cannot be printed by accident.
pub struct LinkSecret(String);

impl LinkSecret {
    /// The text, to be put into a URL.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSecret")
    }
}

struct Link {
    /// Who is signed in by it.
    admitted: Admitted,
    expires_at: Timestamp,
}

/// Every link that was not followed yet.
pub(super) struct SignInLinks {
    clock: Arc<dyn Clock>,
    links: Mutex<HashMap<blake3::Hash, Link>>,
}

impl SignInLinks {
    /// None yet.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            links: Mutex::default(),
        }
    }

    /// A link by which a browser signs in as this one, and until when it is good.
    pub(super) fn make(&self, admitted: Admitted) -> (LinkSecret, Timestamp) {
        let mut random = [0; 32];
        SystemChance.fill(&mut random);
        let secret = LinkSecret(BASE64_URL_SAFE_NO_PAD.encode(random));
        let now = self.clock.now();
        let expires_at = now.plus(LASTS);
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|_, link| now < link.expires_at);
        if links.len() >= MOST
            && let Some(oldest) = oldest_of_most(&links)
        {
            links.remove(&oldest);
        }
        let link = Link {
            admitted,
            expires_at,
        };
        links.insert(blake3::hash(secret.0.as_bytes()), link);
        (secret, expires_at)
    }

    /// Whom a link signs in, if it is good; it is not any more.
    pub(super) fn take(&self, text: &str) -> Option<Admitted> {
        let hash = blake3::hash(text.as_bytes());
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let link = links.remove(&hash)?;
        (self.clock.now() < link.expires_at).then_some(link.admitted)
    }
}

/// The oldest link of the credential that has most of them.
fn oldest_of_most(links: &HashMap<blake3::Hash, Link>) -> Option<blake3::Hash> {
    let mut made: HashMap<[u8; 16], usize> = HashMap::new();
    for link in links.values() {
        *made.entry(link.admitted.credential.identity()).or_default() += 1;
    }
    let (most, _) = made.into_iter().max_by_key(|(_, links)| *links)?;
    links
        .iter()
        .filter(|(_, link)| link.admitted.credential.identity() == most)
        .min_by_key(|(_, link)| link.expires_at)
        .map(|(hash, _)| *hash)
}

#[cfg(test)]
mod tests {
    use doorbell_core::{key::KeyId, principal::Principal, token::TokenHash};

    use super::*;
    use crate::caller::Credential;

    #[derive(Default)]
    struct Hand(Mutex<u64>);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(*self.0.lock().expect("unpoisoned"))
        }
    }

    fn operator() -> Admitted {
        holder(1)
    }

    fn holder(key: u128) -> Admitted {
        Admitted {
            principal: Principal::Operator,
            credential: Credential::Key {
                id: KeyId::from_u128(key),
                hash: TokenHash::from_bytes([0; 32]),
            },
        }
    }

    #[test]
    fn one_that_makes_many_links_ends_none_of_anothers() {
        let clock = Arc::new(Hand::default());
        let links = SignInLinks::new(clock.clone());
        let (anothers, _) = links.make(holder(2));
        for _ in 0..MOST * 2 {
            *clock.0.lock().expect("unpoisoned") += 1;
            links.make(operator());
        }
        assert!(links.take(anothers.expose()).is_some());
    }

    #[test]
    fn a_link_is_good_once() {
        let links = SignInLinks::new(Arc::new(Hand::default()));
        let (secret, _) = links.make(operator());
        assert!(links.take("another").is_none());
        assert!(links.take(secret.expose()).is_some());
        assert!(links.take(secret.expose()).is_none());
    }

    #[test]
    fn a_link_is_good_for_a_minute() {
        let clock = Arc::new(Hand::default());
        let links = SignInLinks::new(clock.clone());
        let (early, _) = links.make(operator());
        let (late, _) = links.make(operator());
        *clock.0.lock().expect("unpoisoned") = 59_999;
        assert!(links.take(early.expose()).is_some());
        *clock.0.lock().expect("unpoisoned") = 60_000;
        assert!(links.take(late.expose()).is_none());
    }

    #[test]
    fn links_that_nobody_follows_do_not_pile_up() {
        let clock = Arc::new(Hand::default());
        let links = SignInLinks::new(clock.clone());
        let (first, _) = links.make(operator());
        for _ in 0..MOST {
            *clock.0.lock().expect("unpoisoned") += 1;
            links.make(operator());
        }
        assert!(links.take(first.expose()).is_none(), "the oldest made room");
        assert_eq!(links.links.lock().expect("unpoisoned").len(), MOST);
    }
}
