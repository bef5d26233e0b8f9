//! What `--forward-to` and `--exec` say of each message: a line.

use doorbell_core::message::{MAX_ATTEMPTS, MessageId};
use serde::Serialize;

use super::{
    super::{Failure, terminal},
    outcome::Outcome,
    settle::Verdict,
    show::Manner,
};
use crate::wire::{Message, SettleStatus, Text};

/// Where the lines go, and for whom.
#[derive(Clone, Copy, Debug)]
pub(super) enum Channel {
    /// Standard output.
    StandardOutput {
        /// One object a line.
        json: bool,
    },
    /// Standard error: the other belongs to the command that is run.
    StandardError {
        /// One object a line.
        json: bool,
    },
}

/// One handled message, as a program reads it.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a Text<MessageId>,
    jid: &'a str,
    attempt: u8,
    outcome: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_in_seconds: Option<u64>,
    /// false: nothing was tried, and the attempt does not count.
    #[serde(skip_serializing_if = "std::clone::Clone::clone")]
    attempted: bool,
}

impl Channel {
    /// Standard output, as JSON where it was asked for or where no terminal is.
    pub(super) fn of_standard_output(json: bool) -> Self {
        let json = !Manner::of_standard_output(json).is_for_people();
        Self::StandardOutput { json }
    }

    /// Prints a line.
    pub(super) fn print(self, line: &str) -> Result<(), Failure> {
        match self {
            Self::StandardOutput { .. } => terminal::say(line)?,
            Self::StandardError { .. } => terminal::explain(line),
        }
        Ok(())
    }

    fn is_json(self) -> bool {
        let (Self::StandardOutput { json } | Self::StandardError { json }) = self;
        json
    }
}

/// The line for one message.
pub(super) fn line(
    message: &Message,
    outcome: &Outcome,
    status: SettleStatus,
    verdict: &Verdict,
    channel: Channel,
) -> Result<String, Failure> {
    let rest = match verdict {
        Verdict::Settled => None,
        Verdict::Failed { rest, .. } | Verdict::Untried { rest, .. } => Some(rest.as_secs()),
    };
    let attempted = !matches!(verdict, Verdict::Untried { .. });
    let is_dead = attempted && rest.is_some() && message.attempt >= MAX_ATTEMPTS;
    if channel.is_json() {
        let line = Line {
            id: &message.id,
            jid: &message.jid,
            attempt: message.attempt,
            outcome: outcome.said(),
            status: match status {
                SettleStatus::Acked => "acked",
                SettleStatus::Nacked if is_dead => "dead",
                SettleStatus::Nacked => "nacked",
                SettleStatus::NotFound => "lost",
            },
            retry_in_seconds: rest.filter(|_| status == SettleStatus::Nacked && !is_dead),
            attempted,
        };
        return Ok(serde_json::to_string(&line).map_err(std::io::Error::other)?);
    }
    let what = match (status, rest) {
        (SettleStatus::NotFound, _) => "another receiver had it meanwhile".to_owned(),
        (SettleStatus::Nacked, _) if is_dead => format!(
            "dead after {MAX_ATTEMPTS} attempts; try it once more with: doorbell messages replay {}",
            message.id.0
        ),
        (SettleStatus::Nacked, Some(rest)) if !attempted => {
            format!("again in {rest} s; this counts for nothing")
        }
        (SettleStatus::Nacked, Some(rest)) => format!("again in {rest} s"),
        (SettleStatus::Acked | SettleStatus::Nacked, _) => "acked".to_owned(),
    };
    let attempt = match message.attempt {
        2.. if attempted => format!("  (attempt {})", message.attempt),
        _ => String::new(),
    };
    Ok(format!(
        "{}  {}  {}  {what}{attempt}",
        message.id.0,
        terminal::printable(&message.jid),
        terminal::printable(outcome.said()),
    ))
}
