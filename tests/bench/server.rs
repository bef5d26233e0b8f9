//! The two servers as processes: how they are started, found and killed.

use crate::Outcome;
use crate::control::Control;
use crate::load::Target;
use crate::process;
use serde::Deserialize;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

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
        process::cpu(self.child.id())
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
        process::reap(&mut self.child);
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
    /// Starts it on this data directory, and returns when it has said where it listens. A URL may be
    /// posted to as often as is measured.
    pub(crate) fn start(binary: &Path, data: &Path, more: &[&str]) -> Outcome<Self> {
        let more = [&["--hook-rate", "0"], more].concat();
        Self::start_with_limits(binary, data, &more)
    }

    /// The same, with the limits that it has by itself.
    pub(crate) fn start_with_limits(binary: &Path, data: &Path, more: &[&str]) -> Outcome<Self> {
        fs::create_dir_all(data)?;
        let log = data.with_extension("log");
        let said = File::options().create(true).append(true).open(&log)?;
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
            .arg("--data-dir")
            .arg(data)
            .args(more)
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
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
                process::reap(&mut child);
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
        process::reap(&mut self.child);
        self.data.clone()
    }

    /// Seconds of processor time it has used.
    pub(crate) fn cpu(&self) -> Outcome<f64> {
        process::cpu(self.child.id())
    }

    /// Resident memory now, in MiB.
    pub(crate) fn resident(&self) -> Outcome<f64> {
        process::memory(self.child.id(), "VmRSS:")
    }

    /// The most resident memory since [`forget_peak`](Self::forget_peak), in MiB.
    pub(crate) fn peak(&self) -> Outcome<f64> {
        process::memory(self.child.id(), "VmHWM:")
    }

    /// Makes the peak what is resident now.
    pub(crate) fn forget_peak(&self) -> Outcome<()> {
        process::forget_peak(self.child.id())
    }
}

impl Drop for Doorbell {
    fn drop(&mut self) {
        process::reap(&mut self.child);
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
