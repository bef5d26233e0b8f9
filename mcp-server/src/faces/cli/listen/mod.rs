//! `doorbell listen`: what arrives, printed, posted on, or handed to a command.

mod consume;
mod exec;
mod follow;
mod forward;
mod issue;
mod outcome;
mod report;
mod settle;
mod show;
mod target;

use clap::Args;
use doorbell_core::message::Cursor;

use self::{consume::How, exec::Exec, forward::Forward, issue::Own};
use super::{Common, Failure, clock::Times, connect, log::Subject, stop::Stop};
use crate::{refusal::Refusal, wire::TextShape};

/// Watch what arrives, post it on, or run a command for each message
///
/// Plain, it looks and takes nothing: everything you may see, as it arrives, readable on a terminal
/// and one JSON object a line elsewhere or with --json.
///
/// With --forward-to it empties one folder's inbox into a URL. Method, headers, query and body are
/// the sender's, so signatures stay valid. A 2xx settles a message; anything else, or 30 seconds
/// without an answer, gives it back to come again later, five times in all. Where there is no
/// connection nothing counts: it waits until there is one.
///
/// With --exec it runs `sh -c COMMAND` for each message, one after another: the body on standard
/// input, and in the environment DOORBELL_ID, _JID, _SENDER, _KIND, _ATTEMPT, _CONTEXT, _HEADERS (a
/// JSON object), _METHOD, _QUERY and _RECEIVED_AT. Exit status 0 settles it. A command that takes
/// longer than a minute outlives its lease: another receiver of the same inbox may then take the
/// message too.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  doorbell listen
  doorbell listen 'hook:acme/**'
  doorbell listen --issue github
  doorbell listen --issue stripe --forward-to 3000
  doorbell listen --folder acme/eng --forward-to 3000
  doorbell listen --folder acme/eng --forward-to localhost:3000/webhooks
  doorbell listen --folder acme/eng --exec 'jq .action'")]
pub(super) struct Listen {
    /// Only messages at addresses that match: hook:acme/**
    pattern: Option<String>,
    /// Mint a URL of this label first, and listen to what comes through it; when this ends the URL is
    /// revoked and what nobody took is settled
    #[arg(long, value_name = "LABEL", conflicts_with_all = ["pattern", "last", "cursor"])]
    issue: Option<String>,
    /// Leave the URL (for 24 h) and what came through it when this ends
    #[arg(long, requires = "issue")]
    keep: bool,
    /// As the agent of this folder (with --issue: demo, if it is not given); with --forward-to and --exec, whose inbox is emptied
    #[arg(long)]
    folder: Option<String>,
    /// Post each message on as it came, and settle it by the answer: to 3000, localhost:3000/hooks or
    /// a URL
    #[arg(long, value_name = "PORT|HOST:PORT|URL", conflicts_with = "exec")]
    forward_to: Option<String>,
    /// Run this in a shell for each message, its body on standard input, and settle it by the exit
    /// status
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,
    /// Begin with the newest N messages
    #[arg(long, value_name = "N", conflicts_with_all = ["forward_to", "exec", "cursor"],
        value_parser = clap::value_parser!(u64).range(1..=500))]
    last: Option<u64>,
    /// Begin behind this cursor, as /v1/messages returned it
    #[arg(long, value_name = "CURSOR", conflicts_with_all = ["forward_to", "exec"])]
    cursor: Option<String>,
    #[command(flatten)]
    times: Times,
}

/// Whose folder a URL is minted for where none is named.
const DEMO: &str = "demo";

pub(super) async fn run(common: &Common, args: Listen) -> Result<(), Failure> {
    let mut subject = Subject::parsed(common, args.folder.as_deref(), args.pattern.as_deref())?;
    let label = args
        .issue
        .map(|text| connect::parsed("label", &text))
        .transpose()?;
    let how = match (args.forward_to, args.exec) {
        (Some(url), _) => Some(How::Forward(Forward::to(&url)?)),
        (None, Some(command)) => Some(How::Exec(Exec::of(command))),
        (None, None) => None,
    };
    let from = args.cursor.map(|text| cursor(&text)).transpose()?;
    // Heard from before the URL is there, so that whoever stops this at once leaves none.
    let mut stop = Stop::listen()?;
    let own = match label {
        None => None,
        Some(label) => {
            if subject.folder.is_none() {
                subject.folder = Some(connect::parsed("folder", DEMO)?);
            }
            let own = Own::mint(&subject, label, args.keep).await?;
            subject.pattern = Some(own.pattern()?);
            Some(own)
        }
    };
    let heard = stop.clone();
    let ended = match how {
        Some(how) => {
            if let Some(own) = &own {
                own.show();
            }
            consume::run(&subject, how, heard).await
        }
        None => {
            let own = own.as_ref();
            follow::run(&subject, from, args.last, args.times, own, heard).await
        }
    };
    if let Some(own) = own {
        own.end(&subject, &mut stop).await;
    }
    ended
}

/// A place in the log, as `/v1/messages` returned it.
pub(super) fn cursor(text: &str) -> Result<Cursor, Refusal> {
    Cursor::read(text).map_err(|rule| Refusal::invalid("--cursor", rule))
}
