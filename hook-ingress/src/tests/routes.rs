//! Rules at the front door.

use doorbell_core::{
    message::{Kind, Mode, RouteId},
    ports::{Channels, RouteStore, Routes},
    route::{HeaderGlobs, NewRule, Owner},
    time::Clock,
};

use super::house::House;

impl House {
    /// Sets a rule of an agent's.
    async fn rule(&self, owner: &str, headers: &[(&str, &str)], target: &str) -> RouteId {
        let now = self.clock.now();
        let before = self.store.routes().iter().count();
        let id = target.strip_prefix("doorbell:/sessions/");
        let session = id.and_then(|id| self.store.session(&id.parse().expect("legal")));
        let new = NewRule {
            id: RouteId::new(now, before as u128),
            owner: Owner::Folder(owner.parse().expect("legal")),
            pattern: "hook:**".parse().expect("legal"),
            sender: None,
            headers: HeaderGlobs::new(headers.iter().copied()).expect("legal"),
            target: target.parse().expect("legal"),
            session_made: session.map(|session| session.created_at),
            seq: None,
            created_at: now,
        };
        self.store.set_rule(new).await.expect("kept").id
    }
}

#[tokio::test]
async fn the_first_rule_that_matches_decides_and_is_named_on_the_message() {
    let house = House::open().await;
    let token = house.token().await;
    let quiet = house
        .rule("acme", &[("X-GitHub-Event", "st*")], "acme/quiet#observe")
        .await;
    let loud = house.rule("acme/eng", &[], "acme/eng/all").await;
    for event in ["star", "push"] {
        let header = format!("x-github-event: {event}\r\n");
        house.post(&token, &header, b"").await.accepted();
    }
    let removed = house.store.remove_rule(loud).await;
    assert_eq!(removed, Ok(true));
    house.post(&token, "", b"").await.accepted();
    let stored = house.stored().await;
    let seen: Vec<_> = stored
        .iter()
        .map(|it| {
            let rule = it.rule.as_ref().map(|rule| rule.id);
            (it.to.folder.as_str(), it.mode, rule)
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("acme/quiet", Mode::Observe, Some(quiet)),
            ("acme/eng/all", Mode::Trigger, Some(loud)),
            ("acme/eng", Mode::Trigger, None),
        ]
    );
    let said = stored[1].rule.as_ref().map(|rule| &*rule.said);
    assert_eq!(said, Some("hook:** -> acme/eng/all"), "although it is gone");
}

#[tokio::test]
async fn a_message_whose_session_ends_under_it_goes_on_to_the_next_rule() {
    let house = House::open().await;
    let token = house.token().await;
    house.channel("build").await;
    let target = "doorbell:/sessions/build";
    house.rule("acme/eng", &[], target).await;
    let next = house.rule("acme/eng", &[], "acme/eng/late#observe").await;
    house.post(&token, "", b"1").await.accepted();
    house.end_before_the_next("build");
    house.post(&token, "", b"2").await.accepted();
    house.post(&token, "", b"3").await.accepted();
    let stored = house.stored().await;
    // The first waited for that session, and is routed anew as well.
    assert_eq!(stored[0].to.folder.as_str(), "acme/eng/late");
    let rules: Vec<_> = stored
        .iter()
        .map(|it| it.rule.as_ref().map(|rule| rule.id))
        .collect();
    assert_eq!(rules, [Some(next); 3]);
    assert_eq!(stored[1].mode, Mode::Observe);
}

#[tokio::test]
async fn a_handshake_goes_where_a_rule_says_and_is_as_loud_as_handshakes_are() {
    let house = House::open().await;
    let token = house.token().await;
    house.rule("acme/eng", &[], "acme/eng/setup").await;
    let ask = br#"{"challenge":"abc"}"#;
    house
        .post(&token, "content-type: application/json\r\n", ask)
        .await;
    let stored = house.stored().await;
    assert_eq!(stored[0].to.folder.as_str(), "acme/eng/setup");
    assert_eq!(
        (stored[0].kind, stored[0].mode),
        (Kind::Handshake, Mode::Observe)
    );
    assert!(stored[0].rule.is_some());
}
