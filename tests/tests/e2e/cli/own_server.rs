//! `stop`, `status`, `logs` and `open`: of the server that holds this data directory.

use std::{fs, thread, time::Duration};

use e2e::{
    http::{self, Wire, request},
    server::{Home, wait_for},
};

/// What a browser would be told by a link.
fn visit(control: std::net::SocketAddr, url: &str) -> http::Reply {
    let base = format!("http://{control}");
    let target = url.strip_prefix(&base).expect("the control listener's");
    http::send(control, "GET", target, &[], b"").expect("the control listener answers")
}

#[test]
fn a_server_that_an_agent_started_in_the_background_is_seen_read_and_stopped() {
    let home = Home::new();
    let env = [
        ("DOORBELL_LISTEN", "127.0.0.1:0"),
        ("DOORBELL_CONTROL", "127.0.0.1:0"),
    ];
    // Its input has ended, so it starts a server for its one request and goes.
    let run = home.cli_with(&["run", "--folder", "acme", "--", "true"], &env);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let file = home.server_file().expect("a server runs");
    let pid = file["pid"].as_u64().expect("a number");

    let status = home.cli(&["status", "--json"]).expect(0).json()[0].clone();
    assert_eq!(
        (&status["running"], &status["ready"]),
        (&true.into(), &true.into())
    );
    assert_eq!(status["pid"], pid);
    assert_eq!(status["control"], file["control"]);
    let log = home.data().join("server.log");
    assert_eq!(status["log"], log.to_str().expect("UTF-8"));
    let words = home.cli(&["status"]).expect(0).stdout;
    assert!(
        words.contains(&pid.to_string()) && words.contains("server.log"),
        "{words}"
    );

    let logs = home.cli(&["logs"]).expect(0);
    assert!(
        logs.stdout.contains("serving in the background"),
        "{}",
        logs.stdout
    );
    assert_eq!(logs.stderr, "");
    let last = home.cli(&["logs", "-n", "1"]).expect(0).stdout;
    assert_eq!(last.lines().count(), 1, "{last}");
    let last = home.cli(&["logs", "-n", "1", "--json"]).expect(0).json();
    assert!(last[0]["line"].is_string(), "{last:?}");

    let stopped = home.cli(&["stop"]).expect(0);
    assert!(
        stopped.stdout.contains(&pid.to_string()),
        "{}",
        stopped.stdout
    );
    assert_eq!(home.server_file(), None, "it has ended, in order");
    let again = home.cli(&["stop"]).expect(1);
    assert!(again.stderr.contains("no server runs"), "{}", again.stderr);
    let status = home.cli(&["status", "--json"]).expect(1).json()[0].clone();
    assert_eq!(status["running"], false);
    // What it logged is there still.
    let logs = home.cli(&["logs"]).expect(0).stdout;
    assert!(logs.contains("stopped"), "{logs}");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&log).expect("there").permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn stop_waits_for_what_is_in_flight_and_does_not_cut_it_off() {
    let home = Home::new();
    let mut server = home.serve();
    let hook = server.operator().hook("acme", "github");
    let mut uploading = Wire::open(server.front).expect("connected");
    let length = [("Content-Length", "8")];
    uploading
        .write(&request("POST", &hook.path(), &length, b"half"))
        .expect("written");
    hook.deliver(b"whole");
    thread::scope(|scope| {
        let stopping = scope.spawn(|| home.cli(&["stop"]));
        wait_for("the front door to close", || {
            Wire::open(server.front).is_err().then_some(())
        });
        assert!(!stopping.is_finished(), "it does not wait");
        // A second one waits too, and sends no second signal.
        let second = scope.spawn(|| home.cli(&["stop"]));
        thread::sleep(Duration::from_millis(500));
        uploading.write(b"half").expect("written");
        uploading.reply(false).expect("an answer").expect(200);
        let first = stopping.join().expect("no panic");
        assert_eq!(first.code, 0, "{}", first.stderr);
        let second = second.join().expect("no panic");
        assert_eq!(second.code, 0, "{}", second.stderr);
    });
    assert!(server.wait().success());
}

