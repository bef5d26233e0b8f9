//! Starting a server in the background, for a program that needs one and finds none.
//!
//! Two programs may do so at once. Both spawn, one of the servers finds the store taken and ends,
//! and both programs find the other: what is waited for is that a server answers, not that it is
//! ours.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use doorbell_core::folder::Folder;
use reqwest::Url;
use tokio::time::Instant;

use super::probe::{Probe, probe};

use crate::{
    config::{DataDir, Whereabouts},
    desk::{Address, Answer, Remote},
    refusal::Refusal,
};

/// How long a server may take until it answers.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long another's server may take once ours has ended.
const GRACE: Duration = Duration::from_secs(4);
/// How often to ask.
const PAUSE: Duration = Duration::from_millis(25);
/// How much of the log is shown, in bytes.
const TAIL: u64 = 2_000;

/// The desk of the running server, as the agent of `folder` if one is given; one on this machine is started if none
/// runs. A server elsewhere is never started.
pub(super) async fn find_or_start(
    data_dir: DataDir,
    folder: impl Into<Option<Folder>>,
    receiver: String,
) -> Answer<Remote> {
    let folder = folder.into();
    let deadline = Instant::now() + DEADLINE;
    let mut started: Option<Started> = None;
    loop {
        let whereabouts = Whereabouts::from_environment(data_dir.clone())?;
        let url = whereabouts.url()?;
        let found = if whereabouts.is_guess() {
            Probe::Nobody(whereabouts.nobody())
        } else {
            probe(&url, whereabouts.url.is_some()).await
        };
        match found {
            Probe::Ready | Probe::NoRoom(_) => {
                return Ok(Remote::new(whereabouts.address()?, folder)?.named(receiver));
            }
            Probe::NotReady(_) => {}
            Probe::Other(refusal) if started.is_none() => return Err(refusal),
            Probe::Other(_) => {}
            Probe::Nobody(refusal) if !Address::is_loopback(&url) => {
                return Err(Refusal::Unavailable(format!(
                    "{refusal}; a server elsewhere is not started from here"
                )));
            }
            Probe::Nobody(_) => match &mut started {
                None => started = Some(Started::spawn(&whereabouts).map_err(cannot_start)?),
                Some(server) => {
                    if server.is_lost() {
                        return Err(server.failed(&data_dir));
                    }
                }
            },
        }
        if Instant::now() >= deadline {
            return Err(started.as_ref().map_or_else(
                || Refusal::Unavailable(format!("the server at {url} is not ready")),
                |server| server.failed(&data_dir),
            ));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The desk of the server that runs now, as the agent of `folder`; none is started.
pub(super) fn find(data_dir: DataDir, folder: Folder, receiver: String) -> Answer<Remote> {
    let whereabouts = Whereabouts::from_environment(data_dir)?;
    if whereabouts.is_guess() {
        return Err(whereabouts.nobody());
    }
    Ok(Remote::new(whereabouts.address()?, Some(folder))?.named(receiver))
}

fn cannot_start(error: io::Error) -> Refusal {
    Refusal::Unavailable(format!("cannot start a server in the background: {error}"))
}

/// A server that was spawned from here.
struct Started {
    child: Child,
    log_from: u64,
    ended: Option<Instant>,
}

impl Started {
    fn spawn(whereabouts: &Whereabouts) -> io::Result<Self> {
        let data_dir = &whereabouts.data_dir;
        data_dir.make().map_err(io::Error::other)?;
        let log = open_log(&data_dir.log_file())?;
        let log_from = log.metadata()?.len();
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("serve")
            .arg("--in-background")
            .arg("--data-dir")
            .arg(data_dir.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // An agent's key is no business of the server's.
            .env_remove("DOORBELL_KEY")
            .env_remove("DOORBELL_URL");
        if let Some(address) = whereabouts.url.as_ref().and_then(control_address) {
            command.arg("--control").arg(address);
        }
        // It outlives whoever started it, and its terminal's Ctrl-C.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Ok(Self {
            child: command.spawn()?,
            log_from,
            ended: None,
        })
    }

    /// It ended, and nobody else's came up in its place.
    fn is_lost(&mut self) -> bool {
        if self.ended.is_none() && matches!(self.child.try_wait(), Ok(Some(_))) {
            self.ended = Some(Instant::now());
        }
        self.ended.is_some_and(|at| at.elapsed() >= GRACE)
    }

    fn failed(&self, data_dir: &DataDir) -> Refusal {
        let path = data_dir.log_file();
        let tail = tail(&path, self.log_from).unwrap_or_default();
        Refusal::Unavailable(format!(
            "a server was started in the background and does not answer; {} ends with:\n{}",
            path.display(),
            tail.trim_end()
        ))
    }
}

/// Where `DOORBELL_URL` wants the control listener to be, if it is a plain loopback address.
fn control_address(url: &Url) -> Option<String> {
    let host = match url.host_str()? {
        "localhost" => "127.0.0.1",
        host => host,
    };
    (url.scheme() == "http")
        .then(|| format!("{host}:{}", url.port_or_known_default().unwrap_or(80)))
}

fn open_log(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The log's end, but nothing from before `from`.
fn tail(path: &Path, from: u64) -> io::Result<String> {
    let mut log = File::open(path)?;
    let begin = log.metadata()?.len().saturating_sub(TAIL).max(from);
    log.seek(SeekFrom::Start(begin))?;
    let mut bytes = Vec::new();
    log.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_started_where_the_url_says() {
        let address = |text: &str| control_address(&Url::parse(text).expect("a URL"));
        assert_eq!(
            address("http://localhost:9000").as_deref(),
            Some("127.0.0.1:9000")
        );
        assert_eq!(address("http://[::1]:9000").as_deref(), Some("[::1]:9000"));
        assert_eq!(address("https://127.0.0.1:9000"), None);
    }

    #[test]
    fn the_tail_leaves_out_what_an_earlier_server_said() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("server.log");
        fs::write(&path, "old\nnew\n").expect("written");
        assert_eq!(tail(&path, 4).expect("read"), "new\n");
    }
}
