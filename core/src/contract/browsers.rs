//! Laws of browsers that are signed in.

use super::{
    list_laws,
    subject::{Subject, at, hash, just_before},
};
use crate::{
    browser::{BrowserSession, MAX_BROWSERS_PER_KEY},
    key::{ApiKey, KeyId},
    principal::Principal,
    time::Timestamp,
};

list_laws![
    a_browser_is_found_with_its_key_until_its_end,
    a_revoked_key_ends_its_browsers_and_opens_none,
    whoever_signs_out_is_out,
    a_key_has_so_many_browsers_and_the_first_to_end_makes_room,
];

/// A live key, whose hash is `hash(n)`.
async fn a_key(s: &Subject, n: u64) -> ApiKey {
    let key = ApiKey {
        id: KeyId::new(at(n), n.into()),
        principal: Principal::Operator,
        name: None,
        created_at: at(n),
        revoked_at: None,
    };
    s.store
        .insert_key(key.clone(), hash(n))
        .await
        .expect("kept");
    key
}

fn browser(key: &ApiKey, ends_at: Timestamp) -> BrowserSession {
    BrowserSession {
        key: key.id,
        secure: true,
        created_at: at(1),
        ends_at,
    }
}

async fn keep(s: &Subject, session: &BrowserSession, n: u64) -> bool {
    let kept = s.store.keep_browser_session(session.clone(), hash(n));
    kept.await.expect("asked")
}

async fn a_browser_is_found_with_its_key_until_its_end(s: Subject) {
    let key = a_key(&s, 1).await;
    let session = browser(&key, at(100));
    assert_eq!(s.store.browser_session(&hash(7), at(2)), None, "before");
    assert!(keep(&s, &session, 7).await);
    let found = s.store.browser_session(&hash(7), just_before(at(100)));
    assert_eq!(found, Some((session.clone(), key.clone().into())));
    assert_eq!(s.store.browser_session(&hash(7), at(100)), None);
    assert_eq!(
        s.store.browser_session(&hash(1), at(2)),
        None,
        "that is the key's"
    );
    // Whoever is seen is given longer.
    let longer = browser(&key, at(200));
    assert!(keep(&s, &longer, 7).await);
    let found = s.store.browser_session(&hash(7), at(100));
    assert_eq!(found, Some((longer, key.into())));
}

async fn a_revoked_key_ends_its_browsers_and_opens_none(s: Subject) {
    let (key, other) = (a_key(&s, 1).await, a_key(&s, 2).await);
    assert!(keep(&s, &browser(&key, at(100)), 7).await);
    assert!(keep(&s, &browser(&other, at(100)), 8).await);
    assert_eq!(s.store.revoke_key(key.id, at(3)).await, Ok(true));
    assert_eq!(s.store.browser_session(&hash(7), at(3)), None);
    assert!(s.store.browser_session(&hash(8), at(3)).is_some());
    assert!(!keep(&s, &browser(&key, at(100)), 9).await);
    assert_eq!(s.store.browser_session(&hash(9), at(3)), None);
}

async fn whoever_signs_out_is_out(s: Subject) {
    let key = a_key(&s, 1).await;
    assert!(keep(&s, &browser(&key, at(100)), 7).await);
    assert_eq!(s.store.end_browser_session(hash(8)).await, Ok(false));
    assert_eq!(s.store.end_browser_session(hash(7)).await, Ok(true));
    assert_eq!(s.store.browser_session(&hash(7), at(2)), None);
    assert_eq!(s.store.end_browser_session(hash(7)).await, Ok(false));
}

async fn a_key_has_so_many_browsers_and_the_first_to_end_makes_room(s: Subject) {
    let (key, other) = (a_key(&s, 1).await, a_key(&s, 2).await);
    let most = MAX_BROWSERS_PER_KEY as u64;
    assert!(keep(&s, &browser(&other, at(10)), 99).await);
    for n in 0..most {
        // The third ends first.
        let ends_at = if n == 2 { at(50) } else { at(100 + n) };
        assert!(keep(&s, &browser(&key, ends_at), 1_000 + n).await);
    }
    // One that is there already takes no other's place.
    assert!(keep(&s, &browser(&key, at(60)), 1_002).await);
    let there = |n: u64| s.store.browser_session(&hash(1_000 + n), at(5)).is_some();
    assert!((0..most).all(there));
    assert!(keep(&s, &browser(&key, at(500)), 1_000 + most).await);
    assert!(!there(2));
    assert_eq!((0..=most).filter(|n| there(*n)).count() as u64, most);
    assert!(
        s.store.browser_session(&hash(99), at(5)).is_some(),
        "another's"
    );
}
