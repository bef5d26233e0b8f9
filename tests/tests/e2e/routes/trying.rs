//! `POST /v1/routes/test`: where a message would go, and why.

use e2e::server::Home;
use serde_json::json;

use super::{route, set};

#[test]
fn each_rule_says_why_it_did_or_did_not_match() {
    let home = Home::new();
    let server = home.serve();
    let eng = server.agent("acme/eng");
    let hook = eng.mint(json!({"source_label": "github"}));
    eng.make("/v1/sessions", json!({"id": "build"}));
    route(&eng, "hook:acme/eng/linear", "acme/eng");
    set(
        &eng,
        json!({"match": "hook:**", "sender": "linear", "target": "acme/eng"}),
    );
    let event = json!({"x-github-event": "p*"});
    set(
        &eng,
        json!({"match": "hook:**", "headers": {"x-ref": "*"}, "target": "acme/eng"}),
    );
    route(&eng, "hook:**", "doorbell:/sessions/build");
    let decides = set(
        &eng,
        json!({"match": "hook:**", "headers": event, "target": "acme/eng/web#observe"}),
    );
    route(&eng, "hook:**", "acme/eng");
    eng.call("DELETE", "/v1/sessions/build", None).expect(200);
    let before = eng.log().len();
    let ask = json!({"jid": hook.jid, "headers": {"X-GitHub-Event": "push"}});
    let tested = eng.post("/v1/routes/test", ask);
    assert_eq!(tested["jid"], json!(hook.jid));
    assert_eq!(tested["matched"], decides);
    assert_eq!(
        (&tested["target"], &tested["mode"]),
        (&json!("acme/eng/web"), &json!("observe"))
    );
    let rules = tested["rules"].as_array().expect("rules");
    for (rule, (matched, why)) in rules.iter().zip([
        (false, "match"),
        (false, "sender"),
        (false, "headers.x-ref"),
        (false, "session"),
        (true, "first"),
        (false, "not reached"),
    ]) {
        assert_eq!(rule["matched"], matched, "{rule}");
        let said = rule["why"].as_str().expect("a reason");
        assert!(said.contains(why), "{why}: {said}");
    }
    assert_eq!(rules.len(), 6);
    assert_eq!(eng.log().len(), before, "nothing is stored");
    // The same as what then happens.
    let reply = hook.post(&[("X-GitHub-Event", "push")], b"").expect(200);
    let id = reply.header("x-message-id").expect("an id");
    let detail = server.operator().get(&format!("/v1/messages/{id}"));
    assert_eq!(detail["route_id"], decides["route_id"]);
    let tested = eng.post("/v1/routes/test", json!({"jid": hook.jid}));
    assert_eq!(tested["target"], "acme/eng");
}

#[test]
fn without_a_rule_it_says_so_and_without_a_live_url_it_is_not_found() {
    let home = Home::new();
    let server = home.serve();
    let eng = server.agent("acme/eng");
    let unknown = eng.call(
        "POST",
        "/v1/routes/test",
        Some(&json!({"jid": "hook:acme/eng/x"})),
    );
    let said = unknown.expect(404).text();
    assert!(said.contains("issue one"), "{said}");
    let hook = eng.mint(json!({"source_label": "x"}));
    let tested = eng.post("/v1/routes/test", json!({"jid": hook.jid}));
    assert_eq!(tested.get("matched"), None);
    assert_eq!(
        (&tested["target"], &tested["rules"]),
        (&json!("acme/eng"), &json!([]))
    );
    let path = format!("/v1/route_tokens/{}", hook.jid);
    eng.call("DELETE", &path, None).expect(200);
    eng.call("POST", "/v1/routes/test", Some(&json!({"jid": hook.jid})))
        .expect(404);
}

#[test]
fn a_containing_folders_rules_are_named_without_detail() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let (acme, eng) = (server.agent("acme"), server.agent("acme/eng"));
    // Minted above for the folder below, which may try it all the same.
    let hook = acme.mint(json!({"source_label": "x", "target_folder": "acme/eng"}));
    let ask = json!({"jid": hook.jid});
    route(&operator, "hook:elsewhere/*", "hidden/target");
    let own = route(&eng, "hook:**", "acme/eng/web");
    let tested = eng.post("/v1/routes/test", ask.clone());
    assert_eq!(tested["matched"]["route_id"], json!(own));
    let containing = "a rule of a containing folder";
    assert_eq!(
        tested["rules"][0],
        json!({"matched": false, "why": containing})
    );
    assert_eq!(tested["rules"][1]["route_id"], json!(own));

    let hidden = route(&acme, "hook:**", "acme/hidden");
    let tested = eng.post("/v1/routes/test", ask.clone());
    assert_eq!((tested.get("matched"), tested.get("target")), (None, None));
    assert_eq!(tested["why"], containing);
    assert!(!tested.to_string().contains("hidden"), "{tested}");
    assert_eq!(tested["rules"][1]["matched"], true);
    let tested = acme.post("/v1/routes/test", ask);
    assert_eq!(tested["matched"]["route_id"], json!(hidden));
    assert_eq!(tested["target"], "acme/hidden");
}
