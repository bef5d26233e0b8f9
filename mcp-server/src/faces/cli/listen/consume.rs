//! `listen --forward-to` and `listen --exec`: leases one message, handles it, settles it.
//!
//! One at a time, so that order holds and no lease runs out in a queue. Every such receiver has a
//! name of its own: two of them on one inbox never settle each other's messages. A lease lasts 60
//! seconds. Whoever takes longer may still settle, unless another receiver has leased the message
//! since; then it is the other's, and what was done here was done twice (at least once, never less).

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use doorbell_core::message::{MAX_ATTEMPTS, MessageId};
use serde::Serialize;

use super::{
    super::{Failure, again::Again, connect, log::Subject, stop::Stop, terminal},
    exec::Exec,
    forward::Forward,
    show::Manner,
};
use crate::{
    desk::{Answer, Desk, Remote},
    refusal::Refusal,
    wire::{
        Ack, BodyEncoding, Count, MAX_BODY_BYTES, Message, Nack, Receive, Received, SettleStatus,
        Text,
    },
};

/// How long one call waits for a message, in seconds: the longest that is allowed.
const WAIT: u64 = 50;

/// What is done with a message.
pub(super) enum How {
    /// It is posted on.
    Forward(Forward),
    /// It is handed to a command.
    Exec(Exec),
}

/// What came of it.
pub(super) struct Outcome {
    /// Whether it is done with.
    pub(super) done: bool,
    /// In a few words: `200`, `exit 1`, `no answer in 30 s`.
    pub(super) said: String,
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
}

pub(super) async fn run(subject: &Subject<'_>, how: How, mut stop: Stop) -> Result<(), Failure> {
    let name = connect::receiver_name("listen");
    let mut desk = subject.desk()?.named(&name);
    let mut again = Again::default();
    let mut connected = false;
    loop {
        // The first look does not wait, so that what is wrong is said at once.
        let wait = if connected { WAIT } else { 0 };
        let leased = tokio::select! {
            biased;
            () = stop.told() => return Ok(()),
            leased = lease(&desk, subject, wait) => leased,
        };
        let received = match leased {
            Ok(received) => received,
            Err(refusal) if connected && Again::worth_it(&refusal) => {
                if !again.wait(&refusal.to_string(), &mut stop).await {
                    return Ok(());
                }
                desk = subject.desk()?.named(&name);
                continue;
            }
            Err(refusal) => return Err(unnamed_folder(refusal).into()),
        };
        again.over();
        if !std::mem::replace(&mut connected, true) {
            terminal::explain(&how.greeting(&desk));
        }
        for message in received.messages {
            if stop.is_told() {
                give_back(&desk, &message).await?;
            } else {
                let handled = handle(&desk, &how, &message, &mut stop).await?;
                settle(
                    subject, &mut desk, &name, &how, &message, handled, &mut stop,
                )
                .await?;
            }
        }
        for message in received.observed {
            terminal::explain(&format!(
                "{}  {}  observed: not handed on",
                message.id.0,
                terminal::printable(&message.jid)
            ));
        }
    }
}

async fn lease(desk: &Remote, subject: &Subject<'_>, wait: u64) -> Answer<Received> {
    let ask = Receive {
        max: Some(Count::clamped(1)),
        wait_seconds: Some(Count::clamped(wait)),
        pattern: subject.pattern.clone().map(Text),
        folder: None,
        max_body_bytes: Some(Count::clamped(MAX_BODY_BYTES)),
        // They are context for an agent, and none is shown them here.
        observed: Some(false),
        max_chars: None,
    };
    desk.receive(ask).await
}

/// Says in this command's words what the server says of an operator without a folder.
fn unnamed_folder(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Invalid { field, .. } if field == "folder" => Refusal::invalid(
            "--folder",
            "is required with --forward-to and --exec: they empty one folder's inbox, and the \
             operator has no folder of its own",
        ),
        other => other,
    }
}

async fn handle(
    desk: &Remote,
    how: &How,
    message: &Message,
    stop: &mut Stop,
) -> Result<Outcome, Failure> {
    let body = match whole_body(desk, message).await {
        Ok(body) => body,
        // It will come again, to whoever can read it then.
        Err(refusal) => return Ok(Outcome::failed(refusal.to_string())),
    };
    Ok(match how {
        How::Forward(forward) => forward.post(message, body).await,
        How::Exec(exec) => exec.run(message, body, stop).await,
    })
}

/// The bytes as they were posted.
async fn whole_body(desk: &Remote, message: &Message) -> Answer<Bytes> {
    if message.body_truncated {
        let whole = desk.message(message.id.0, None).await?.message;
        return bytes(whole.body, whole.body_encoding);
    }
    bytes(message.body.clone(), message.body_encoding)
}

fn bytes(body: String, encoding: BodyEncoding) -> Answer<Bytes> {
    match encoding {
        BodyEncoding::Utf8 => Ok(body.into()),
        BodyEncoding::Base64 => BASE64_STANDARD
            .decode(body)
            .map(Bytes::from)
            .map_err(|_| Refusal::Internal("the body's base64 does not read".to_owned())),
    }
}

