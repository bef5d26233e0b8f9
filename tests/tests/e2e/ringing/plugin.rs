//! The plugin for the real Claude Code, and the same idea for Codex and a plain shell.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    process::{Child, Command, Output, Stdio},
};

use e2e::{
    agents::ClaudeCode,
    binary,
    foreign::with_doorbell,
    server::{Home, wait_for},
};
use serde_json::{Value, json};

fn example(name: &str) -> String {
    let path = binary::workspace().join("examples").join(name);
    path.to_str().expect("UTF-8").to_owned()
}

fn ran(command: &mut Command) -> (Output, String) {
    let output = command.output().expect("it can be started");
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output, said)
}

#[test]
fn claude_code_validates_the_plugin_with_all_its_parts_and_the_marketplace() {
    let home = Home::new();
    let Some(claude) = ClaudeCode::found() else {
        return;
    };
    let plugin = example("claude-code-plugin");
    for path in [&plugin, &example("")] {
        let (output, said) = ran(claude
            .command(&home)
            .args(["plugin", "validate", "--strict", path]));
        assert!(output.status.success(), "{said}");
    }
    let (output, said) = ran(claude
        .command(&home)
        .args(["plugin", "validate", "--json", &plugin]));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    for part in ["hooks", "mcpServers", "monitors", "skills"] {
        let parts = report["provides"][part].as_array();
        assert_eq!(parts.map(Vec::len), Some(1), "{part}: {report}");
    }
}

#[test]
fn claude_code_connects_to_the_plugins_server_and_to_a_channel() {
    let home = Home::new();
    let Some(claude) = ClaudeCode::found() else {
        return;
    };
    let _server = home.serve();
    let plugin = example("claude-code-plugin");
    let (output, said) = ran(claude
        .command(&home)
        .args(["--plugin-dir", &plugin, "mcp", "list"]));
    assert!(output.status.success(), "{said}");
    let connected = |said: &str, name: &str| {
        let mut lines = said.lines().filter(|line| line.contains(name));
        lines.any(|line| line.contains("Connected"))
    };
    assert!(connected(&said, "plugin:doorbell:doorbell"), "{said}");
    let add = [
        "mcp",
        "add",
        "--scope",
        "user",
        "pushed",
        "--",
        "doorbell",
        "mcp",
        "--folder",
        "acme",
        "--channel",
    ];
    let (output, said) = ran(claude.command(&home).args(add));
    assert!(output.status.success(), "{said}");
    let (_, said) = ran(claude.command(&home).args(["mcp", "list"]));
    assert!(connected(&said, "pushed"), "{said}");
}

/// A shell and all that it starts; ended when dropped.
struct Group(Child);

impl Group {
    fn start(command: &mut Command) -> Self {
        let child = command.process_group(0).spawn();
        Self(child.expect("sh is there"))
    }

    fn code(&mut self) -> i32 {
        let ended = wait_for("its end", || self.0.try_wait().expect("our own child"));
        ended.code().expect("no signal ended it")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The shell may be gone, and what it started still there; or all of it is gone.
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).output();
        let _ = self.0.wait();
    }
}

/// The Stop hook as Claude Code runs it.
fn hook(home: &Home) -> Group {
    let plugin = example("claude-code-plugin");
    let mut command = with_doorbell(home, "sh");
    command
        .arg(format!("{plugin}/hooks/wait.sh"))
        .env("CLAUDE_PLUGIN_ROOT", &plugin)
        .env("DOORBELL_FOLDER", "acme")
        .stdin(Stdio::piped())
        .stdout(home.log("hook.out"))
        .stderr(home.log("hook.err"));
    let mut running = Group::start(&mut command);
    let input =
        json!({"session_id": "0f1e-2d", "hook_event_name": "Stop", "stop_hook_active": false});
    let mut stdin = running.0.stdin.take().expect("piped");
    write!(stdin, "{input}").expect("it reads");
    running
}

#[test]
fn the_stop_hook_wakes_an_idle_claude_once_for_each_message() {
    let home = Home::new();
    let server = home.serve();
    let bell = server.operator().hook("acme", "github");
    let first = bell.deliver(b"while it worked");
    assert_eq!(hook(&home).code(), 2);
    assert!(home.read("hook.err").contains(&first));
    // It was left in the inbox: that is no reason to wake it for ever.
    let mut waiting = hook(&home);
    let waits = || {
        let sessions = server.operator().get("/v1/sessions");
        (sessions["sessions"].as_array()?.len() == 1).then_some(())
    };
    wait_for("the session", waits);
    let kept = home
        .dir()
        .join(".local/state/doorbell/wait-0f1e-2d.pid.message");
    wait_for("it to wait", || kept.exists().then_some(()));
    assert_eq!(hook(&home).code(), 0, "one waits for this session already");
    assert!(waiting.0.try_wait().expect("ours").is_none());
    let second = bell.deliver(b"now");
    assert_eq!(waiting.code(), 2);
    assert!(home.read("hook.err").contains(&second));
    assert_eq!(home.read("hook.err").lines().count(), 2);
    drop(server);
    assert_eq!(hook(&home).code(), 1, "an error wakes nobody");
}

#[test]
fn the_codex_loop_takes_a_turn_for_each_message_and_the_shell_loop_handles_each_line() {
    let home = Home::new();
    let server = home.serve();
    let bell = server.operator().hook("acme", "github");
    let mut command = with_doorbell(&home, "sh");
    command
        .args([&example("codex/loop.sh"), "acme"])
        .env("TURN", "echo turn:")
        .stdout(home.log("turns"))
        .stderr(home.log("codex.err"));
    let _codex = Group::start(&mut command);
    let mut command = with_doorbell(&home, "sh");
    command
        .args([&example("shell-loop/loop.sh"), "acme"])
        .stdout(home.log("lines"))
        .stderr(home.log("shell.err"));
    let _shell = Group::start(&mut command);
    let began = || std::fs::read_dir(home.data().join("watch")).ok();
    wait_for("the watch to begin", || began()?.next().map(drop));
    for count in 1..=3 {
        let id = bell.deliver(format!("message {count}").as_bytes());
        // Nobody takes them: each has its one turn all the same.
        wait_for("the turn", || {
            (home.read("turns").lines().count() == count).then_some(())
        });
        wait_for("the line", || {
            home.read("lines").contains(&id).then_some(())
        });
    }
}
