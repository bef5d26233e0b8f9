//! A data directory, a server on it, and commands that find it.

use std::{fs::File, path::Path, process::Stdio, time::Duration};

use doorbell_core::testing::PATIENCE;
use reqwest::StatusCode;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader, Lines},
    process::{Child, ChildStdin, Command},
    time::timeout,
};

const LOG: &str = "server.err";

/// One instance of its own.
pub(crate) struct House {
    dir: TempDir,
    server: Option<Child>,
}

impl Drop for House {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read(self.path().join(LOG)).unwrap_or_default();
            eprintln!(
                "\nbeside the test was said:\n{}",
                String::from_utf8_lossy(&log)
            );
        }
    }
}

/// What a command left behind.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl House {
    /// A data directory whose server will listen on ports of its own.
    pub(crate) fn empty() -> Self {
        Self::with_settings("listen = \"127.0.0.1:0\"\ncontrol = \"127.0.0.1:0\"\n")
    }

    pub(crate) fn with_settings(settings: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let house = Self { dir, server: None };
        std::fs::create_dir(house.data_dir()).expect("made");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let private = std::fs::Permissions::from_mode(0o700);
            std::fs::set_permissions(house.data_dir(), private).expect("made private");
        }
        std::fs::write(house.data_dir().join("doorbell.toml"), settings).expect("written");
        house
    }

    /// One with a server that is up.
    pub(crate) async fn serving() -> Self {
        let mut house = Self::empty();
        house.serve().await;
        house
    }

    /// Starts a server and waits for its greeting.
    pub(crate) async fn serve(&mut self) {
        let mut server = self
            .command(&["serve"])
            .stdout(Stdio::piped())
            .stderr(self.log())
            .spawn()
            .expect("the server starts");
        let mut greeting = lines(server.stdout.take().expect("piped"));
        while !next(&mut greeting).await.starts_with("Ctrl-C") {}
        self.server = Some(server);
    }

    /// Where whatever runs beside the test says what it has to say: shown if the test fails.
    pub(crate) fn log(&self) -> File {
        let path = self.path().join(LOG);
        let file = File::options().create(true).append(true).open(path);
        file.expect("the test's directory is writable")
    }

    /// Stops the server as an operator does.
    #[cfg(unix)]
    pub(crate) async fn stop(&mut self) {
        let mut server = self.server.take().expect("a server runs");
        interrupt(&server);
        let ended = timeout(PATIENCE, server.wait()).await.expect("in time");
        assert!(ended.expect("waited for").success());
    }

    pub(crate) fn data_dir(&self) -> std::path::PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// `doorbell <args>` on this instance, nothing of ours in its environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorbell"));
        command
            .args(args)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("DOORBELL_DATA_DIR", self.data_dir())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs `doorbell <args>` to its end.
    pub(crate) async fn run(&self, args: &[&str]) -> Ended {
        let output = timeout(PATIENCE, self.command(args).output())
            .await
            .expect("in time")
            .expect("it runs");
        Ended {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Starts `doorbell <args>`, its output to be read as it comes.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        let mut child = self
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let out = lines(child.stdout.take().expect("piped"));
        let err = lines(child.stderr.take().expect("piped"));
        Running { child, out, err }
    }

    /// The same with an input that has not ended.
    pub(crate) fn start_with_input(&self, args: &[&str]) -> (Running, ChildStdin) {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let input = child.stdin.take().expect("piped");
        let out = lines(child.stdout.take().expect("piped"));
        let err = lines(child.stderr.take().expect("piped"));
        (Running { child, out, err }, input)
    }

    /// Mints a URL for `acme/eng`.
    pub(crate) async fn url(&self, label: &str) -> String {
        let minted = self
            .run(&["token", "issue", "acme/eng", "hook", label])
            .await;
        assert_eq!(minted.code, Some(0), "{}", minted.err);
        minted.out.trim().to_owned()
    }

    /// Every state of the messages of `acme/eng`, by `messages show`.
    pub(crate) async fn life(&self, id: &str) -> serde_json::Value {
        let shown = self.run(&["messages", "show", id, "--json"]).await;
        assert_eq!(shown.code, Some(0), "{}", shown.err);
        serde_json::from_str(&shown.out).expect("JSON")
    }
}

/// A command that runs.
pub(crate) struct Running {
    child: Child,
    out: Lines<BufReader<tokio::process::ChildStdout>>,
    err: Lines<BufReader<tokio::process::ChildStderr>>,
}

impl Running {
    /// The next line of standard output.
    pub(crate) async fn out(&mut self) -> String {
        next(&mut self.out).await
    }

    /// The next line of standard output, as JSON.
    pub(crate) async fn json(&mut self) -> serde_json::Value {
        serde_json::from_str(&self.out().await).expect("a JSON line")
    }

    /// The next line of standard error.
    pub(crate) async fn err(&mut self) -> String {
        next(&mut self.err).await
    }

    /// Ctrl-C.
    #[cfg(unix)]
    pub(crate) fn interrupt(&self) {
        interrupt(&self.child);
    }

    /// Ctrl-C, and again every second until it has ended, as a user would: the exit code.
    #[cfg(unix)]
    pub(crate) async fn interrupted(mut self) -> Option<i32> {
        let pressing = async {
            loop {
                interrupt(&self.child);
                if let Ok(ended) = timeout(Duration::from_secs(1), self.child.wait()).await {
                    return ended.expect("waited for").code();
                }
            }
        };
        timeout(PATIENCE, pressing).await.expect("in time")
    }

    /// Waits for the end: the exit code.
    pub(crate) async fn ended(mut self) -> Option<i32> {
        let ended = timeout(PATIENCE, self.child.wait()).await.expect("in time");
        ended.expect("waited for").code()
    }
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process};
    let pid = child.id().and_then(|id| i32::try_from(id).ok());
    let pid = pid.and_then(Pid::from_raw).expect("it runs");
    kill_process(pid, Signal::INT).expect("sent");
}

pub(crate) fn lines<R: AsyncRead + Unpin>(stream: R) -> Lines<BufReader<R>> {
    BufReader::new(stream).lines()
}

pub(crate) async fn next<R: AsyncRead + Unpin>(lines: &mut Lines<BufReader<R>>) -> String {
    timeout(PATIENCE, lines.next_line())
        .await
        .expect("a line in time")
        .expect("readable")
        .expect("another line")
}

/// Posts to a URL that Doorbell minted; the message's id.
pub(crate) async fn post(url: &str, body: &[u8]) -> String {
    post_with(url, body, &[]).await
}

pub(crate) async fn post_with(url: &str, body: &[u8], headers: &[(&str, &str)]) -> String {
    let client = client();
    let mut request = client.post(url).body(body.to_vec());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("answered");
    assert_eq!(response.status(), StatusCode::OK);
    let id = response.headers().get("x-message-id").expect("an id");
    id.to_str().expect("ASCII").to_owned()
}

pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client")
}