/// Settles by the outcome and prints a line. A server that is away for a moment is waited for, as
/// long as a lease lasts.
async fn settle(
    subject: &Subject<'_>,
    desk: &mut Remote,
    name: &str,
    how: &How,
    message: &Message,
    outcome: Outcome,
    stop: &mut Stop,
) -> Result<(), Failure> {
    let delay = match (outcome.done, stop.is_told()) {
        (true, _) => None,
        // What a Ctrl-C cut short is not the message's fault.
        (false, true) => Some(0),
        (false, false) => Some(delay_after(message.attempt)),
    };
    let mut again = Again::default();
    let status = loop {
        match settle_once(desk, message, delay).await {
            Ok(status) => break status,
            Err(refusal) if Again::worth_it(&refusal) => {
                if !again.wait(&refusal.to_string(), stop).await {
                    return Err(refusal.into());
                }
                *desk = subject.desk()?.named(name);
            }
            Err(refusal) => return Err(refusal.into()),
        }
    };
    again.over();
    how.report(subject.common.json, message, &outcome, status, delay)
}

async fn settle_once(desk: &Remote, message: &Message, delay: Option<u64>) -> Answer<SettleStatus> {
    let ids = vec![message.id.0.to_string()];
    let results = match delay {
        None => desk.ack(Ack { ids }).await?,
        Some(seconds) => {
            let delay_seconds = Some(Count::clamped(seconds));
            desk.nack(Nack {
                ids,
                delay_seconds,
                reason: None,
                attempted: None,
            })
            .await?
        }
    };
    let first = results.results.first();
    Ok(first.map_or(SettleStatus::NotFound, |settled| settled.status))
}

async fn give_back(desk: &Remote, message: &Message) -> Result<(), Failure> {
    settle_once(desk, message, Some(0)).await?;
    Ok(())
}

/// How long a message rests after its nth attempt came to nothing, in seconds.
fn delay_after(attempt: u8) -> u64 {
    match attempt {
        0 | 1 => 1,
        2 => 5,
        3 => 30,
        _ => 120,
    }
}

impl Outcome {
    pub(super) fn failed(said: impl Into<String>) -> Self {
        Self {
            done: false,
            said: said.into(),
        }
    }
}

impl How {
    fn greeting(&self, desk: &Remote) -> String {
        let whose = desk.folder().map_or_else(
            || "your inbox".to_owned(),
            |folder| format!("the inbox of {folder}"),
        );
        match self {
            Self::Forward(forward) => format!(
                "forwarding {whose} to {}; bodies and headers go on as they came, so signatures \
                 stay valid; Ctrl-C stops",
                forward.shown()
            ),
            Self::Exec(_) => format!("running a command for each message of {whose}; Ctrl-C stops"),
        }
    }

    /// One line a message: on standard error where standard output is the command's.
    fn report(
        &self,
        json: bool,
        message: &Message,
        outcome: &Outcome,
        status: SettleStatus,
        delay: Option<u64>,
    ) -> Result<(), Failure> {
        let standard_output = matches!(self, Self::Forward(_));
        let status = match status {
            SettleStatus::Acked => "acked",
            SettleStatus::Nacked => "nacked",
            SettleStatus::NotFound => "lost",
        };
        let line = if json || (standard_output && !Manner::of_standard_output(json).is_for_people())
        {
            serde_json::to_string(&Line {
                id: &message.id,
                jid: &message.jid,
                attempt: message.attempt,
                outcome: &outcome.said,
                status,
                retry_in_seconds: delay.filter(|_| status == "nacked"),
            })
            .map_err(std::io::Error::other)?
        } else {
            let rest = match (status, delay) {
                ("nacked", _) if message.attempt >= MAX_ATTEMPTS => format!(
                    "dead after {MAX_ATTEMPTS} attempts; doorbell messages replay {}",
                    message.id.0
                ),
                ("nacked", Some(seconds)) => format!("again in {seconds} s"),
                ("lost", _) => "another receiver had it meanwhile".to_owned(),
                _ => status.to_owned(),
            };
            let attempt = match message.attempt {
                0 | 1 => String::new(),
                n => format!("  (attempt {n})"),
            };
            format!(
                "{}  {}  {}  {rest}{attempt}",
                message.id.0,
                terminal::printable(&message.jid),
                terminal::printable(&outcome.said),
            )
        };
        if standard_output {
            terminal::say(&line)?;
        } else {
            terminal::explain(&line);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_rests_longer_after_each_attempt() {
        let delays: Vec<u64> = (1..=5).map(delay_after).collect();
        assert!(delays.is_sorted(), "{delays:?}");
        assert!(delays[0] < delays[3]);
    }

    #[test]
    fn the_bytes_are_those_that_were_posted() {
        assert_eq!(
            bytes("/wA=".into(), BodyEncoding::Base64),
            Ok(Bytes::from_static(&[0xff, 0]))
        );
        assert_eq!(
            bytes("/wA=".into(), BodyEncoding::Utf8),
            Ok(Bytes::from_static(b"/wA="))
        );
    }
}
