use std::sync::atomic::{AtomicU64, Ordering};

use doorbell_core::{memory::MemoryStore, ports::KeyStore, principal::Principal};
use http::HeaderValue;

use super::*;
use crate::switchboard::Switchboard;

#[derive(Default)]
struct Hand(AtomicU64);

impl Hand {
    fn turn(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).expect("short");
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

fn admitted() -> Admitted {
    Admitted {
        principal: Principal::Operator,
        credential: Credential::Key {
            id: KeyId::from_u128(1),
            hash: TokenHash::from_bytes([0; 32]),
        },
    }
}

/// Browsers of a store that has the key of [`admitted`].
async fn rig() -> (Arc<Hand>, Browsers) {
    let hand = Arc::new(Hand::default());
    let store = MemoryStore::new(Switchboard::new());
    let key = ApiKey {
        id: KeyId::from_u128(1),
        principal: Principal::Operator,
        name: None,
        created_at: hand.now(),
        revoked_at: None,
    };
    let kept = store.insert_key(key, TokenHash::from_bytes([0; 32]));
    kept.await.expect("kept");
    let browsers = Browsers::with_clock(Arc::new(store), Arc::clone(&hand) as _);
    (hand, browsers)
}

async fn open(browsers: &Browsers, name: CookieName) -> CookieSecret {
    let opened = browsers.open(admitted(), name).await;
    opened.expect("kept").expect("the key is live")
}

fn plain(secret: &CookieSecret) -> Shown {
    cookie(&format!("a=1; doorbell_session={}; b=2", secret.expose())).expect("a cookie")
}

fn cookie(text: &str) -> Option<Shown> {
    let value = HeaderValue::from_str(text).expect("printable");
    Shown::find(&HeaderMap::from_iter([(COOKIE, value)]))
}

#[tokio::test]
async fn a_cookie_is_known_until_it_is_closed_and_no_other_is() {
    let (_, browsers) = rig().await;
    let secret = open(&browsers, CookieName::Plain).await;
    let (id, found) = browsers.find(&plain(&secret)).await.expect("signed in");
    assert_eq!(found.principal, Principal::Operator);
    assert!(browsers.is_open(&id));
    let mut other = secret.expose().to_owned();
    other.pop();
    let other = cookie(&format!("doorbell_session={other}")).expect("a cookie");
    assert!(browsers.find(&other).await.is_none());
    browsers.close(&plain(&secret)).await.expect("ended");
    assert!(browsers.find(&plain(&secret)).await.is_none());
    assert!(!browsers.is_open(&id));
}

#[tokio::test]
async fn a_browser_that_rests_too_long_signs_in_again_and_staying_on_the_line_does_not_help() {
    let (hand, browsers) = rig().await;
    let secret = open(&browsers, CookieName::Plain).await;
    for _ in 0..3 {
        hand.turn(IDLE - Duration::from_secs(1));
        assert!(browsers.find(&plain(&secret)).await.is_some());
    }
    let (id, _) = browsers.find(&plain(&secret)).await.expect("signed in");
    hand.turn(IDLE - Duration::from_secs(1));
    assert!(browsers.is_open(&id));
    hand.turn(Duration::from_secs(1));
    assert!(!browsers.is_open(&id));
    assert!(browsers.find(&plain(&secret)).await.is_none());
}

#[tokio::test]
async fn a_browser_that_never_rests_signs_in_again_after_a_week() {
    let (hand, browsers) = rig().await;
    let secret = open(&browsers, CookieName::Plain).await;
    let mut hours = 0;
    while browsers.find(&plain(&secret)).await.is_some() {
        hand.turn(Duration::from_secs(3600));
        hours += 1;
    }
    assert_eq!(hours, 7 * 24);
}

#[tokio::test]
async fn so_many_came_from_the_issuer_and_the_longest_unseen_goes_first() {
    let (hand, browsers) = rig().await;
    let id = |n: usize| BrowserId(*blake3::hash(&n.to_le_bytes()).as_bytes());
    for n in 0..MOST {
        hand.turn(Duration::from_millis(1));
        browsers.visit(id(n), admitted(), hand.now());
    }
    hand.turn(Duration::from_millis(1));
    assert!(browsers.visited(id(0), hand.now()).is_some());
    browsers.visit(id(MOST), admitted(), hand.now());
    assert!(browsers.is_open(&id(0)));
    assert!(!browsers.is_open(&id(1)));
}

#[tokio::test]
async fn a_cookie_of_a_secure_origin_is_taken_under_the_name_that_only_one_can_set() {
    let (_, browsers) = rig().await;
    let secret = open(&browsers, CookieName::Host).await;
    let shown = |name: &str| cookie(&format!("{name}={}", secret.expose())).expect("a cookie");
    assert!(
        browsers
            .find(&shown("__Host-doorbell_session"))
            .await
            .is_some()
    );
    assert!(browsers.find(&shown("doorbell_session")).await.is_none());
    let both = format!(
        "doorbell_session=planted; __Host-doorbell_session={}",
        secret.expose()
    );
    let both = cookie(&both).expect("a cookie");
    assert!(browsers.find(&both).await.is_some());
    assert!(cookie("my_doorbell_session=s; doorbell_sessions=s").is_none());
}

#[tokio::test]
async fn a_csrf_token_belongs_to_its_cookie_alone() {
    let (_, browsers) = rig().await;
    let (one, two) = (
        open(&browsers, CookieName::Plain).await,
        open(&browsers, CookieName::Plain).await,
    );
    let token = one.csrf().expose();
    assert!(one.csrf().is(token.as_bytes()));
    assert!(!two.csrf().is(token.as_bytes()));
    for bad in ["", "0", &token[1..], &token.replace(|_| true, "0")] {
        assert!(!one.csrf().is(bad.as_bytes()), "{bad}");
    }
    let shown = format!("{one:?} {:?} {:?}", one.csrf(), one.id(CookieName::Plain));
    assert!(!shown.contains(&token) && !shown.contains(one.expose()));
}

#[tokio::test]
async fn whoever_signs_in_over_and_over_at_the_issuer_signs_nobody_else_out() {
    let (hand, browsers) = rig().await;
    let id = |n: usize| BrowserId(*blake3::hash(&n.to_le_bytes()).as_bytes());
    let mut another = admitted();
    another.credential = Credential::BrowserKey {
        id: KeyId::from_u128(2),
    };
    browsers.visit(id(0), another, hand.now());
    for n in 1..2 * MOST {
        hand.turn(Duration::from_millis(1));
        browsers.visit(id(n), admitted(), hand.now());
    }
    assert!(browsers.is_open(&id(0)), "though it was unseen the longest");
    assert!(!browsers.is_open(&id(1)));
    assert!(browsers.is_open(&id(2 * MOST - 1)));
}
