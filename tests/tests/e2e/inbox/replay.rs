//! Many messages made pending again in one call.

use e2e::{
    api::{Caller, ids},
    server::Home,
};
use serde_json::{Value, json};

use super::bodies;

const PATH: &str = "/v1/messages/replay";

/// Gives everything that is pending back until it is dead.
fn wear_out(agent: &Caller) {
    for _ in 0..5 {
        let leased = agent.receive(json!({"max": 100}));
        assert_eq!(agent.nack(&leased), vec!["nacked"; leased.len()]);
    }
}

fn dead(agent: &Caller) -> Vec<Value> {
    let page = agent.get("/v1/messages?state=dead&limit=500");
    page["messages"].as_array().expect("messages").clone()
}

#[test]
fn only_what_is_settled_dead_or_observed_is_replayed_of_the_ids_that_are_named() {
    let home = Home::new();
    let server = home.serve();
    let agent = server.agent("acme");
    agent.make(
        "/v1/routes",
        json!({"match": "hook:acme/quiet", "target": "acme#observe"}),
    );
    let hook = agent.mint(json!({"source_label": "github"}));
    let died = hook.deliver(b"died");
    wear_out(&agent);
    let settled = hook.deliver(b"settled");
    assert_eq!(agent.ack(&agent.receive(json!({}))), ["acked"]);
    let leased = hook.deliver(b"leased");
    agent.receive(json!({}));
    let pending = hook.deliver(b"pending");
    let quiet = agent.mint(json!({"source_label": "quiet"}));
    let observed = quiet.deliver(b"observed");
    let unknown = "01K0000000000000000000000A";
    let all = json!([
        died, settled, leased, pending, observed, settled, unknown, "no id"
    ]);

    // Nobody else's business, whoever they are below or beside.
    for other in ["acmecorp", "acme/eng"] {
        let reply = server.agent(other).post(PATH, json!({"ids": all}));
        assert_eq!(reply, json!({"replayed": 0}), "{other}");
    }
    assert_eq!(
        agent.post(PATH, json!({"ids": all})),
        json!({"replayed": 3})
    );
    let again = agent.receive(json!({"max": 100}));
    assert_eq!(bodies(&again), ["died", "settled", "pending", "observed"]);
    assert!(again.iter().all(|message| message["attempt"] == 1));
    let held = agent.get(&format!("/v1/messages/{leased}"));
    assert_eq!(
        (&held["state"], &held["attempt"]),
        (&json!("leased"), &json!(1))
    );
}

#[test]
fn all_dead_messages_of_a_folder_a_pattern_or_a_time_are_replayed() {
    let home = Home::new();
    let server = home.serve();
    let agent = server.agent("acme");
    for (folder, label) in [("acme", "a"), ("acme/eng", "b"), ("acme/eng/web", "c")] {
        let hook = agent.mint(json!({"source_label": label, "target_folder": folder}));
        hook.deliver(label.as_bytes());
        wear_out(&agent.clone().narrowed_to(folder));
    }
    let all = dead(&agent);
    assert_eq!(bodies(&all), ["a", "b", "c"]);
    let replay = |ask: Value| agent.post(PATH, ask)["replayed"].clone();

    let stranger = server
        .agent("acmecorp")
        .post(PATH, json!({"state": "dead"}));
    assert_eq!(stranger, json!({"replayed": 0}));
    let nothing = json!({"state": "dead", "match": "hook:acme/nobody"});
    assert_eq!(replay(nothing), 0);
    assert_eq!(replay(json!({"state": "dead", "folder": "acmecorp"})), 0);
    let later = json!({"state": "dead", "since": "2999-01-01T00:00:00.000Z"});
    assert_eq!(replay(later), 0);
    assert_eq!(dead(&agent).len(), 3);

    let by_time = json!({"state": "dead", "since": all[2]["received_at"]});
    assert!(replay(by_time).as_u64() >= Some(1));
    let rest: Vec<_> = ids(&dead(&agent))
        .iter()
        .map(|id| (*id).to_owned())
        .collect();
    assert!(!rest.contains(&all[2]["id"].as_str().expect("an id").to_owned()));
    let below = json!({"state": "dead", "folder": "acme/eng", "match": "hook:**"});
    replay(below);
    assert!(
        dead(&agent)
            .iter()
            .all(|message| message["jid"] == "hook:acme/a")
    );
    replay(json!({"state": "dead"}));
    assert_eq!(dead(&agent), Vec::<Value>::new());
}

#[test]
fn at_most_a_thousand_are_replayed_in_one_call_and_it_says_that_there_are_more() {
    let home = Home::new();
    let server = home.serve_with(&["--hook-rate", "0"]);
    let operator = server.operator();
    let hook = operator.hook("acme", "github");
    for n in 0..1_003 {
        hook.deliver(n.to_string().as_bytes());
    }
    let agent = server.agent("acme");
    // Given back at once the oldest come again, until they are dead.
    loop {
        let leased = agent.receive(json!({"max": 100, "max_body_bytes": 0}));
        if leased.is_empty() {
            break;
        }
        agent.nack(&leased);
    }
    let all = json!({"state": "dead"});
    let replay = || agent.post(PATH, all.clone());
    assert_eq!(replay(), json!({"replayed": 1_000, "more": true}));
    assert_eq!(bodies(&dead(&agent)), ["1000", "1001", "1002"]);
    assert_eq!(replay(), json!({"replayed": 3}));
    assert_eq!(replay(), json!({"replayed": 0}));
}

#[test]
fn what_is_asked_for_in_two_ways_or_in_none_is_refused_by_name() {
    let home = Home::new();
    let server = home.serve();
    let agent = server.agent("acme");
    let many: Vec<String> = (0..1_001).map(|n| n.to_string()).collect();
    for (ask, field) in [
        (json!({}), "ids"),
        (json!({"ids": []}), "ids"),
        (json!({"ids": many}), "ids"),
        (json!({"ids": ["x"], "state": "dead"}), "state"),
        (json!({"ids": ["x"], "match": "hook:**"}), "match"),
        (json!({"ids": ["x"], "folder": "acme"}), "folder"),
        (
            json!({"ids": ["x"], "since": "2026-01-01T00:00:00Z"}),
            "since",
        ),
        (json!({"state": "settled"}), "state"),
        (json!({"state": "dead", "since": "yesterday"}), "since"),
    ] {
        let reply = agent.call("POST", PATH, Some(&ask)).expect(400);
        assert_eq!(reply.json()["field"], field, "{ask}");
    }
}
