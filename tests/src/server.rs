//! A server as a process: started, found, stopped, killed and started again.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{api::Caller, binary, http, pace::PATIENCE, run, signals};

/// How much of a log is shown of a test that failed, in lines.
const SHOWN: usize = 200;

/// A machine for one test: a home, a data directory, nothing inherited.
#[derive(Debug)]
pub struct Home {
    dir: PathBuf,
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// A new one.
    pub fn new() -> Self {
        signals::restore_for_children();
        Self {
            dir: run::new_dir(),
        }
    }

    /// Where everything of this test lies; all of it is searched for tokens at the end.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// A command in a clean environment: `PATH`, a home of its own and `DOORBELL_DATA_DIR`.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.dir)
            .env("TMPDIR", std::env::temp_dir())
            .env("DOORBELL_DATA_DIR", self.data())
            // Without it nothing is stored where little of the machine's own disk is free.
            .env("DOORBELL_MAX_DISK", "64GiB")
            .current_dir(&self.dir)
            .stdin(Stdio::null());
        command
    }

    /// A file that output is appended to.
    pub fn log(&self, name: &str) -> File {
        let file = File::options()
            .create(true)
            .append(true)
            .open(self.dir.join(name));
        file.expect("the test's directory is writable")
    }

    /// What a file of this test holds; nothing if it is not there.
    pub fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.dir.join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What the running server says of itself.
    pub fn server_file(&self) -> Option<Value> {
        serde_json::from_slice(&fs::read(self.data().join("server.json")).ok()?).ok()
    }

    /// The operator's key.
    pub fn operator_key(&self) -> String {
        let key = fs::read_to_string(self.data().join("operator.key"));
        let key = key.expect("a server has run here").trim().to_owned();
        run::register(&key);
        key
    }

    /// Starts a server on free ports and waits until it is ready.
    pub fn serve(&self) -> Doorbell<'_> {
        self.serve_with(&[])
    }

    /// Starts a server with further flags.
    pub fn serve_with(&self, flags: &[&str]) -> Doorbell<'_> {
        self.serve_at("127.0.0.1:0", "127.0.0.1:0", flags)
    }

    /// Starts a server at these addresses.
    pub fn serve_at(&self, listen: &str, control: &str, flags: &[&str]) -> Doorbell<'_> {
        self.serve_as(self.command(binary::doorbell()), listen, control, flags)
    }

    /// Starts a server that may have no more than so many files open.
    pub fn serve_with_files(&self, files: u32, flags: &[&str]) -> Doorbell<'_> {
        let mut shell = self.command("sh");
        let limited = format!("ulimit -n {files} && exec \"$0\" \"$@\"");
        shell.args(["-c", &limited]).arg(binary::doorbell());
        self.serve_as(shell, "127.0.0.1:0", "127.0.0.1:0", flags)
    }

    fn serve_as(
        &self,
        mut command: Command,
        listen: &str,
        control: &str,
        flags: &[&str],
    ) -> Doorbell<'_> {
        command.args(["serve", "--listen", listen, "--control", control]);
        if !flags.contains(&"--log") {
            command.args(["--log", "debug"]);
        }
        command.args(flags);
        let child = command
            .stdout(self.log("server.out"))
            .stderr(self.log("server.err"))
            .spawn()
            .expect("the binary can be started");
        Doorbell::when_up(self, child, flags)
    }
}

/// Of a test that failed, what its servers said; it is printed with that test alone.
impl Drop for Home {
    fn drop(&mut self) {
        if !thread::panicking() {
            return;
        }
        let log = self.read("server.err");
        let lines: Vec<&str> = log.lines().collect();
        let shown = &lines[lines.len().saturating_sub(SHOWN)..];
        eprintln!(
            "\n{} keeps all that was printed; server.err ends with:\n{}",
            self.dir.display(),
            shown.join("\n")
        );
    }
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Doorbell<'a> {
    /// The machine it runs on.
    pub home: &'a Home,
    /// The front door.
    pub front: SocketAddr,
    /// The control listener.
    pub control: SocketAddr,
    child: Child,
    flags: Vec<String>,
}

