//! What an operator makes to try something out is forgotten, with all that came of it.

use e2e::server::{Home, wait_for};
use serde_json::json;

#[test]
fn what_came_through_a_probe_is_gone_once_it_is_revoked_and_a_lasting_ones_stays() {
    let home = Home::new();
    let mut server = home.serve();
    let operator = server.operator();
    let lasting = operator.mint(json!({"source_label": "x", "target_folder": "acme"}));
    let ask =
        json!({"source_label": "x", "target_folder": "acme", "probe": true, "ttl_seconds": 86_400});
    let probe = operator.mint(ask);
    let kept = lasting.deliver(b"kept");
    let gone = probe.deliver(b"gone");
    assert_eq!(operator.log().len(), 2, "it is shown while it lives");
    let tokens = operator.get("/v1/route_tokens");
    let listed = tokens["tokens"].as_array().expect("tokens").iter();
    let own = listed
        .clone()
        .find(|token| token["grant_id"] == json!(probe.grant_id))
        .expect("it lives");
    let (made, ends) = (&own["created_at"], &own["expires_at"]);
    let minutes = |time: &serde_json::Value| time.as_str().expect("a time")[14..16].parse::<i32>();
    let lasts = (minutes(ends).expect("digits") - minutes(made).expect("digits")).rem_euclid(60);
    assert_eq!(lasts, 10, "ten minutes at the most: {own}");

    let path = format!("/v1/grants/{}", probe.grant_id);
    operator.call("DELETE", &path, None).expect(200);
    for _ in 0..2 {
        let operator = server.operator();
        let log = operator.log();
        assert_eq!(log.len(), 1, "{log:?}");
        assert_eq!(log[0]["id"], json!(kept));
        operator
            .call("GET", &format!("/v1/messages/{gone}"), None)
            .expect(404);
        server.crash_and_restart();
    }
    // What was pending is nobody's to take, and what came to the same address is.
    let taken = server
        .operator()
        .receive(json!({"folder": "acme", "max": 10}));
    assert_eq!(taken.len(), 1, "{taken:?}");
    assert_eq!(taken[0]["id"], json!(kept));
}

#[test]
fn a_session_and_a_channel_that_were_tried_out_are_in_no_list() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let session = json!({"id": "trial", "folder": "acme", "probe": true});
    operator.make("/v1/sessions", session);
    let channel = operator.make(
        "/v1/channels",
        json!({"session_id": "trial", "probe": true}),
    );
    let grant = channel["grant_id"].as_str().expect("an id").to_owned();
    assert_eq!(
        operator.get("/v1/channels")["grants"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    operator
        .call("DELETE", &format!("/v1/channels/{grant}"), None)
        .expect(200);
    operator
        .call("DELETE", "/v1/sessions/trial", None)
        .expect(200);
    wait_for("both to be gone", || {
        let none = |path: &str, member: &str| operator.get(path)[member] == json!([]);
        (none("/v1/channels", "grants") && none("/v1/sessions", "sessions")).then_some(())
    });
}

#[test]
fn an_agent_leaves_nothing_out_of_the_operators_lists() {
    let home = Home::new();
    let server = home.serve();
    let agent = server.agent("acme");
    for (path, ask) in [
        (
            "/v1/route_tokens/hook",
            json!({"source_label": "x", "probe": true}),
        ),
        ("/v1/sessions", json!({"id": "trial", "probe": true})),
    ] {
        let reply = agent.call("POST", path, Some(&ask)).expect(403);
        assert!(reply.text().contains("probe"), "{}", reply.text());
    }
}
