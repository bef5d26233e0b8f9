//! Time is told by the tests; the loop itself runs in the end-to-end tests, against a real issuer.

use super::*;

fn after(begin: Instant, seconds: u64) -> Instant {
    begin + Duration::from_secs(seconds)
}

fn away() -> Result<Published, FetchError> {
    let (url, why) = ("https://id.example".to_owned(), "refused".to_owned());
    Err(FetchError::Away { url, why })
}

#[test]
fn unknown_keys_cause_one_fetch_in_ten_seconds_however_many_ask() {
    let (keys, begin) = (Keys::default(), Instant::now());
    keys.note(Some(Published::default()), begin);
    // The first does at once, and the others join it while it is under way.
    assert_eq!(keys.ask(begin), Some(1));
    for _ in 0..50 {
        assert_eq!(keys.ask(after(begin, 1)), Some(1));
    }
    keys.note(Some(Published::default()), after(begin, 2));
    for early in [2, 5, 9] {
        assert_eq!(keys.ask(after(begin, early)), None, "{early}");
    }
    assert_eq!(keys.ask(after(begin, 10)), Some(2));
    // Fetches by age are not counted: a rotation right after one is found at once.
    keys.note(Some(Published::default()), after(begin, 11));
    keys.note(Some(Published::default()), after(begin, 600));
    assert_eq!(keys.ask(after(begin, 600)), Some(4));
}

#[test]
fn without_any_keys_the_issuer_may_be_asked_each_second() {
    let (keys, begin) = (Keys::default(), Instant::now());
    assert_eq!(keys.ask(begin), Some(0));
    keys.note(None, begin);
    assert_eq!(keys.ask(begin), None);
    assert_eq!(keys.ask(after(begin, 1)), Some(1));
}

#[test]
fn keys_outlive_an_issuer_that_is_away_by_a_day() {
    let (keys, begin) = (Keys::default(), Instant::now());
    assert!(keys.at(begin).is_none());
    keys.note(Some(Published::default()), begin);
    keys.note(None, after(begin, 3_600));
    assert!(keys.at(after(begin, 23 * 3_600)).is_some());
    assert!(keys.at(after(begin, 24 * 3_600)).is_none());
}

#[test]
fn an_issuer_that_is_away_is_tried_ever_less_often_and_then_by_age() {
    let mut failures = Failures::default();
    let rests: Vec<u64> = (0..8).map(|_| failures.note(&away()).as_secs()).collect();
    assert_eq!(rests, [1, 2, 4, 8, 16, 30, 30, 30]);
    assert_eq!(failures.note(&Ok(Published::default())), REFRESH);
    assert_eq!(failures.note(&away()).as_secs(), 1);
}

#[tokio::test]
async fn whoever_asks_is_answered_when_the_fetch_has_ended() {
    let keys = Keys::default();
    let (newer, ()) = tokio::join!(keys.newer(), async {
        keys.wanted.notified().await;
        keys.note(Some(Published::default()), Instant::now());
    });
    assert!(newer.is_some());
    // Too early: nothing to wait for.
    assert!(keys.newer().await.is_none());
}