#[test]
fn a_stop_that_takes_too_long_says_so_and_what_would_end_it() {
    let home = Home::new();
    let server = home.serve_with(&["--drain", "60s"]);
    let ran = home.cli(&["stop", "--timeout", "1s"]).expect(1);
    assert!(
        ran.stderr.contains(&format!("kill -9 {}", server.pid())),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_server_that_was_killed_is_not_taken_for_one_that_runs() {
    let home = Home::new();
    let mut server = home.serve();
    server.kill();
    assert!(home.server_file().is_some(), "it had no time to remove it");
    for command in ["stop", "open"] {
        let ran = home.cli(&[command]).expect(1);
        assert!(ran.stderr.contains("no server runs"), "{}", ran.stderr);
    }
    let status = home.cli(&["status", "--json"]).expect(1).json()[0].clone();
    assert_eq!(status["running"], false);
}

#[test]
fn a_server_in_a_terminal_has_no_such_log_and_logs_says_where_it_is() {
    let home = Home::new();
    let _server = home.serve();
    let ran = home.cli(&["logs"]).expect(1);
    assert!(ran.stderr.contains("journalctl"), "{}", ran.stderr);
    assert!(ran.stderr.contains("server.log"), "{}", ran.stderr);
    // One is left of a server before: it is not taken for this one's.
    fs::write(home.data().join("server.log"), "old \u{1b}[31m\n").expect("written");
    let ran = home.cli(&["logs"]).expect(0);
    assert_eq!(ran.stdout, "old \\u{1b}[31m\n");
    assert!(ran.stderr.contains("one before it"), "{}", ran.stderr);
}

#[test]
fn logs_go_on_over_a_file_that_was_put_aside() {
    let home = Home::new();
    fs::create_dir(home.data()).expect("made");
    let log = home.data().join("server.log");
    fs::write(&log, "one\n").expect("written");
    let _following = home.start(&["logs", "-f"], "following");
    let seen = |text: &str| {
        wait_for("the line", || {
            home.read("following.out").contains(text).then_some(())
        })
    };
    seen("one\n");
    let mut file = fs::File::options().append(true).open(&log).expect("there");
    std::io::Write::write_all(&mut file, b"two\n").expect("written");
    seen("two\n");
    fs::rename(&log, home.data().join("server.log.1")).expect("put aside");
    std::io::Write::write_all(&mut file, b"last\n").expect("written");
    fs::write(&log, "new\n").expect("written");
    seen("last\nnew\n");
}

#[test]
fn open_prints_a_link_that_signs_in_once_or_hands_it_to_the_browser() {
    let home = Home::new();
    let server = home.serve();
    let printed = home.cli(&["open"]).expect(0);
    let link = printed.stdout.trim();
    assert_eq!(visit(server.control, link).status, 303);
    assert_eq!(visit(server.control, link).status, 401);

    // The folder of an agent that it is started for changes nothing: it is the operator's.
    let json = home.cli(&["open", "--print", "--json"]).expect(0).json()[0].clone();
    assert_eq!(json["opened"], false);
    let link = json["url"].as_str().expect("a URL");
    assert_eq!(visit(server.control, link).status, 303);

    let taken = home.dir().join("taken");
    let browser = home.dir().join("browser");
    fs::write(
        &browser,
        format!("#!/bin/sh\necho \"$1\" > {}\n", taken.display()),
    )
    .expect("written");
    fs::set_permissions(
        &browser,
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .expect("set");
    let browser = browser.to_str().expect("UTF-8");
    let ran = home.cli_with(&["open"], &[("BROWSER", browser)]).expect(0);
    assert_eq!(ran.stdout, "", "the browser has it");
    let link = fs::read_to_string(&taken).expect("the browser was started");
    assert_eq!(visit(server.control, link.trim()).status, 303);
    // One that cannot show anything: then it is printed.
    let ran = home.cli_with(&["open"], &[("BROWSER", "false")]).expect(0);
    assert!(ran.stdout.starts_with("http://"), "{}", ran.stdout);
}

#[test]
fn they_refuse_to_speak_of_another_machines_server() {
    let home = Home::new();
    let server = home.serve();
    let remote = [("DOORBELL_URL", "https://bell.example")];
    for command in ["stop", "status", "logs", "open"] {
        let ran = home.cli_with(&[command], &remote).expect(1);
        assert!(ran.stderr.contains("DOORBELL_URL"), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
    server.operator().get("/v1/keys");
}
