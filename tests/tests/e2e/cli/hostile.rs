//! Nothing that a person reads on a terminal carries a control byte from anyone else's text.

use std::{
    fs::File,
    process::{Command, Stdio},
};

use e2e::{
    binary,
    cli::Running,
    server::{Home, wait_for},
};
use serde_json::json;

/// Runs a command on a terminal of its own.
const ON_A_TERMINAL: &str =
    "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

/// Sets a title, rings, moves the cursor, writes the clipboard, in one byte and in two; hides what
/// follows by direction; ends a paste.
const HOSTILE: &str = "a\u{1b}]0;owned\u{7}b\u{1b}[2Jc\u{9b}31md\u{8}\u{7f}e\u{202e}f\u{1b}[201~g\rh\u{9d}52;c;QUJD\u{9c}";

fn on_terminal(home: &Home, args: &[&str], out: File) -> Command {
    let mut command = home.command("python3");
    command
        .args(["-c", ON_A_TERMINAL])
        .arg(binary::doorbell())
        .args(args);
    command
        .env("TERM", "xterm-256color")
        .stdout(out)
        .stderr(Stdio::null());
    command
}

/// Fails if a control character stands in what a terminal was told, line ends and tabs apart.
#[track_caller]
fn harmless(what: &str, text: &str) {
    let bad = text.chars().find(|c| {
        (c.is_control() && !matches!(c, '\n' | '\t' | '\r'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    });
    assert_eq!(bad, None, "{what}: {text:?}");
    let lone = text.replace("\r\n", "\n").matches('\r').count();
    assert_eq!(lone, 0, "{what}: {text:?}");
}

#[test]
fn hostile_text_never_reaches_a_terminal() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    // A context may hold line breaks at the most; whatever is let in must be harmless to show.
    let contexts = [HOSTILE, "two\nlines", "plain"];
    let hook = contexts
        .into_iter()
        .find_map(|context| {
            let ask = json!({"target_folder": "acme", "source_label": "x", "context": context});
            let reply = operator.call("POST", "/v1/route_tokens/hook", Some(&ask));
            (reply.status == 201)
                .then(|| reply.json()["token"].as_str().expect("a token").to_owned())
        })
        .expect("a plain context is legal");
    let latin: String = HOSTILE
        .chars()
        .filter(|c| !matches!(c, '\r' | '\u{1b}' | '\u{7}' | '\u{8}' | '\u{7f}'))
        .collect();
    let target = format!("/hook/{hook}?q=%1b]0;owned%07");
    let headers = [
        ("X-GitHub-Event", latin.as_str()),
        ("User-Agent", "\u{9b}31m"),
        ("Content-Type", "text/\u{202e}x"),
    ];
    let reply = server
        .front("POST", &target, &headers, HOSTILE.as_bytes())
        .expect(200);
    let id = reply.header("x-message-id").expect("an id").to_owned();
    for args in [
        &["messages", "ls"] as &[&str],
        &["messages", "show", &id],
        &["token", "ls"],
    ] {
        harmless("piped", &home.cli(args).expect(0).stdout);
        let status = on_terminal(&home, args, home.log("terminal.out"))
            .env("NO_COLOR", "1")
            .status();
        assert!(
            status.expect("python3 can be started").success(),
            "{args:?}"
        );
    }
    let shown = home.read("terminal.out");
    assert!(shown.contains(&id), "{shown}");
    harmless("a terminal", &shown);
}

#[test]
fn listen_shows_hostile_text_harmlessly_and_colours_only_where_it_may() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme", "x");
    let listening =
        [("plain.out", Some(("NO_COLOR", "1"))), ("colour.out", None)].map(|(name, env)| {
            let mut command = on_terminal(&home, &["listen", "--folder", "acme"], home.log(name));
            command.envs(env);
            (
                name,
                Running(command.spawn().expect("python3 can be started")),
            )
        });
    // They are there once the first message shows.
    for (name, _) in &listening {
        wait_for("listen to begin", || {
            hook.deliver(b"begin");
            std::thread::sleep(std::time::Duration::from_millis(50));
            home.read(name).contains("begin").then_some(())
        });
    }
    hook.post(
        &[("X-GitHub-Event", "push\u{9b}31m\u{202e}")],
        HOSTILE.as_bytes(),
    )
    .expect(200);
    hook.deliver(b"the end");
    for (name, _) in &listening {
        wait_for("listen to show it", || {
            home.read(name).contains("the end").then_some(())
        });
    }
    drop(listening);
    harmless("without colour", &home.read("plain.out"));
    let coloured = home.read("colour.out");
    assert!(
        coloured.contains("\u{1b}["),
        "it is not coloured on a terminal"
    );
    for sequence in [
        "\u{1b}]",
        "\u{7}",
        "\u{8}",
        "\u{7f}",
        "\u{1b}[2J",
        "\u{1b}[201~",
        "\u{202e}",
        "\u{9b}",
        "\u{9d}",
    ] {
        assert!(!coloured.contains(sequence), "{sequence:?} in {coloured:?}");
    }
}
