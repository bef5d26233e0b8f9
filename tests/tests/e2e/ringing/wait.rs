//! `doorbell wait`: what a Stop hook runs.

use std::time::{Duration, Instant};

use e2e::{
    cli::Running,
    pace::assert_within,
    server::{Home, wait_for},
};
use serde_json::json;

use super::{SOON, expose, knock};

/// Its exit code, once it has ended by itself.
fn code(waiting: &mut Running) -> i32 {
    let ended = wait_for("wait's end", || {
        waiting.0.try_wait().expect("our own child")
    });
    ended.code().expect("no signal ended it")
}

#[test]
fn it_exits_2_when_rung_though_nobody_reads_its_standard_output() {
    let home = Home::new();
    let server = home.serve();
    server.operator().hook("acme", "github").deliver(b"ring");
    let mut wait = home.doorbell(&["wait", "--json", "--folder", "acme", "--timeout", "0"]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    wait.stdout(writer).stderr(home.log("wait.err"));
    let mut waiting = Running(wait.spawn().expect("the binary can be started"));
    // The other end of the pipe is in the command's hands too.
    drop(wait);
    assert_eq!(code(&mut waiting), 2);
}

#[test]
fn it_exits_2_with_one_line_when_rung_0_on_its_timeout_and_takes_nothing() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let (ours, other) = (operator.hook("acme", "github"), operator.hook("other", "x"));
    let below = operator.hook("acme/eng", "x");
    let wait = |more: &[&str]| home.cli(&[&["wait", "--timeout", "0"], more].concat());
    let folder = ["--folder", "acme"];
    for quiet in [&folder as &[&str], &[], &["hook:acme/**"]] {
        let ran = wait(quiet).expect(0);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    }
    other.deliver(b"another folder's");
    below.deliver(b"a folder below has an inbox of its own");
    wait(&folder).expect(0);
    wait(&["hook:acme/github"]).expect(0);
    wait(&[]).expect(2);
    let id = ours.deliver(b"ring");
    for rung in [&folder as &[&str], &["hook:acme/github"]] {
        let ran = wait(rung).expect(2);
        assert_eq!(ran.stdout, "");
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        for told in [&id, "github", "hook:acme/github", "receive_messages"] {
            assert!(ran.stderr.contains(told), "{told}: {}", ran.stderr);
        }
    }
    wait(&[&folder as &[&str], &["hook:acme/other"]].concat()).expect(0);
    let agent = server.agent("acme");
    let as_agent = home.cli_with(
        &["wait", "--timeout", "0"],
        &[("DOORBELL_KEY", agent.key())],
    );
    as_agent.expect(2);
    // It was neither leased nor counted; while it is leased, or rests, nobody is rung.
    let leased = agent.receive(json!({}));
    assert_eq!(leased[0]["attempt"], 1);
    wait(&folder).expect(0);
    agent.settle("nack", json!({"ids": [id], "delay_seconds": 600}));
    wait(&folder).expect(0);
}

#[test]
fn every_error_is_1_so_that_no_hook_wakes_by_mistake() {
    let home = Home::new();
    home.cli(&["wait", "--folder", "acme"]).expect(1);
    let server = home.serve();
    let data = home.data();
    let data = data.to_str().expect("UTF-8");
    for wrong in [
        &["wait", "--folder"] as &[&str],
        &["wait", "--timeout", "soon"],
        &["wait", "--no-such-flag"],
        &["wait", "a", "b"],
        &["--data-dir", data, "wait", "--timeout", "-1"],
        &["--json", "wait", "--what"],
        &["wait", "--folder", "no//folder"],
        &["wait", "no pattern"],
    ] {
        let ran = home.cli(wrong).expect(1);
        assert!(!ran.stderr.is_empty(), "{wrong:?} says nothing");
    }
    let bad = [("DOORBELL_KEY", "dbk_nobody")];
    home.cli_with(&["wait", "--timeout", "0"], &bad).expect(1);
    // Of the others, what does not parse is 2 as ever.
    home.cli(&["watch", "wait", "--no-such-flag"]).expect(2);
    home.cli(&["wait", "--help"]).expect(0);
    drop(server);
    home.cli(&["wait", "--folder", "acme"]).expect(1);
}

#[test]
fn it_is_rung_within_a_second_over_restarts_and_by_its_own_inbox_alone() {
    let home = Home::new();
    let mut server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "github");
    operator.make("/v1/sessions", json!({"id": "build", "folder": "acme"}));
    let token = expose(&operator, "build");
    let mut folders = home.start(&["wait", "--folder", "acme"], "folder");
    let mut sessions = home.start(
        &["wait", "--folder", "acme", "--session", "build"],
        "session",
    );
    let mut everyones = home.start(&["wait", "hook:acme/**"], "everyone");
    let mut timed = home.start(&["wait", "--folder", "acme", "--timeout", "3"], "timed");
    let began = Instant::now();
    assert_eq!(code(&mut timed), 0);
    assert_within(Duration::from_secs(10), began.elapsed());
    knock(&server, &token, "for the session").expect(202);
    assert_eq!(code(&mut sessions), 2);
    server.crash_and_restart();
    server.stop_and_restart();
    // Nothing but the one line, even so.
    assert_eq!(home.read("folder.err"), "");
    assert!(
        folders.0.try_wait().expect("ours").is_none(),
        "rung by a session's message"
    );
    assert!(
        everyones.0.try_wait().expect("ours").is_none(),
        "rung against its pattern"
    );
    // Once they are back a ring is heard at once.
    wait_for("both to be back", || {
        (server.figure("doorbell_streams") >= 2.0).then_some(())
    });
    let began = Instant::now();
    hook.deliver(b"ring");
    assert_eq!(code(&mut folders), 2);
    assert_eq!(code(&mut everyones), 2);
    assert_within(SOON, began.elapsed());
    assert_eq!(home.read("folder.err").lines().count(), 1);
}

#[test]
fn no_control_byte_of_a_label_reaches_the_line() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    operator.make("/v1/sessions", json!({"id": "build", "folder": "acme"}));
    let label = "ci\u{202e}\u{200f}";
    let ask = json!({"session_id": "build", "label": label});
    let exposed = operator.make("/v1/channels", ask);
    let token = exposed["token"].as_str().expect("a token");
    knock(&server, token, "\u{1b}[2J").expect(202);
    let rung = home
        .cli(&["wait", "doorbell:/sessions/*", "--timeout", "0"])
        .expect(2);
    let unsafe_ = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}' || c == '\u{200f}';
    assert!(!rung.stderr.contains(unsafe_), "{:?}", rung.stderr);
    assert_eq!(rung.stderr.lines().count(), 1);
}
