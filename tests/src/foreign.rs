//! Other people's programs: senders, verifiers and MCP clients in node and Python.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
};

use serde_json::Value;

use crate::{binary, run, server::Home};

/// Runs a script of `tests/clients`, and says where they are.
fn installed_by(script: &str, args: &[&str]) -> Result<PathBuf, String> {
    let script = binary::workspace().join("tests/clients").join(script);
    let install = Command::new("sh").arg(&script).args(args).output();
    let install = install.map_err(|error| error.to_string())?;
    if install.status.success() {
        Ok(script
            .parent()
            .expect("a file lies in a directory")
            .to_owned())
    } else {
        Err(String::from_utf8_lossy(&install.stderr).into_owned())
    }
}

/// Where the foreign clients are installed.
pub fn clients() -> &'static Path {
    static CLIENTS: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match CLIENTS.get_or_init(|| installed_by("install.sh", &[])) {
        Ok(dir) => dir,
        Err(said) => panic!("the foreign clients are missing: {said}"),
    }
}

/// The modules of one of the large clients; where it cannot be had the test is skipped, and says so.
pub(crate) fn large(client: &'static str) -> Option<PathBuf> {
    static HAD: Mutex<BTreeMap<&str, Result<PathBuf, String>>> = Mutex::new(BTreeMap::new());
    let mut had = HAD.lock().unwrap_or_else(PoisonError::into_inner);
    let install = || {
        let one = installed_by("install-one.sh", &[client]);
        one.map(|clients| clients.join(client).join("node_modules"))
    };
    match had.entry(client).or_insert_with(install) {
        Ok(modules) => Some(modules.clone()),
        Err(said) => {
            run::skip(&format!("{client} cannot be had: {}", said.trim()));
            None
        }
    }
}

/// A program with `doorbell` on its `PATH`.
pub fn with_doorbell(home: &Home, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = home.command(program);
    let own = binary::doorbell()
        .parent()
        .expect("a file lies in a directory");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::iter::once(own.to_owned()).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(dirs).expect("no colon in it"));
    command
}

/// One of the drivers of the official MCP SDKs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sdk {
    /// `@modelcontextprotocol/client` 2.
    TypeScript,
    /// `@modelcontextprotocol/sdk` 1, which most installed agents have.
    TypeScript1,
    /// `mcp` 2.
    Python,
}

/// `node <script>`, whose libraries are installed.
pub fn node(home: &Home, script: &str) -> Command {
    let mut command = home.command("node");
    command.arg(clients().join("node").join(script));
    command
}

/// A Python script of the repository's, with the interpreter that the clients were installed for.
pub fn python(home: &Home, script: &Path) -> Command {
    let mut command = home.command(clients().join("python/.venv/bin/python"));
    command.arg(script);
    command
}

/// Schemathesis, a fuzzer that reads an OpenAPI document, with our hooks. Its notes go to `scratch`:
/// they hold the tokens that it minted.
pub fn schemathesis(home: &Home, scratch: &Path) -> Command {
    let python_dir = clients().join("python");
    let mut command = python(home, &python_dir.join(".venv/bin/schemathesis"));
    command
        .env("SCHEMATHESIS_HOOKS", "schemathesis_hooks")
        .env("PYTHONPATH", python_dir)
        .current_dir(scratch);
    command
}

/// The driver of an SDK.
pub fn mcp_client(home: &Home, sdk: Sdk, protocol: &str) -> Command {
    let mut command = match sdk {
        Sdk::TypeScript => node(home, "mcp_client.mjs"),
        Sdk::TypeScript1 => {
            let mut command = node(home, "mcp_client.mjs");
            command.args(["--sdk", "sdk"]);
            command
        }
        Sdk::Python => python(home, &clients().join("python/mcp_client.py")),
    };
    command.args(["--protocol", protocol]);
    command
}

/// Runs a command with this input to its end: its exit code and the JSON lines it printed. What it
/// printed to standard error is kept for the search; what it printed to standard output may hold a
/// token, which is looked for.
#[track_caller]
pub fn talk(home: &Home, command: &mut Command, lines: &[Value]) -> (i32, Vec<Value>) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(home.log("foreign.err"))
        .spawn()
        .expect("the interpreter can be started");
    let mut stdin = child.stdin.take().expect("piped");
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let feeding = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("our own child");
    // A program that failed at once has not read it all; its exit code says so.
    let _ = feeding.join().expect("writing does not panic");
    let text = String::from_utf8(output.stdout).expect("output is UTF-8");
    run::register(&text);
    let said = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect();
    (output.status.code().unwrap_or(-1), said)
}

/// A program that answers a line of JSON with a line of JSON, for as long as it is talked to.
#[derive(Debug)]
pub struct Dialogue {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Dialogue {
    /// Starts it. What it prints to standard error is kept for the search.
    pub fn begin(home: &Home, command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(home.log("foreign.err"))
            .spawn()
            .expect("the program can be started");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        Self {
            input: child.stdin.take(),
            child,
            output,
        }
    }

    /// Says something without waiting for what is answered.
    #[track_caller]
    pub fn say(&mut self, line: &Value) {
        let input = self.input.as_mut().expect("not ended");
        input
            .write_all(format!("{line}\n").as_bytes())
            .expect("the program listens");
        input.flush().expect("the program listens");
    }

    /// The next line it says; a token in it is looked for later.
    #[track_caller]
    pub fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("readable");
        run::register(&line);
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line:?}"))
    }

    /// Asks something and waits for the answer.
    #[track_caller]
    pub fn ask(&mut self, line: &Value) -> Value {
        self.say(line);
        self.hear()
    }

    /// Says that there is nothing more.
    pub fn finish(&mut self) {
        self.input = None;
    }

    /// Says that there is nothing more, and waits for its exit code.
    pub fn end(mut self) -> i32 {
        self.input = None;
        let status = self.child.wait().expect("our own child");
        status.code().unwrap_or(-1)
    }
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
