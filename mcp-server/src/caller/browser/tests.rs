use std::sync::atomic::{AtomicU64, Ordering};

use doorbell_core::{key::KeyId, principal::Principal, token::TokenHash};
use http::HeaderValue;

use super::*;
use crate::caller::Credential;

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

fn rig() -> (Arc<Hand>, Browsers) {
    let hand = Arc::new(Hand::default());
    (Arc::clone(&hand), Browsers::new(hand))
}

fn plain(secret: &CookieSecret) -> Shown {
    cookie(&format!("a=1; doorbell_session={}; b=2", secret.expose())).expect("a cookie")
}

fn cookie(text: &str) -> Option<Shown> {
    let value = HeaderValue::from_str(text).expect("printable");
    Shown::find(&HeaderMap::from_iter([(COOKIE, value)]))
}

#[test]
fn a_cookie_is_known_until_it_is_closed_and_no_other_is() {
    let (_, browsers) = rig();
    let secret = browsers.open(admitted(), CookieName::Plain);
    let (id, found) = browsers.find(&plain(&secret)).expect("signed in");
    assert_eq!(found.principal, Principal::Operator);
    assert!(browsers.is_open(&id));
    let mut other = secret.expose().to_owned();
    other.pop();
    assert!(
        cookie(&format!("doorbell_session={other}"))
            .is_some_and(|shown| browsers.find(&shown).is_none())
    );
    browsers.close(&plain(&secret));
    assert!(browsers.find(&plain(&secret)).is_none());
    assert!(!browsers.is_open(&id));
}

#[test]
fn a_browser_that_rests_too_long_signs_in_again_and_staying_on_the_line_does_not_help() {
    let (hand, browsers) = rig();
    let secret = browsers.open(admitted(), CookieName::Plain);
    for _ in 0..3 {
        hand.turn(IDLE - Duration::from_secs(1));
        assert!(browsers.find(&plain(&secret)).is_some());
    }
    let (id, _) = browsers.find(&plain(&secret)).expect("signed in");
    hand.turn(IDLE - Duration::from_secs(1));
    assert!(browsers.is_open(&id));
    hand.turn(Duration::from_secs(1));
    assert!(!browsers.is_open(&id));
    assert!(browsers.find(&plain(&secret)).is_none());
}

#[test]
fn a_browser_that_never_rests_signs_in_again_after_a_week() {
    let (hand, browsers) = rig();
    let secret = browsers.open(admitted(), CookieName::Plain);
    let mut hours = 0;
    while browsers.find(&plain(&secret)).is_some() {
        hand.turn(Duration::from_secs(3600));
        hours += 1;
    }
    assert_eq!(hours, 7 * 24);
}

#[test]
fn so_many_browsers_are_signed_in_and_the_longest_unseen_goes_first() {
    let (hand, browsers) = rig();
    let secrets: Vec<_> = (0..MOST)
        .map(|_| {
            hand.turn(Duration::from_millis(1));
            browsers.open(admitted(), CookieName::Plain)
        })
        .collect();
    hand.turn(Duration::from_millis(1));
    assert!(browsers.find(&plain(&secrets[0])).is_some());
    browsers.open(admitted(), CookieName::Plain);
    assert!(browsers.find(&plain(&secrets[0])).is_some());
    assert!(browsers.find(&plain(&secrets[1])).is_none());
}

#[test]
fn a_cookie_of_a_secure_origin_is_taken_under_the_name_that_only_one_can_set() {
    let (_, browsers) = rig();
    let secret = browsers.open(admitted(), CookieName::Host);
    let shown = |name: &str| cookie(&format!("{name}={}", secret.expose())).expect("a cookie");
    assert!(browsers.find(&shown("__Host-doorbell_session")).is_some());
    assert!(browsers.find(&shown("doorbell_session")).is_none());
    let both = format!(
        "doorbell_session=planted; __Host-doorbell_session={}",
        secret.expose()
    );
    assert!(cookie(&both).is_some_and(|shown| browsers.find(&shown).is_some()));
    assert!(cookie("my_doorbell_session=s; doorbell_sessions=s").is_none());
}

#[test]
fn a_csrf_token_belongs_to_its_cookie_alone() {
    let (_, browsers) = rig();
    let (one, two) = (
        browsers.open(admitted(), CookieName::Plain),
        browsers.open(admitted(), CookieName::Plain),
    );
    let token = one.csrf().expose();
    assert!(one.csrf().is(token.as_bytes()));
    assert!(!two.csrf().is(token.as_bytes()));
    for bad in ["", "0", &token[1..], &token.replace(|_| true, "0")] {
        assert!(!one.csrf().is(bad.as_bytes()), "{bad}");
    }
    let shown = format!("{one:?} {:?} {:?}", one.csrf(), one.id());
    assert!(!shown.contains(&token) && !shown.contains(one.expose()));
}
