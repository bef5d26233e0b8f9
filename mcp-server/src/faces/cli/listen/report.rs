//! What `--forward-to` and `--exec` say of each message: a line.

use doorbell_core::message::{MAX_ATTEMPTS, MessageId};
use serde::Serialize;

use super::{
    super::{Failure, terminal},
    outcome::Outcome,
    settle::Verdict,
    show::Manner,
};
use crate::{
    config::command_line,
    wire::{Message, SettleStatus, Text},
};

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
    /// What makes a dead one pending again, to be typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<String>,
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
    let replay = || command_line(&format!("messages replay {}", message.id.0));
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
            replay: (status == SettleStatus::Nacked && is_dead).then(replay),
        };
        return Ok(serde_json::to_string(&line).map_err(std::io::Error::other)?);
    }
    let what = match (status, rest) {
        (SettleStatus::NotFound, _) => "another receiver had it meanwhile".to_owned(),
        (SettleStatus::Nacked, _) if is_dead => format!(
            "dead after {MAX_ATTEMPTS} attempts; try it once more with: {}",
            replay()
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn message(attempt: u8) -> Message {
        serde_json::from_value(serde_json::json!({
            "id": "01K00000000000000000000000", "jid": "hook:acme/github", "sender": "github",
            "kind": "hook", "body": "", "body_encoding": "utf-8", "headers": {},
            "method": "POST", "query": "", "received_at": "2026-11-21T16:14:00.000Z",
            "mode": "trigger", "attempt": attempt, "state": "leased"
        }))
        .expect("a message")
    }

    fn said(attempt: u8, verdict: &Verdict, json: bool) -> String {
        let outcome = Outcome::failed("500");
        let status = SettleStatus::Nacked;
        let channel = Channel::StandardOutput { json };
        line(&message(attempt), &outcome, status, verdict, channel).expect("a line")
    }

    #[test]
    fn a_death_says_why_and_what_to_type_and_promises_no_other_try() {
        let failed = Verdict::Failed {
            reason: "status 500".into(),
            rest: Duration::from_secs(120),
        };
        let line = said(MAX_ATTEMPTS, &failed, false);
        let replay = "doorbell messages replay 01K00000000000000000000000";
        assert!(
            line.contains("  500  dead after 5 attempts") && line.contains(replay),
            "{line}"
        );
        assert!(!line.contains("again in"), "{line}");
        let json = said(MAX_ATTEMPTS, &failed, true);
        assert!(
            json.contains(r#""status":"dead""#)
                && !json.contains("retry_in")
                && json.contains(replay),
            "{json}"
        );
        let line = said(4, &failed, false);
        assert!(line.ends_with("500  again in 120 s  (attempt 4)"), "{line}");
    }

    #[test]
    fn what_was_not_tried_is_not_dead_however_often() {
        let untried = Verdict::Untried {
            reason: "no connection".into(),
            rest: Duration::from_secs(8),
        };
        let line = said(MAX_ATTEMPTS, &untried, false);
        assert!(
            line.ends_with("500  again in 8 s; this counts for nothing"),
            "{line}"
        );
        let json = said(MAX_ATTEMPTS, &untried, true);
        assert!(
            json.contains(r#""attempted":false"#) && json.contains(r#""status":"nacked""#),
            "{json}"
        );
    }
}
