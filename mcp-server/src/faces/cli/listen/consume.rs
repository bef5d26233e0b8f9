//! `listen --forward-to` and `listen --exec`: leases one message, handles it, settles it.
//!
//! One at a time, so that order holds and no lease runs out in a queue. Every such receiver has a
//! name of its own: two of them on one inbox never settle each other's messages. A lease lasts 60
//! seconds. Whoever takes longer may still settle, unless another receiver has leased the message
//! since; then it is the other's, and what was done here was done twice (at least once, never less).
//!
//! Where a message cannot even be tried (no connection, no process) it is given back as it was, and
//! nothing is leased until it is time to try again.

use std::{pin::pin, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use tokio::time::timeout;

use super::{
    super::{Failure, again::Again, connect, log::Subject, stop::Stop, terminal},
    exec::Exec,
    forward::Forward,
    outcome::{Outage, Outcome, rest_after},
    report::{self, Channel},
    settle::{Settler, Verdict},
};
use crate::{
    desk::{Answer, Desk, Remote},
    refusal::Refusal,
    wire::{BodyEncoding, Count, MAX_BODY_BYTES, Message, Receive, Received, Text},
};

/// How long one call waits for a message, in seconds: the longest that is allowed.
const WAIT: u64 = 50;

/// How long a call that was under way when this was told to stop may still bring what it has leased
/// already: that would be gone for the time of its lease.
const LAST_WORD: Duration = Duration::from_millis(300);

/// What is done with a message.
pub(super) enum How {
    /// It is posted on.
    Forward(Forward),
    /// It is handed to a command.
    Exec(Exec),
}

pub(super) async fn run(subject: &Subject<'_>, how: How, mut stop: Stop) -> Result<(), Failure> {
    let name = connect::receiver_name("listen");
    let mut settler = Settler::new(subject, subject.desk()?.named(&name), &name);
    let channel = how.channel(subject.common.json);
    let mut again = Again::default();
    let mut outage = Outage::default();
    let mut connected = false;
    while !stop.is_told() {
        // The first look does not wait, so that what is wrong is said at once.
        let wait = if connected { WAIT } else { 0 };
        let call = lease(settler.desk(), subject, wait);
        let Some(leased) = unless_told(&mut stop, call).await else {
            return Ok(());
        };
        let received = match leased {
            Ok(received) => received,
            Err(refusal) if connected && Again::worth_it(&refusal) => {
                if !again.wait(&refusal.to_string(), &mut stop).await {
                    return Ok(());
                }
                settler.reconnect()?;
                continue;
            }
            Err(refusal) => return Err(unnamed_folder(refusal).into()),
        };
        again.over();
        if !std::mem::replace(&mut connected, true) {
            terminal::explain(&how.greeting(settler.desk()));
        }
        for message in received.messages {
            if stop.is_told() {
                settler.give_back(&message).await?;
                continue;
            }
            let outcome = handle(settler.desk(), &how, &message, &mut stop).await;
            let verdict = verdict(&outcome, message.attempt, stop.is_told(), &mut outage);
            let status = settler.settle(&message, &verdict, &mut stop).await?;
            channel.print(&report::line(
                &message, &outcome, status, &verdict, channel,
            )?)?;
            if let Verdict::Untried { rest, .. } = verdict {
                tokio::select! {
                    biased;
                    () = stop.told() => return Ok(()),
                    () = tokio::time::sleep(rest) => {}
                }
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
    Ok(())
}

/// What a call brings; `None`: told to stop, and it brings nothing any more.
async fn unless_told<T>(stop: &mut Stop, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    tokio::select! {
        biased;
        () = stop.told() => timeout(LAST_WORD, call).await.ok(),
        brought = &mut call => Some(brought),
    }
}

/// What an outcome means for the message.
fn verdict(outcome: &Outcome, attempt: u8, told_to_stop: bool, outage: &mut Outage) -> Verdict {
    match outcome {
        Outcome::Done(_) => {
            outage.is_over();
            Verdict::Settled
        }
        Outcome::NotBegun(_) => Verdict::Untried {
            reason: outcome.reason(),
            rest: outage.wait(),
        },
        Outcome::Failed(_) => {
            outage.is_over();
            Verdict::Failed {
                reason: outcome.reason(),
                // What a Ctrl-C cut short is not the message's fault.
                rest: if told_to_stop {
                    Duration::ZERO
                } else {
                    rest_after(attempt)
                },
            }
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

async fn handle(desk: &Remote, how: &How, message: &Message, stop: &mut Stop) -> Outcome {
    let body = match whole_body(desk, message).await {
        Ok(body) => body,
        // It will come again, to whoever can read it then.
        Err(refusal) => return Outcome::not_begun(refusal.to_string()),
    };
    match how {
        How::Forward(forward) => forward.post(message, body).await,
        How::Exec(exec) => exec.run(message, body, stop).await,
    }
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
    fn channel(&self, json: bool) -> Channel {
        match self {
            Self::Forward(_) => Channel::of_standard_output(json),
            Self::Exec(_) => Channel::StandardError { json },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[tokio::test]
    async fn what_was_leased_when_told_to_stop_is_not_lost_and_an_empty_inbox_keeps_nobody() {
        let mut stop = Stop::already_told();
        let call = async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            "leased"
        };
        assert_eq!(unless_told(&mut stop, call).await, Some("leased"));
        let waits = std::future::pending::<()>();
        assert_eq!(unless_told(&mut stop, waits).await, None);
    }

    #[test]
    fn what_could_not_be_tried_counts_for_nothing_and_is_tried_later_and_later() {
        let mut outage = Outage::default();
        let mut rest = |outcome: &Outcome| match verdict(outcome, 1, false, &mut outage) {
            Verdict::Untried { rest, .. } => Some(rest.as_secs()),
            _ => None,
        };
        let none = Outcome::not_begun("no connection");
        assert_eq!((rest(&none), rest(&none)), (Some(1), Some(2)));
        assert_eq!(rest(&Outcome::failed("500")), None);
        assert_eq!(rest(&none), Some(1));
    }

    #[test]
    fn what_a_ctrl_c_cut_short_is_there_again_at_once() {
        let cut = |told| {
            verdict(
                &Outcome::failed("signal 2"),
                2,
                told,
                &mut Outage::default(),
            )
        };
        let rest = |verdict| match verdict {
            Verdict::Failed { rest, .. } => rest.as_secs(),
            other => panic!("{other:?}"),
        };
        assert_eq!((rest(cut(true)), rest(cut(false))), (0, 5));
    }
}
