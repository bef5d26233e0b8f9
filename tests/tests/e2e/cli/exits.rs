//! Exit codes: 0 done; 1 refused or failed; 2 arguments that do not parse.

use e2e::server::Home;
use serde_json::json;

#[test]
fn what_was_done_is_0_what_was_refused_1_and_what_does_not_parse_2() {
    let home = Home::new();
    let server = home.serve();
    server.operator().hook("acme", "github").deliver(b"{}");
    for done in [
        &["token", "ls"] as &[&str],
        &["key", "ls"],
        &["messages", "ls"],
        &["messages", "ls", "hook:acme/**", "--folder", "acme"],
        &["--version"],
        &["--help"],
        &["token", "--help"],
        &["token", "revoke", "hook:acme/github"],
    ] {
        let ran = home.cli(done).expect(0);
        assert!(!ran.stdout.is_empty(), "{done:?}");
    }
    for refused in [
        &["token", "revoke", "hook:acme/github"] as &[&str],
        &["token", "revoke", "mailto:x"],
        &["token", "issue", "acme/../x", "hook", "github"],
        &["token", "issue", "acme", "hook", "git hub"],
        &["token", "issue", "acme", "hook", "*"],
        &["token", "issue", "acme", "git hub"],
        &["token", "ls", "a//b"],
        &["key", "issue", ""],
        &["key", "revoke", "nonsense"],
        &["messages", "show", "nonsense"],
        &["messages", "show", "01K0000000000000000000000A"],
        &["messages", "ls", "hook:[x]"],
        &["token", "issue", "acme", "web"],
        &["token", "issue", "acme", "web", "support", "--json"],
        &["token", "issue", "acme", "x", "--ttl", "36501d"],
        &["token", "issue", "acme", "x", "--ttl", "20ms"],
        &["channel", "expose", "--session", "x", "--ttl", "1.5s"],
        &["serve", "--channel-ttl", "0"],
    ] {
        let ran = home.cli(refused).expect(1);
        assert_eq!(ran.stdout, "", "{refused:?}");
        assert!(ran.stderr.len() > 10, "{refused:?} says nothing");
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
    for wrong in [
        &["token"] as &[&str],
        &["token", "issue"],
        &["token", "issue", "acme"],
        &["token", "issue", "acme", "hook"],
        &["token", "issue", "acme", "hook", "x", "y", "z"],
        &["token", "issue", "acme", "x", "y", "z"],
        &["nosuchcommand"],
        &["messages", "ls", "-n", "0"],
        &["messages", "ls", "--dead", "--pending"],
        &["serve", "--listen", "nowhere"],
        &["token", "issue", "acme", "hook", "x", "--ttl", "soon"],
        &["channel", "expose", "--session", "x", "--ttl", "-1"],
        &["serve", "--channel-ttl", "soon"],
        &["listen", "--last", "1", "--cursor", "c1"],
    ] {
        let ran = home.cli(wrong).expect(2);
        assert_eq!(ran.stdout, "", "{wrong:?}");
        assert!(
            ran.stderr.contains("--help") || ran.stderr.contains("Usage"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn without_a_server_a_client_says_how_to_start_one() {
    let home = Home::new();
    let ran = home.cli(&["messages", "ls"]).expect(1);
    assert!(ran.stderr.contains("server"), "{}", ran.stderr);
    drop(home.serve());
    // The server was killed and its file is left behind.
    let ran = home.cli(&["messages", "ls"]).expect(1);
    assert!(ran.stderr.contains("doorbell serve"), "{}", ran.stderr);
}

#[test]
fn the_operators_key_is_sent_to_this_machine_alone() {
    let home = Home::new();
    let server = home.serve();
    let key = server.operator().issue_key("acme");
    let remote = home
        .cli_with(
            &["token", "ls"],
            &[("DOORBELL_URL", "http://bell.example:8788")],
        )
        .expect(1);
    assert!(remote.stderr.contains("DOORBELL_KEY"), "{}", remote.stderr);
    let loopback = format!("http://{}", server.control);
    home.cli_with(&["key", "ls"], &[("DOORBELL_URL", &loopback)])
        .expect(0);
    // DOORBELL_KEY goes before the key on disk: this is an agent, and keys are not its business.
    let agent = [
        ("DOORBELL_URL", loopback.as_str()),
        ("DOORBELL_KEY", key.as_str()),
    ];
    home.cli_with(&["token", "ls"], &agent).expect(0);
    home.cli_with(&["key", "ls"], &agent).expect(1);
    let bad = home
        .cli_with(&["token", "ls"], &[("DOORBELL_KEY", "dbk_nobody")])
        .expect(1);
    assert!(!bad.stderr.contains("dbk_nobody"), "{}", bad.stderr);
    home.cli_with(&["token", "ls"], &[("DOORBELL_URL", "not a url")])
        .expect(1);
}

#[test]
fn the_doctor_says_that_all_is_well_or_what_is_not() {
    let home = Home::new();
    let without = home.cli(&["doctor"]).expect(1);
    assert!(
        without.stdout.contains("doorbell serve") || without.stderr.contains("doorbell serve"),
        "{without:?}"
    );
    let server = home.serve();
    let ran = home.cli(&["doctor"]).expect(0);
    assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("only this machine") && !ran.stdout.contains("Everything works"),
        "{}",
        ran.stdout
    );
    let json = home.cli(&["doctor", "--json"]).expect(0).json()[0].clone();
    assert_eq!(
        (&json["ok"], &json["complete"]),
        (&json!(true), &json!(false))
    );
    // It leaves nothing behind, in no list and no log.
    for (list, member) in [
        ("/v1/messages", "messages"),
        ("/v1/channels", "grants"),
        ("/v1/sessions", "sessions"),
        ("/v1/folders", "folders"),
    ] {
        assert_eq!(server.operator().get(list)[member], json!([]), "{list}");
    }
    // Its scratch webhook is gone again.
    assert_eq!(
        server.operator().get("/v1/route_tokens")["tokens"],
        json!([])
    );
}
