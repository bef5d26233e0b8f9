//! The two servers as processes: how they are built, started, weighed and killed.

use crate::Outcome;
use crate::control::Control;
use crate::load::Target;
use serde::Deserialize;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) use tempfile::TempDir;

/// A directory that goes with the run.
pub(crate) fn temp_dir() -> Outcome<TempDir> {
    Ok(tempfile::Builder::new()
        .prefix("doorbell-bench-")
        .tempdir()?)
}

/// Builds `doorbell` in the bench's own profile and finds it beside the bench.
pub(crate) fn build() -> Outcome<PathBuf> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args([
        "build",
        "--quiet",
        "-p",
        "doorbell",
        "--manifest-path",
        manifest,
    ]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    if !command.status()?.success() {
        return Err("the server does not build".into());
    }
    Ok(std::env::current_exe()?.with_file_name("doorbell"))
}

/// A running no-op; killed when dropped.
pub(crate) struct Noop {
    child: Child,
    address: SocketAddr,
}

impl Noop {
    /// Starts this same binary as a process of its own.
    pub(crate) fn start() -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("noop")
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().expect("stdout is piped");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().parse().map_err(|_| "the no-op did not start")?;
        Ok(Self { child, address })
    }

    /// Seconds of processor time it has used.
    pub(crate) fn cpu(&self) -> Outcome<f64> {
        cpu_of(&self.child.id().to_string())
    }

    /// Where to send what a hook with this token gets.
    pub(crate) fn target(&self, token: &str) -> Target {
        Target {
            address: self.address,
            token: token.to_owned(),
            expected: 204,
        }
    }
}

impl Drop for Noop {
    fn drop(&mut self) {
        reap(&mut self.child);
    }
}

/// A running server; killed when dropped.
pub(crate) struct Doorbell {
    child: Child,
    /// Its data directory.
    pub(crate) data: PathBuf,
    /// The front door.
    pub(crate) hook: SocketAddr,
    /// The control listener.
    pub(crate) control: SocketAddr,
    key: String,
}

#[derive(Deserialize)]
struct Addresses {
    pid: u32,
    listen: String,
    control: String,
}

impl Doorbell {
    /// Starts it on this data directory, and returns when it has said where it listens.
    pub(crate) fn start(binary: &Path, data: &Path, more: &[&str]) -> Outcome<Self> {
        fs::create_dir_all(data)?;
        let log = data.with_extension("log");
        let mut command = Command::new(binary);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("DOORBELL_") {
                command.env_remove(name);
            }
        }
        let mut child = command
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--control",
                "127.0.0.1:0",
            ])
            .args(["--hook-rate", "0", "--data-dir"])
            .arg(data)
            .args(more)
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?)
            .spawn()?;
        match addresses(&mut child, data) {
            Ok((hook, control, key)) => Ok(Self {
                child,
                data: data.to_owned(),
                hook,
                control,
                key,
            }),
            Err(error) => {
                reap(&mut child);
                Err(format!("{error}; it said:\n{}", fs::read_to_string(&log)?).into())
            }
        }
    }

    /// The operator's key.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// A client of the control listener.
    pub(crate) async fn client(&self) -> Outcome<Control> {
        Control::open(self.control, &self.key).await
    }

    /// Mints a hook and gives the target for it.
    pub(crate) async fn target(&self) -> Outcome<Target> {
        let token = self.client().await?.mint().await?;
        Ok(Target {
            address: self.hook,
            token,
            expected: 200,
        })
    }

    /// kill -9, and waits until it is gone.
    pub(crate) fn kill(mut self) -> PathBuf {
        reap(&mut self.child);
        self.data.clone()
    }

    /// Seconds of processor time it has used.
    pub(crate) fn cpu(&self) -> Outcome<f64> {
        cpu_of(&self.child.id().to_string())
    }

    /// Resident memory now, in MiB.
    pub(crate) fn resident(&self) -> Outcome<f64> {
        self.status("VmRSS:")
    }

    /// The most resident memory since [`forget_peak`](Self::forget_peak), in MiB.
    pub(crate) fn peak(&self) -> Outcome<f64> {
        self.status("VmHWM:")
    }

    /// Makes the peak what is resident now; 5 is that command in proc(5), `clear_refs`.
    pub(crate) fn forget_peak(&self) -> Outcome<()> {
        Ok(fs::write(
            format!("/proc/{}/clear_refs", self.child.id()),
            "5",
        )?)
    }

    fn status(&self, field: &str) -> Outcome<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(kib.ok_or("no memory in /proc")?.parse::<f64>()? / 1024.0)
    }
}

impl Drop for Doorbell {
    fn drop(&mut self) {
        reap(&mut self.child);
    }
}

/// Reads `server.json` once it is this process's, and the key beside it.
fn addresses(child: &mut Child, data: &Path) -> Outcome<(SocketAddr, SocketAddr, String)> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Err(format!("the server ended with {status}").into());
        }
        // A file half written, or left by the process before, is as good as none.
        let written = fs::read(data.join("server.json")).unwrap_or_default();
        if let Ok(it) = serde_json::from_slice::<Addresses>(&written)
            && it.pid == child.id()
        {
            let key = fs::read_to_string(data.join("operator.key"))?
                .trim()
                .to_owned();
            return Ok((address(&it.listen)?, address(&it.control)?, key));
        }
        if begun.elapsed() > Duration::from_secs(60) {
            return Err("the server wrote no server.json in a minute".into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn address(url: &str) -> Outcome<SocketAddr> {
    let address = url
        .strip_prefix("http://")
        .ok_or("server.json holds no http:// address")?;
    Ok(address.trim_end_matches('/').parse()?)
}

/// Seconds of processor time that the bench itself has used.
pub(crate) fn own_cpu() -> Outcome<f64> {
    cpu_of("self")
}

/// User and system time of a process: fields 14 and 15 of proc(5), `stat`, which on every Linux of
/// today count hundredths of a second. The name before them may hold spaces, but ends with `)`.
fn cpu_of(process: &str) -> Outcome<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let fields = stat
        .rsplit_once(')')
        .map_or("", |(_, fields)| fields)
        .split_whitespace();
    let ticks: Vec<f64> = fields
        .skip(11)
        .take(2)
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

fn reap(child: &mut Child) {
    // It may be dead already; either way nothing is left of it.
    let _ = child.kill();
    let _ = child.wait();
}
