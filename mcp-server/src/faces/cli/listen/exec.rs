//! `listen --exec`: a command for each message.
//!
//! What the sender chose goes to the command's standard input and environment, and never into the
//! text that the shell reads.

use std::{
    io::ErrorKind,
    process::{ExitStatus, Stdio},
};

use bytes::Bytes;
use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
};

use super::{
    super::stop::{Stop, Told},
    outcome::Outcome,
};
use crate::wire::Message;

/// The command, as the user wrote it.
pub(super) struct Exec {
    command: String,
}

impl Exec {
    /// A command for `sh -c`.
    pub(super) fn of(command: String) -> Self {
        Self { command }
    }

    /// Runs it to its end, however long that takes; exit status 0 means that the message is done
    /// with. A signal to us goes to the command and all it started.
    pub(super) async fn run(&self, message: &Message, body: Bytes, stop: &mut Stop) -> Outcome {
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(&self.command)
            .envs(environment(message))
            .stdin(Stdio::piped())
            .kill_on_drop(true);
        // A group of its own: Ctrl-C on our terminal reaches it once, through us.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = match command.spawn() {
            Ok(child) => child,
            // It is this message's headers that are too long: no later try will do better.
            Err(error) if error.kind() == ErrorKind::ArgumentListTooLong => {
                return Outcome::failed(format!("cannot run: {error}"));
            }
            Err(error) => return Outcome::not_begun(format!("cannot run sh: {error}")),
        };
        let stdin = child.stdin.take();
        let feed = async move {
            if let Some(mut stdin) = stdin {
                // A command that does not read its input is no failure.
                let _ = stdin.write_all(&body).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            status = ended(&mut child, stop) => match status {
                Ok(status) if status.success() => Outcome::done(said(status)),
                Ok(status) => Outcome::failed(said(status)),
                Err(error) => Outcome::failed(format!("cannot wait for it: {error}")),
            },
            () = feed => unreachable!("feeding never ends first"),
        }
    }
}

/// Waits for the end; hands on each signal on the way.
async fn ended(child: &mut Child, stop: &mut Stop) -> std::io::Result<ExitStatus> {
    let mut seen = 0;
    loop {
        tokio::select! {
            status = child.wait() => return status,
            told = stop.nth(seen) => {
                seen += 1;
                hand_on(child, told);
            }
        }
    }
}

#[cfg(unix)]
fn hand_on(child: &Child, told: Told) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let signal = match told {
        Told::Interrupt => Signal::INT,
        Told::Terminate => Signal::TERM,
    };
    let pid = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        // It may have ended this very moment.
        let _ = kill_process_group(pid, signal);
    }
}

#[cfg(not(unix))]
fn hand_on(_: &Child, _: Told) {}

fn said(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("signal {signal}");
    }
    match status.code() {
        Some(code) => format!("exit {code}"),
        None => "no exit status".to_owned(),
    }
}

/// What the command may know of the message. Absent is empty, so that nothing is inherited.
fn environment(message: &Message) -> [(&'static str, String); 10] {
    let headers = serde_json::to_string(&message.headers).unwrap_or_default();
    [
        ("DOORBELL_ID", message.id.0.to_string()),
        ("DOORBELL_JID", message.jid.clone()),
        ("DOORBELL_SENDER", message.sender.clone()),
        ("DOORBELL_KIND", message.kind.to_string()),
        ("DOORBELL_ATTEMPT", message.attempt.to_string()),
        (
            "DOORBELL_CONTEXT",
            message.context.clone().unwrap_or_default(),
        ),
        ("DOORBELL_HEADERS", headers),
        ("DOORBELL_METHOD", message.method.clone()),
        ("DOORBELL_QUERY", message.query.clone()),
        ("DOORBELL_RECEIVED_AT", message.received_at.0.to_string()),
    ]
    // An environment cannot hold a NUL.
    .map(|(name, value)| (name, value.replace('\0', "\u{fffd}")))
}
