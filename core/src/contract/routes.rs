//! Laws of the rules that route messages.

use std::sync::Arc;

use super::{
    list_laws,
    subject::{
        ANN, Subject, agent, arrival, at, everything, from, grants_of, in_folder, messages_of,
        together,
    },
};
use crate::{
    grant::{Grant, GrantId},
    message::{Destination, Headers, Matched, Mode, RouteId},
    principal::Principal,
    route::{HeaderGlobs, NewRule, Outcome, Owner, Rule, default_outcome},
};

list_laws![
    a_fresh_store_has_no_rules,
    a_rule_reads_back_as_it_was_set,
    a_rule_decides_as_soon_as_it_is_set_and_no_longer_than_it_stands,
    rules_that_are_set_together_stand_one_behind_the_other,
    a_rule_is_removed_once,
    a_message_says_which_rule_sent_it_even_when_that_is_gone,
    rules_to_one_place_are_told_apart,
    the_grants_to_a_folder_are_those_whose_messages_go_there,
];

fn rule(n: u128, owner: Owner, target: &str) -> NewRule {
    NewRule {
        id: RouteId::from_u128(n),
        owner,
        pattern: "hook:**".parse().expect("legal"),
        sender: None,
        headers: HeaderGlobs::default(),
        target: target.parse().expect("legal"),
        session_made: Some(at(0)),
        seq: None,
        created_at: at(n as u64),
    }
}

fn of(folder: &str) -> Owner {
    Owner::Folder(in_folder(folder))
}

async fn set(s: &Subject, rule: NewRule) -> Arc<Rule> {
    s.store.set_rule(rule).await.expect("kept")
}

fn decided(s: &Subject, grant: &Grant) -> Outcome {
    let routes = s.store.routes();
    routes.decide(grant, &Headers::default(), &|_| None)
}

fn all(s: &Subject) -> Vec<Arc<Rule>> {
    s.store.routes().iter().cloned().collect()
}

async fn a_fresh_store_has_no_rules(s: Subject) {
    assert_eq!(all(&s), []);
    let grant = s.mint("acme", "github").await;
    assert_eq!(decided(&s, &grant), default_outcome(&grant));
}

async fn a_rule_reads_back_as_it_was_set(s: Subject) {
    let headers = [("X-GitHub-Event", "pull_*"), ("x-ref", "refs/heads/main")];
    let whole = NewRule {
        sender: Some("github".parse().expect("legal")),
        headers: HeaderGlobs::new(headers).expect("legal"),
        seq: Some(7),
        ..rule(1, Owner::Root, "acme/eng#observe")
    };
    let kept = set(&s, whole.clone()).await;
    let expected = Rule {
        id: whole.id,
        owner: whole.owner,
        pattern: whole.pattern,
        sender: whole.sender,
        headers: whole.headers,
        target: whole.target,
        session_made: whole.session_made,
        seq: 7,
        created_at: whole.created_at,
    };
    assert_eq!(*kept, expected);
    let session = set(&s, rule(2, of("acme"), "doorbell:/sessions/build")).await;
    assert_eq!(all(&s), [kept, session]);
}

async fn a_rule_decides_as_soon_as_it_is_set_and_no_longer_than_it_stands(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let rule = set(&s, rule(1, of("acme"), "acme/eng#observe")).await;
    let outcome = decided(&s, &grant);
    assert_eq!(outcome.to, Destination::folder(in_folder("acme/eng")));
    assert_eq!(outcome.mode, Mode::Observe);
    assert_eq!(outcome.rule.as_deref(), Some(&rule.matched()));
    assert_eq!(s.store.remove_rule(rule.id).await, Ok(true));
    assert_eq!(decided(&s, &grant), default_outcome(&grant));
}

async fn rules_that_are_set_together_stand_one_behind_the_other(s: Subject) {
    let new = (1..=5).map(|n| s.store.set_rule(rule(n, of("acme"), "acme")));
    let other = s.store.set_rule(rule(6, of("acme/eng"), "acme/eng"));
    let kept = together(new.chain([other]).collect()).await;
    let seqs: Vec<u32> = kept
        .into_iter()
        .map(|rule| rule.expect("kept").seq)
        .collect();
    assert_eq!(seqs, [10, 20, 30, 40, 50, 10]);
    assert_eq!(all(&s).len(), 6);
}

async fn a_rule_is_removed_once(s: Subject) {
    let one = set(&s, rule(1, of("acme"), "acme")).await;
    let other = set(&s, rule(2, of("acme"), "acme")).await;
    assert_eq!(s.store.remove_rule(one.id).await, Ok(true));
    assert_eq!(s.store.remove_rule(one.id).await, Ok(false));
    assert_eq!(s.store.remove_rule(RouteId::from_u128(9)).await, Ok(false));
    assert_eq!(all(&s), [other]);
}

async fn a_message_says_which_rule_sent_it_even_when_that_is_gone(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let rule = set(&s, rule(1, of("acme"), "acme/eng")).await;
    let Outcome { to, mode, rule: by } = decided(&s, &grant);
    let mut ruled = arrival(&grant);
    (ruled.to, ruled.mode, ruled.rule) = (to, mode, by);
    let ruled = s.stored(ruled).await;
    let plain = s.stored(arrival(&grant)).await;
    s.store.remove_rule(rule.id).await.expect("removed");
    let expected = Matched {
        id: rule.id,
        said: "hook:** -> acme/eng".into(),
    };
    let detail = s.detail(ruled, at(9)).await.message;
    assert_eq!(detail.rule.as_deref(), Some(&expected));
    assert_eq!(s.detail(plain, at(9)).await.message.rule, None);
    let leased = s.take("acme/eng", ANN, at(9)).await;
    assert_eq!(leased[0].rule.as_deref(), Some(&expected));
}

async fn rules_to_one_place_are_told_apart(s: Subject) {
    let grant = s.mint("acme", "github").await;
    let mut ids = Vec::new();
    for n in [1, 2, 1, 3] {
        let mut one = arrival(&grant);
        let said = "hook:** -> acme".into();
        let id = RouteId::from_u128(n);
        one.rule = Some(Arc::new(Matched { id, said }));
        ids.push(s.stored(one).await);
    }
    let leased = s.lease(from("acme", ANN, at(1))).await.messages;
    let said: Vec<_> = leased
        .iter()
        .map(|message| message.rule.as_ref().expect("said").id.as_u128())
        .collect();
    assert_eq!(said, [1, 2, 1, 3], "in the order of arrival");
}

async fn the_grants_to_a_folder_are_those_whose_messages_go_there(s: Subject) {
    let (mut grant, hash) = s.record("acme/eng", "github");
    grant.owner_folder = in_folder("acme");
    let grant = s.insert((grant, hash)).await.expect("kept");
    let to = |principal: &Principal| -> Vec<GrantId> {
        let found = s.store.grants_to(&grant.jid(), &messages_of(principal));
        found.iter().map(|grant| grant.id).collect()
    };
    let below = agent("acme/eng");
    assert_eq!(to(&below), [grant.id]);
    assert_eq!(s.store.grants_of(&grant.jid(), &grants_of(&below)), []);
    assert_eq!(to(&agent("acme")), [grant.id]);
    for elsewhere in ["acme/engine", "acme/eng/web", "other"] {
        assert_eq!(to(&agent(elsewhere)), []);
    }
    let nowhere = "hook:acme/nobody".parse().expect("legal");
    assert_eq!(s.store.grants_to(&nowhere, &everything()), []);
}
