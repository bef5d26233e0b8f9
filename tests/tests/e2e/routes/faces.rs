//! The same rules through MCP and on the command line.

use e2e::server::Home;
use serde_json::json;

use crate::ringing::agent::Agent;

#[test]
fn an_agent_sets_lists_and_removes_rules_over_mcp() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme", "github");
    let mut agent = Agent::ready(&home, &[]);
    let ask = json!({
        "match": "hook:acme/*", "target": "acme/eng", "sender": "github",
        "headers": {"X-GitHub-Event": "push"}, "seq": 3,
    });
    let set = agent.call("set_route", ask);
    let rule = &set["routes"][0];
    assert_eq!(
        (&rule["owner_folder"], &rule["seq"]),
        (&json!("acme"), &json!(3))
    );
    assert_eq!(rule["headers"], json!({"x-github-event": "push"}));
    assert_eq!(agent.call("list_routes", json!({})), set);
    assert_eq!(
        server.operator().get("/v1/routes"),
        set,
        "one shape on every face"
    );
    hook.post(&[("x-github-event", "push")], b"").expect(200);
    hook.deliver(b"no rule");
    let received = agent.call("receive_messages", json!({}));
    assert_eq!(received["messages"].as_array().map(Vec::len), Some(1));
    assert_eq!(received["messages"][0]["body"], "no rule");
    let left = agent.call("remove_route", json!({"route_id": rule["route_id"]}));
    assert_eq!(left, json!({"routes": []}));
    agent.end();
}

#[test]
fn the_command_line_adds_lists_tries_and_removes_rules() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme/eng", "github");
    let add = [
        "route",
        "add",
        "hook:acme/eng/*",
        "acme/eng#observe",
        "--sender",
        "github",
        "--header",
        "X-GitHub-Event: star*",
        "--header",
        "x-ref=refs/*",
        "--seq",
        "7",
    ];
    let added = home.cli(&add).expect(0);
    let json = home.cli(&["route", "ls", "--json"]).expect(0).json();
    assert_eq!(json.len(), 1, "one a line");
    assert_eq!(
        (&json[0]["owner_folder"], &json[0]["seq"]),
        (&json!("*"), &json!(7))
    );
    let headers = json!({"x-github-event": "star*", "x-ref": "refs/*"});
    assert_eq!(json[0]["headers"], headers);
    let id = json[0]["route_id"].as_str().expect("an id");
    assert!(added.stdout.contains(id), "{}", added.stdout);
    let listed = home.cli(&["route", "ls"]).expect(0).stdout;
    for shown in [
        id,
        "hook:acme/eng/*",
        "acme/eng#observe",
        "sender github",
        "star*",
    ] {
        assert!(listed.contains(shown), "{shown}: {listed}");
    }
    let headers = [
        "--header",
        "X-GitHub-Event: starred",
        "--header",
        "X-Ref=refs/a=b",
    ];
    let test = [&["route", "test", hook.jid.as_str()], &headers[..]].concat();
    let tested = home.cli(&test).expect(0).stdout;
    assert!(
        tested.contains("observe") && tested.contains(id),
        "{tested}"
    );
    let tested = home
        .cli(&[&test[..], &["--json"]].concat())
        .expect(0)
        .json();
    assert_eq!(tested[0]["matched"]["route_id"], json!(id));
    let plain = home.cli(&test[..3]).expect(0).stdout;
    assert!(
        plain.contains("no rule") && plain.contains("headers."),
        "{plain}"
    );
    for refused in [
        &["route", "add", "acme/*", "acme"] as &[&str],
        &["route", "add", "hook:**", "acme#loud"],
        &["route", "add", "hook:**", "acme", "--header", "push"],
        &["route", "add", "hook:**", "acme", "--header", "x y: z"],
        &["route", "add", "hook:**", "acme", "--sender", "a b"],
        &["route", "rm", "nonsense"],
        &["route", "rm", "01K0000000000000000000000A"],
        &["route", "test", "hook:nobody/here"],
    ] {
        let ran = home.cli(refused).expect(1);
        assert!(
            ran.stderr.len() > 10 && ran.stdout.is_empty(),
            "{refused:?}"
        );
    }
    for unparsed in [
        &["route"] as &[&str],
        &["route", "add", "hook:**"],
        &["route", "sort"],
    ] {
        home.cli(unparsed).expect(2);
    }
    home.cli(&["route", "rm", id]).expect(0);
    assert_eq!(home.cli(&["route", "ls", "--json"]).expect(0).stdout, "");
}

#[test]
fn what_a_rule_holds_cannot_paint_on_a_terminal() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme", "github");
    let ask = json!({
        "match": "hook:**", "target": "acme", "headers": {"x-a": "\u{202e}evil"},
    });
    super::set(&server.agent("acme"), ask);
    for args in [
        &["route", "ls"] as &[&str],
        &["route", "test", &hook.jid],
        &["route", "ls", "--json"],
    ] {
        let ran = home.cli(args).expect(0);
        assert!(!ran.stdout.contains('\u{202e}'), "{args:?}");
    }
}