impl<'a> Doorbell<'a> {
    fn when_up(home: &'a Home, mut child: Child, flags: &[&str]) -> Self {
        let said = |addr: &Value| addr.as_str()?.strip_prefix("http://")?.parse().ok();
        let began = Instant::now();
        loop {
            let file = home.server_file().filter(|file| file["pid"] == child.id());
            if let Some((front, control)) =
                file.and_then(|file| Some((said(&file["listen"])?, said(&file["control"])?)))
                && http::send(control, "GET", "/readyz", &[], b"").is_ok_and(|r| r.status == 200)
            {
                let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
                return Self {
                    home,
                    front,
                    control,
                    child,
                    flags,
                };
            }
            let ended = child.try_wait().expect("our own child");
            let said = home.read("server.err");
            assert!(ended.is_none(), "the server ended ({ended:?}):\n{said}");
            assert!(
                began.elapsed() < PATIENCE,
                "the server is not ready:\n{said}"
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it as a power cut would, and waits until it is gone.
    pub fn kill(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        self.child.wait().expect("our own child");
    }

    /// Sends a signal by name: `TERM`, `INT`, `STOP`.
    pub fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Waits for it to end by itself.
    pub fn wait(&mut self) -> ExitStatus {
        wait_for("the server's end", || {
            self.child.try_wait().expect("our own child")
        })
    }

    /// Stops it as an operator does.
    pub fn stop(mut self) {
        self.signal("TERM");
        assert!(self.wait().success(), "{}", self.home.read("server.err"));
    }

    /// Kills it and starts it again on the same ports.
    pub fn crash_and_restart(&mut self) {
        self.kill();
        self.start_again();
    }

    /// Stops it in order and starts it again on the same ports.
    pub fn stop_and_restart(&mut self) {
        self.signal("TERM");
        assert!(self.wait().success(), "{}", self.home.read("server.err"));
        self.start_again();
    }

    fn start_again(&mut self) {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        let (front, control) = (self.front.to_string(), self.control.to_string());
        *self = self.home.serve_at(&front, &control, &flags);
    }

    /// The operator, over `/v1`.
    pub fn operator(&self) -> Caller {
        Caller::new(self, self.home.operator_key())
    }

    /// The agent of a folder, with a new key of its own.
    pub fn agent(&self, folder: &str) -> Caller {
        let issued = self.operator().issue_key(folder);
        Caller::new(self, issued)
    }

    /// A figure that has no labels, as `/metrics` has it just now.
    pub fn figure(&self, name: &str) -> f64 {
        let bearer = format!("Bearer {}", self.home.operator_key());
        let headers = [("Authorization", bearer.as_str())];
        let reply = http::send(self.control, "GET", "/metrics", &headers, b"");
        let page = reply.expect("the control listener answers").expect(200);
        let page = page.text();
        let mut values = page.lines().filter_map(|line| line.strip_prefix(name));
        let value = values.find_map(|rest| rest.strip_prefix(' '));
        let value = value.unwrap_or_else(|| panic!("no {name} in:\n{page}"));
        value.trim().parse().expect("a number")
    }

    /// Waits until so many wait at inboxes: receivers, channels, streams, terminals.
    #[track_caller]
    pub fn until_waited_at(&self, inboxes: u32) {
        wait_for("them to wait", || {
            (self.figure("doorbell_attachments") >= f64::from(inboxes)).then_some(())
        });
    }

    /// Asks the front door.
    #[track_caller]
    pub fn front(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> http::Reply {
        http::send(self.front, method, target, headers, body).expect("the front door answers")
    }
}

impl Drop for Doorbell<'_> {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port of this machine on which nobody listens, for as long as this lives.
#[derive(Debug)]
pub struct ClosedPort {
    // Bound, so that nobody else gets it, and not listening.
    _socket: tokio::net::TcpSocket,
    addr: SocketAddr,
}

impl Default for ClosedPort {
    fn default() -> Self {
        Self::new()
    }
}

impl ClosedPort {
    /// A new one.
    pub fn new() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(anywhere).expect("a port is free");
        let addr = socket.local_addr().expect("it is bound");
        Self {
            _socket: socket,
            addr,
        }
    }

    /// What would be asked there.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

/// Sends a signal to a process of ours by its id.
pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(pid.to_string())
        .status();
    assert!(
        sent.expect("kill(1) is there").success(),
        "no process {pid}"
    );
}

/// Polls until there is an answer; fails the test when that takes too long.
#[track_caller]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited too long for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
