//! Laws of what is counted.

use std::time::Duration;

use super::{
    list_laws,
    subject::{Subject, T0, arrival},
};
use crate::{
    acl::{UseMessages, authorize},
    message::{Arrival, Mode},
    principal::Principal,
    time::Timestamp,
};

list_laws![what_came_is_counted_by_minute_and_folder];

async fn what_came_is_counted_by_minute_and_folder(s: Subject) {
    let now = Timestamp::from_millis(T0.as_millis() / 60_000 * 60_000 + 61 * 60_000);
    let grants = [
        s.mint("acme", "github").await,
        s.mint("acme/eng", "github").await,
        s.mint("acmecorp", "github").await,
    ];
    for (grant, minutes_ago) in [
        (&grants[0], 0),
        (&grants[1], 0),
        (&grants[2], 0),
        (&grants[1], 59),
        (&grants[1], 60),
    ] {
        let received_at = now.minus(Duration::from_secs(minutes_ago * 60));
        let mode = match minutes_ago {
            0 => Mode::Trigger,
            _ => Mode::Observe,
        };
        s.stored(Arrival {
            received_at,
            mode,
            ..arrival(grant)
        })
        .await;
    }
    let counts = |principal: &Principal, within: Option<&str>| {
        let scope = authorize(principal, UseMessages)
            .expect("everyone may")
            .scope();
        let within = within.map(|text| text.parse().expect("legal"));
        let rates = s.store.rates(&scope, within.as_ref(), now);
        assert_eq!(rates[59].0, now);
        let sum: u64 = rates.iter().map(|(_, count)| count).sum();
        (rates[0].1, rates[59].1, sum)
    };
    let agent = Principal::Agent("acme".parse().expect("legal"));
    assert_eq!(counts(&Principal::Operator, None), (1, 3, 4));
    assert_eq!(counts(&agent, None), (1, 2, 3));
    assert_eq!(counts(&agent, Some("acme/eng")), (1, 1, 2));
    assert_eq!(counts(&agent, Some("acmecorp")), (0, 0, 0));
}
