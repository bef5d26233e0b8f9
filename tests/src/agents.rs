//! Real agents before a model of the test's: Claude Code, Codex; and MCP Inspector.
//!
//! Each runs in a home of its own that the last test does not search: they write down what tools
//! answered, tokens too. Whatever they want of the world beside the model meets a closed port.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{ChildStdin, Command, Stdio},
};

use serde_json::json;
use tempfile::TempDir;

use crate::{
    binary,
    cli::Running,
    foreign::{self, large},
    model::Model,
    server::{ClosedPort, Home, wait_for},
};

/// Runs a command at a terminal of its own, large enough for whole lines.
const AT_A_TERMINAL: &str = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(\
    ['sh', '-c', 'stty rows 60 cols 200; exec \"$@\"', 'sh'] + sys.argv[1:])))";

/// The real Claude Code, without a login.
#[derive(Debug)]
pub struct ClaudeCode(PathBuf);

impl ClaudeCode {
    /// It, unless it cannot be had: then the test is skipped, and says so.
    pub fn found() -> Option<Self> {
        let script = large("claude")?.join("@anthropic-ai/claude-code/cli-wrapper.cjs");
        Some(Self(script))
    }

    /// It with `doorbell` on its `PATH`, in the test's home.
    pub fn command(&self, home: &Home) -> Command {
        let mut command = foreign::with_doorbell(home, "node");
        command
            .arg(&self.0)
            .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
        command
    }

    /// It with a model.
    pub fn with<'a>(&'a self, home: &'a Home, model: &'a Model) -> Session<'a> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        // What a person has answered at the first start; and the flag that lets channels out, which
        // it keeps there and cannot fetch here.
        let settings = json!({
            "hasCompletedOnboarding": true, "theme": "dark", "numStartups": 3,
            "cachedGrowthBookFeatures": {"tengu_harbor": true},
            "cachedFeatureFlags": {"tengu_harbor": true},
            "customApiKeyResponses": {"approved": ["stand-in"], "rejected": []},
            "projects": {dir.path().to_str().expect("UTF-8"): {"hasTrustDialogAccepted": true}},
        });
        let path = dir.path().join(".claude.json");
        fs::write(path, settings.to_string()).expect("written");
        Session {
            claude: self,
            home,
            model,
            nobody: ClosedPort::new(),
            dir,
        }
    }
}

/// Claude Code in a home of its own, before a model of the test's.
#[derive(Debug)]
pub struct Session<'a> {
    claude: &'a ClaudeCode,
    home: &'a Home,
    model: &'a Model,
    nobody: ClosedPort,
    dir: TempDir,
}

impl Session<'_> {
    /// It, to be given arguments.
    pub fn command(&self) -> Command {
        let mut command = self.claude.command(self.home);
        command
            .env_remove("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC")
            .env("DISABLE_AUTOUPDATER", "1")
            .env("ANTHROPIC_BASE_URL", self.model.url())
            .env("ANTHROPIC_API_KEY", "stand-in")
            // Every tool is shown to the model from the beginning.
            .env("ENABLE_TOOL_SEARCH", "false");
        alone(&mut command, self.dir.path(), &self.nobody);
        command
    }

    /// It with a server of MCP, `doorbell mcp` with these arguments, whose tools it may call.
    pub fn served(&self, mcp: &[&str]) -> Command {
        let doorbell = binary::doorbell();
        let args = [&["mcp"], mcp].concat();
        let servers = json!({"mcpServers": {"doorbell": {"command": doorbell, "args": args}}});
        let mut command = self.command();
        command
            .args(["--mcp-config", &servers.to_string(), "--strict-mcp-config"])
            .args(["--allowedTools", "mcp__doorbell"]);
        command
    }

    /// Starts a command of it at a terminal.
    pub fn at_a_terminal(&self, command: &Command) -> Terminal {
        let mut terminal = Command::new("python3");
        terminal
            .args(["-c", AT_A_TERMINAL])
            .arg(command.get_program())
            .args(command.get_args())
            .arg("--ax-screen-reader")
            .env_clear()
            .current_dir(self.dir.path())
            .env("TERM", "xterm");
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                terminal.env(name, value);
            }
        }
        Terminal::start(&mut terminal, self.dir.path().join("screen"))
    }
}

/// A program at a terminal; killed when dropped.
#[derive(Debug)]
pub struct Terminal {
    _running: Running,
    keys: ChildStdin,
    screen: PathBuf,
}

impl Terminal {
    fn start(command: &mut Command, screen: PathBuf) -> Self {
        let out = fs::File::create(&screen).expect("written");
        command
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(Stdio::null());
        let mut running = Running(command.spawn().expect("python3 can be started"));
        let keys = running.0.stdin.take().expect("piped");
        Self {
            _running: running,
            keys,
            screen,
        }
    }

    /// All that was printed so far.
    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.screen).unwrap_or_default()).into_owned()
    }

    /// Waits until this is printed.
    #[track_caller]
    pub fn until(&self, text: &str) {
        wait_for(text, || self.printed().contains(text).then_some(()));
    }

    /// Types.
    pub fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("it reads");
        self.keys.flush().expect("it reads");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("\nthe terminal:\n{}", self.printed());
        }
    }
}

/// The real Codex before a model of the test's, with `doorbell mcp --folder <folder>`: one turn.
/// `None`: it cannot be had.
pub fn codex(home: &Home, model: &Model, folder: &str, prompt: &str) -> Option<String> {
    let script = large("codex")?.join("@openai/codex/bin/codex.js");
    let (dir, nobody) = (tempfile::tempdir().ok()?, ClosedPort::new());
    let quoted = |path: &Path| json!(path).to_string();
    let settings = format!(
        "model = \"stand-in\"\nmodel_provider = \"stand-in\"\n\
         [model_providers.stand-in]\nname = \"stand-in\"\nbase_url = \"{}/v1\"\n\
         wire_api = \"responses\"\n\
         [mcp_servers.doorbell]\ncommand = {}\nargs = [\"mcp\", \"--folder\", \"{folder}\"]\n\
         env = {{DOORBELL_DATA_DIR = {}}}\n",
        model.url(),
        quoted(binary::doorbell()),
        quoted(&home.data()),
    );
    fs::create_dir(dir.path().join(".codex")).expect("made");
    fs::write(dir.path().join(".codex/config.toml"), settings).expect("written");
    let mut command = home.command("node");
    command.arg(script).args([
        "exec",
        "--skip-git-repo-check",
        "--dangerously-bypass-approvals-and-sandbox",
        prompt,
    ]);
    alone(&mut command, dir.path(), &nobody);
    let output = command.output().expect("node can be started");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{said}");
    Some(said)
}

/// MCP Inspector's command line, asking a server over HTTP with this key. `None`: it cannot be had.
pub fn inspector(home: &Home, url: &str, key: &str, scratch: &Path) -> Option<Command> {
    let mut command = home.command(large("inspector")?.join(".bin/mcp-inspector"));
    command
        .args(["--cli", url, "--transport", "http", "--header"])
        .arg(format!("Authorization: Bearer {key}"))
        .env("HOME", scratch)
        .current_dir(scratch);
    Some(command)
}

/// Lets a program write into this directory alone, and reach this machine alone.
fn alone(command: &mut Command, dir: &Path, nobody: &ClosedPort) {
    command
        .env("HOME", dir)
        .current_dir(dir)
        .env("HTTPS_PROXY", nobody.url())
        .env("NO_PROXY", "127.0.0.1");
}
