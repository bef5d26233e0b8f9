//! Which rule decides, from when and until when.

use e2e::server::Home;
use serde_json::json;

use super::{listed, matched, route, set, went};

fn to(folder: &str, rule: &str) -> (String, String, Option<String>) {
    (folder.into(), "trigger".into(), Some(rule.into()))
}

#[test]
fn containing_folders_rules_come_first_then_seq_then_age() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let (acme, eng) = (server.agent("acme"), server.agent("acme/eng"));
    let hook = eng.mint(json!({"source_label": "github"}));
    let decided = || went(&server, &hook.deliver(b"{}"));
    assert_eq!(decided(), ("acme/eng".into(), "trigger".into(), None));

    let inner = route(&eng, "hook:**", "acme/eng/a");
    assert_eq!(decided(), to("acme/eng/a", &inner), "the very next arrival");
    let later = route(&eng, "hook:**", "acme/eng/b");
    assert_eq!(decided(), to("acme/eng/a", &inner));
    let ask = json!({"match": "hook:**", "target": "acme/eng/c", "seq": 5});
    let first = set(&eng, ask.clone());
    let first = first["route_id"].as_str().expect("an id");
    assert_eq!(decided(), to("acme/eng/c", first), "the lower seq");
    let twin = set(&eng, ask);
    assert_eq!(decided(), to("acme/eng/c", first), "the older");
    let outer = route(&acme, "hook:acme/**", "acme/d");
    assert_eq!(decided(), to("acme/d", &outer), "the containing folder's");
    let root = route(&operator, "hook:acme/eng/*", "acme/e");
    assert_eq!(decided(), to("acme/e", &root), "the root's");

    let twin = twin["route_id"].as_str().expect("an id");
    let in_order = [&root, &outer, first, twin, &inner, &later];
    assert_eq!(listed(&operator), in_order);
    assert_eq!(listed(&acme), in_order[1..]);
    assert_eq!(listed(&eng), in_order[2..]);
    let all = operator.get("/v1/routes");
    let owners: Vec<_> = (0..3).map(|n| &all["routes"][n]["owner_folder"]).collect();
    assert_eq!(owners, [&json!("*"), &json!("acme"), &json!("acme/eng")]);
    let seqs: Vec<_> = (2..6).map(|n| &all["routes"][n]["seq"]).collect();
    assert_eq!(seqs, [5, 5, 10, 20]);

    let path = format!("/v1/routes/{root}");
    let left = operator.call("DELETE", &path, None).expect(200).json();
    assert_eq!(left["routes"].as_array().map(Vec::len), Some(5));
    assert_eq!(decided(), to("acme/d", &outer), "without it at once");
    operator.call("DELETE", &path, None).expect(404);
}

#[test]
fn a_message_names_its_rule_for_good_and_over_restarts_and_so_do_rules() {
    let home = Home::new();
    let server = home.serve();
    let eng = server.agent("acme/eng");
    let hook = eng.mint(json!({"source_label": "github"}));
    let plain = hook.deliver(b"{}");
    let rule = set(
        &eng,
        json!({
            "match": "hook:acme/eng/*", "sender": "github", "target": "acme/eng/web#observe",
            "headers": {"X-GitHub-Event": "star*", "x-ref": "refs/heads/main"}, "seq": 7,
        }),
    );
    assert_eq!(
        rule["headers"],
        json!({"x-github-event": "star*", "x-ref": "refs/heads/main"})
    );
    let id = rule["route_id"].as_str().expect("an id");
    let headers = [("X-GitHub-Event", "starred"), ("X-Ref", "refs/heads/main")];
    let post = |headers: &[(&str, &str)]| {
        let reply = hook.post(headers, b"{}").expect(200);
        reply.header("x-message-id").expect("an id").to_owned()
    };
    let quiet = post(&headers);
    let expected = ("acme/eng/web".into(), "observe".into(), Some(id.into()));
    assert_eq!(went(&server, &quiet), expected);
    for other in [&headers[..1], &[("X-GitHub-Event", "push"), headers[1]]] {
        assert_eq!(went(&server, &post(other)).2, None, "all must match");
    }
    drop(server);

    let server = home.serve();
    let eng = server.agent("acme/eng");
    assert_eq!(eng.get("/v1/routes")["routes"], json!([rule]));
    let again = post_again(&server, &hook, &headers);
    assert_eq!(went(&server, &again), expected);
    let path = format!("/v1/routes/{id}");
    let left = eng.call("DELETE", &path, None).expect(200).json();
    assert_eq!(left, json!({"routes": []}));
    let after = post_again(&server, &hook, &headers);
    assert_eq!(went(&server, &after).2, None);
    assert_eq!(went(&server, &quiet), expected, "although it is gone");
    let said = format!("rule {id}: hook:acme/eng/* -> acme/eng/web#observe");
    assert_eq!(matched(&server, &quiet), said);
    assert!(matched(&server, &plain).starts_with("no rule: acme/eng"));
}

#[test]
fn the_list_is_paged_in_the_order_of_evaluation_without_a_gap_while_it_changes() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let eng = server.agent("acme/eng");
    let mut ids: Vec<String> = (0..3)
        .map(|_| route(&operator, "hook:**", "acme"))
        .collect();
    ids.extend((0..3).map(|_| route(&eng, "hook:**", "acme/eng")));
    let named = |page: &serde_json::Value| -> Vec<String> {
        let rules = page["routes"].as_array().expect("routes").iter();
        rules
            .map(|rule| rule["route_id"].as_str().expect("an id").to_owned())
            .collect()
    };
    let first = operator.get("/v1/routes?limit=4");
    assert_eq!(named(&first), ids[..4]);
    // What the cursor stands behind goes, and one comes before it.
    operator
        .call("DELETE", &format!("/v1/routes/{}", ids[3]), None)
        .expect(200);
    route(&operator, "hook:**", "acme");
    let cursor = first["cursor"].as_str().expect("there is more");
    let second = operator.get(&format!("/v1/routes?cursor={cursor}"));
    assert_eq!(named(&second), ids[4..]);
    assert_eq!(second.get("cursor"), None);
    operator
        .call("GET", "/v1/routes?cursor=c1", None)
        .expect(400);
}

/// The hook's port is another after a restart.
fn post_again(
    server: &e2e::server::Doorbell<'_>,
    hook: &e2e::api::Hook,
    headers: &[(&str, &str)],
) -> String {
    let reply = e2e::http::send(server.front, "POST", &hook.path(), headers, b"{}");
    let reply = reply.expect("the front door answers").expect(200);
    reply.header("x-message-id").expect("an id").to_owned()
}
