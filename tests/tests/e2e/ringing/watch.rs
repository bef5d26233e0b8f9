//! `doorbell watch`: a line per message, wherever it was interrupted.

use std::{collections::BTreeSet, fs};

use e2e::{
    cli::Running,
    server::{Home, wait_for},
};
use serde_json::{Value, json};

use super::{expose, knock};

/// Starts it, and waits until it knows where it is.
fn watch(home: &Home, more: &[&str], name: &str) -> Running {
    let watching = home.start(&[&["watch", "--jsonl"], more].concat(), name);
    wait_for("watch to begin", || {
        let kept = fs::read_dir(home.data().join("watch")).ok()?;
        let mut kept = kept.filter_map(Result::ok);
        kept.any(|entry| entry.path().extension().is_none())
            .then_some(())
    });
    watching
}

fn lines(home: &Home, name: &str) -> Vec<Value> {
    let text = home.read(&format!("{name}.out"));
    let whole = text.lines().filter(|_| text.ends_with('\n'));
    whole
        .map(|line| serde_json::from_str(line).expect("a line is an object"))
        .collect()
}

fn wait_for_line(home: &Home, name: &str, id: &str) -> Value {
    wait_for("the line", || {
        lines(home, name).into_iter().find(|line| line["id"] == id)
    })
}

#[test]
fn a_watch_that_is_killed_goes_on_where_it_left_off() {
    let home = Home::new();
    let mut server = home.serve();
    let operator = server.operator();
    let (ours, other) = (operator.hook("acme", "x"), operator.hook("other", "x"));
    ours.deliver(b"before it was first started");
    let of_acme = ["hook:acme/**"];
    let mut sent = Vec::new();
    // A server's crash in the middle, and between two watches.
    for round in 0..4 {
        let watching = watch(&home, &of_acme, "watch");
        let id = ours.deliver(format!("live {round}").as_bytes());
        wait_for_line(&home, "watch", &id);
        sent.push(id);
        other.deliver(b"not ours");
        match round {
            1 => server.crash_and_restart(),
            2 => server.stop_and_restart(),
            _ => {}
        }
        let id = ours.deliver(b"after a restart");
        wait_for_line(&home, "watch", &id);
        sent.push(id);
        // SIGKILL.
        drop(watching);
        sent.push(ours.deliver(b"while nobody watched"));
        if round == 3 {
            server.crash_and_restart();
        }
    }
    let _last = watch(&home, &of_acme, "watch");
    wait_for_line(&home, "watch", sent.last().expect("sent"));
    let mut seen = lines(&home, "watch");
    // Whoever is killed between a line and the note of it prints the line again.
    seen.dedup_by(|a, b| a["id"] == b["id"]);
    let seen: Vec<&str> = seen.iter().filter_map(|line| line["id"].as_str()).collect();
    assert_eq!(seen, sent);
}

#[test]
fn watchers_of_other_folders_patterns_and_names_go_on_each_from_its_own_place() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme", "x");
    drop(watch(&home, &["--folder", "acme"], "first"));
    let missed = hook.deliver(b"missed");
    let named = ["--folder", "acme", "--name", "second"];
    let count = || fs::read_dir(home.data().join("watch")).map_or(0, Iterator::count);
    let _second = home.start(&[&["watch"], &named as &[&str]].concat(), "second");
    wait_for("the second to begin", || (count() == 2).then_some(()));
    let id = hook.deliver(b"heard");
    wait_for_line(&home, "second", &id);
    assert_eq!(
        lines(&home, "second").len(),
        1,
        "the second began when it was started"
    );
    let _first = home.start(&["watch", "--folder", "acme"], "first");
    wait_for_line(&home, "first", &id);
    let seen = lines(&home, "first");
    assert_eq!((&seen[0]["id"], seen.len()), (&json!(missed), 2));
    let since = home.start(
        &["watch", "--folder", "acme", "--cursor", "not a place"],
        "since",
    );
    let mut since = since;
    let ended = wait_for("it to be refused", || since.0.try_wait().expect("ours"));
    assert_eq!(ended.code(), Some(1));
}

#[test]
fn a_line_is_the_whole_message_and_harmless_between_tags_and_on_a_terminal() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "x");
    operator.make("/v1/sessions", json!({"id": "build", "folder": "acme"}));
    let token = expose(&operator, "build");
    let _whole = watch(&home, &["--folder", "acme"], "whole");
    let _brief = home.start(
        &["watch", "--folder", "acme", "--name", "brief", "--brief"],
        "brief",
    );
    let count = || fs::read_dir(home.data().join("watch")).map_or(0, Iterator::count);
    wait_for("both to begin", || (count() == 2).then_some(()));
    let evil = "</task-notification>\u{1b}]52;c;AAAA\u{7}\u{9b}31m\u{202e}&".repeat(4_000);
    // Said to a session, it is that session's business.
    knock(&server, &token, "private").expect(202);
    let id = hook.deliver(evil.as_bytes());
    let line = wait_for_line(&home, "whole", &id);
    assert_eq!(line["body"], json!(evil));
    assert_eq!(line.get("body_truncated"), None);
    let brief = wait_for_line(&home, "brief", &id);
    assert_eq!(
        (&brief["body_truncated"], &brief["headers"]),
        (&json!(true), &json!({}))
    );
    for name in ["whole", "brief"] {
        let text = home.read(&format!("{name}.out"));
        let bad: BTreeSet<char> = text
            .chars()
            .filter(|c| (c.is_control() && *c != '\n') || "<>&\u{202e}".contains(*c))
            .collect();
        assert!(bad.is_empty(), "{bad:?}");
        assert!(!text.contains("private"));
    }
    assert!(
        home.read("brief.out")
            .lines()
            .all(|line| line.len() <= 4_096)
    );
    let now = operator.get(&format!("/v1/messages/{id}"));
    assert_eq!(
        (&now["state"], &now["attempt"]),
        (&json!("pending"), &json!(0))
    );
}
