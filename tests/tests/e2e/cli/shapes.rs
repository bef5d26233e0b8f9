//! What is printed where.

use std::process::Stdio;

use e2e::{api::Caller, http, run, secrets::tokens_in, server::Home};
use serde_json::json;

#[test]
fn a_shell_catches_the_url_alone() {
    let home = Home::new();
    let server = home.serve();
    let mut shell = home.command("sh");
    let script = "URL=$(\"$BELL\" token issue acme/eng hook github comments --context 'be brief') && printf %s \"$URL\"";
    shell
        .args(["-c", script])
        .env("BELL", e2e::binary::doorbell());
    let output = shell
        .stderr(Stdio::piped())
        .output()
        .expect("sh can be started");
    assert!(output.status.success());
    let url = String::from_utf8(output.stdout).expect("UTF-8");
    run::register(&url);
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    let path = url
        .strip_prefix(&format!("http://{}", server.front))
        .expect("the front door's URL");
    assert!(
        path.starts_with("/hook/dbh_") && path.len() == "/hook/".len() + 53,
        "{}",
        path.len()
    );
    assert!(said.contains("hook:acme/eng/github/comments"), "{said}");
    assert!(
        tokens_in(said.as_bytes()).is_empty(),
        "the token is on standard error too"
    );
    http::send(server.front, "POST", path, &[], b"{}")
        .expect("an answer")
        .expect(200);
    let message = server
        .operator()
        .receive(json!({"folder": "acme/eng"}))
        .remove(0);
    assert_eq!(message["context"], "be brief");
}

#[test]
fn a_key_is_printed_alone_and_works() {
    let home = Home::new();
    let server = home.serve();
    let ran = home
        .mint(&["key", "issue", "acme", "--name", "laptop"])
        .expect(0);
    let key = ran.stdout.strip_suffix('\n').expect("a line");
    assert!(key.starts_with("dbk_") && key.len() == 53);
    assert!(tokens_in(ran.stderr.as_bytes()).is_empty());
    Caller::new(&server, key.to_owned()).get("/v1/messages");
    let listed = home.cli(&["key", "ls", "--json"]).expect(0).json();
    let ours = listed
        .iter()
        .find(|key| key["name"] == "laptop")
        .expect("it is listed");
    let id = ours["key_id"].as_str().expect("an id");
    home.cli(&["key", "revoke", id]).expect(0);
    Caller::new(&server, key.to_owned())
        .call("GET", "/v1/messages", None)
        .expect(401);
}

#[test]
fn json_has_the_tools_shapes_one_object_a_line() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let minted = home
        .mint(&["token", "issue", "acme", "hook", "github", "--json"])
        .expect(0)
        .json();
    let members: Vec<_> = minted[0]
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(minted.len(), 1);
    for member in ["token", "url", "jid", "grant_id"] {
        assert!(members.contains(&member), "{members:?}");
    }
    let second = operator.hook("acme", "linear");
    let listed = home.cli(&["token", "ls", "--json"]).expect(0).json();
    let api = operator.get("/v1/route_tokens")["tokens"].clone();
    assert_eq!(json!(listed), api);
    second.deliver(b"one");
    let id = second.deliver(b"two");
    let listed = home.cli(&["messages", "ls", "--json"]).expect(0).json();
    assert_eq!(json!(listed), json!(operator.log()));
    let shown = home
        .cli(&["messages", "show", &id, "--json"])
        .expect(0)
        .json();
    assert_eq!(shown, [operator.get(&format!("/v1/messages/{id}"))]);
    let newest = home
        .cli(&["messages", "ls", "-n", "1", "--json"])
        .expect(0)
        .json();
    assert_eq!(newest[0]["body"], "two");
    let leased = operator.receive(json!({"folder": "acme"}));
    operator.ack(&leased);
    assert_eq!(
        home.cli(&["messages", "ls", "--pending"])
            .expect(0)
            .stdout
            .matches("hook:")
            .count(),
        0
    );
    let replayed = home
        .cli(&["messages", "replay", &id, "--json"])
        .expect(0)
        .json();
    assert_eq!(replayed, [json!({"replayed": 1})]);
    let revoked = home
        .cli(&["token", "revoke", &second.jid, "--json"])
        .expect(0)
        .json();
    assert_eq!(revoked, [json!({"jid": second.jid, "revoked": 1})]);
}

#[test]
fn one_url_is_revoked_by_its_grant_id_and_its_address_keeps_the_other() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let (first, second) = (operator.hook("acme", "gh"), operator.hook("acme", "gh"));
    let listed = operator.get("/v1/route_tokens")["tokens"].clone();
    let id = listed[0]["grant_id"].as_str().expect("an id");
    let revoked = home.cli(&["token", "revoke", id]).expect(0).stdout;
    assert_eq!(revoked, "Revoked 1 URL of hook:acme/gh\n");
    assert_eq!(first.post(&[], b"{}").status, 401);
    assert_eq!(second.post(&[], b"{}").status, 200);
    let again = home.cli(&["token", "revoke", id]).expect(0).stdout;
    assert!(again.contains("revoked before"), "{again}");
    let unknown = home.cli(&["token", "revoke", "01K9GQ5W7E1T3N8ZB4C6D2F0HA"]);
    unknown.expect(1);
    let neither = home.cli(&["token", "revoke", "github"]).expect(1).stderr;
    assert!(neither.contains("doorbell token ls"), "{neither}");
}

#[test]
fn several_messages_and_all_dead_ones_are_replayed_and_times_narrow_the_log() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "gh");
    let (one, two) = (hook.deliver(b"one"), hook.deliver(b"two"));
    let leased = operator.receive(json!({"folder": "acme"}));
    operator.ack(&leased);
    let both = home.cli(&["messages", "replay", &one, &two, "--json"]);
    assert_eq!(both.expect(0).json(), [json!({"replayed": 2})]);
    let neither = home.cli(&["messages", "replay", &one, &two]).expect(1);
    assert!(neither.stderr.contains("pending"), "{}", neither.stderr);
    for _ in 0..5 {
        let leased = operator.receive(json!({"folder": "acme"}));
        operator.nack(&leased);
    }
    let other = home.cli(&["messages", "replay", "--dead", "hook:other/**", "--json"]);
    assert_eq!(other.expect(0).json(), [json!({"replayed": 0})]);
    let dead = home.cli(&["messages", "replay", "--dead", "--since", "1h", "--json"]);
    assert_eq!(dead.expect(0).json(), [json!({"replayed": 2})]);
    home.cli(&["messages", "replay"]).expect(2);
    home.cli(&["messages", "replay", "--dead", "a", "b"])
        .expect(2);
    let since = home.cli(&["messages", "ls", "--since", "1h", "--json"]);
    assert_eq!(since.expect(0).json().len(), 2);
    let until = home.cli(&["messages", "ls", "--until", "1h ago", "--json"]);
    assert_eq!(until.expect(0).json().len(), 0);
    home.cli(&["messages", "ls", "--since", "soon"]).expect(2);
}

#[test]
fn off_a_terminal_nothing_is_coloured() {
    let home = Home::new();
    let server = home.serve();
    server.operator().hook("acme", "github").deliver(b"{}");
    for args in [
        &["token", "ls"] as &[&str],
        &["messages", "ls"],
        &["key", "ls"],
        &["--help"],
        &["nosuch"],
    ] {
        let ran = home.cli(args);
        assert!(
            !ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'),
            "{args:?}"
        );
    }
    assert!(!home.read("server.err").contains('\u{1b}'));
}
