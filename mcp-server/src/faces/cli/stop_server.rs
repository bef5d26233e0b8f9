//! `doorbell stop`: ends the server that holds this data directory, and waits until it has ended.

use std::time::Duration;

use clap::Args;
use doorbell_ingress::store::redb::Holder;
use tokio::time::{Instant, sleep};

use super::{
    Common, Failure,
    own_server::OwnServer,
    probe::{Probe, probe},
    terminal,
};
use crate::{config::Period, refusal::Refusal};

/// How often to look whether it has ended.
const PAUSE: Duration = Duration::from_millis(50);
/// After how long somebody is told what is waited for.
const SILENCE: Duration = Duration::from_secs(1);

/// Arguments of `doorbell stop`.
#[derive(Args, Debug)]
pub(super) struct StopServer {
    /// How long to wait until it has ended
    #[arg(long, value_name = "TIME", default_value = "2m")]
    timeout: Period,
}

pub(super) async fn run(common: &Common, args: StopServer) -> Result<(), Failure> {
    let server = OwnServer::find(common, "doorbell stop")?;
    let pid = server.pid()?;
    // A second signal would cut off what the first lets finish.
    if !is_stopping(&server).await {
        terminate(pid)?;
    }
    let began = Instant::now();
    let mut told = false;
    loop {
        let now = server.again()?;
        if now.holder != Holder::Process(pid) {
            break;
        }
        if began.elapsed() >= args.timeout.0 {
            return Err(Refusal::Unavailable(format!(
                "process {pid} was told to stop and still runs after {}: wait for what is in \
                 flight, or end it at once with: kill -9 {pid} (nothing that was accepted is lost)",
                format_args!("{} s", args.timeout.0.as_secs())
            ))
            .into());
        }
        if !told && began.elapsed() >= SILENCE {
            told = true;
            terminal::explain(&format!(
                "process {pid} finishes what is in flight; waiting for it"
            ));
        }
        sleep(PAUSE).await;
    }
    if common.json {
        return Ok(terminal::json(
            &serde_json::json!({ "stopped": true, "pid": pid }),
        )?);
    }
    Ok(terminal::say(&format!("stopped process {pid}"))?)
}

async fn is_stopping(server: &OwnServer) -> bool {
    let url = server
        .file
        .as_ref()
        .and_then(|file| file.control.parse().ok());
    match url {
        Some(url) => {
            matches!(probe(&url, false).await, Probe::NotReady(why) if why.contains("is stopping"))
        }
        None => false,
    }
}

#[cfg(unix)]
fn terminate(pid: u32) -> Result<(), Failure> {
    use rustix::{
        io::Errno,
        process::{Pid, Signal, kill_process},
    };
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let sent = match process {
        Some(process) => kill_process(process, Signal::TERM),
        None => Err(Errno::SRCH),
    };
    match sent {
        // It ended by itself meanwhile.
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(Errno::PERM) => Err(Refusal::Forbidden(format!(
            "process {pid} is another user's: stop it as that user, or with sudo; a service is \
             stopped with: systemctl stop doorbell"
        ))
        .into()),
        Err(error) => Err(std::io::Error::from(error).into()),
    }
}

#[cfg(not(unix))]
fn terminate(pid: u32) -> Result<(), Failure> {
    Err(Refusal::Unavailable(format!(
        "this system has no signals: end process {pid} in its window with Ctrl-C"
    ))
    .into())
}
