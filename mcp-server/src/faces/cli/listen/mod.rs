//! `doorbell listen`: what arrives, printed, posted on, or handed to a command.

mod consume;
mod exec;
mod follow;
mod forward;
mod show;

use clap::Args;
use doorbell_core::message::Cursor;

use self::{consume::How, exec::Exec, forward::Forward};
use super::{Common, Failure, log::Subject, stop::Stop};
use crate::{refusal::Refusal, wire::TextShape};

/// Arguments of `doorbell listen`.
#[derive(Args, Debug)]
pub(super) struct Listen {
    /// Only messages at addresses that match: hook:acme/**
    pattern: Option<String>,
    /// As the agent of this folder; with --forward-to and --exec, whose inbox is emptied
    #[arg(long)]
    folder: Option<String>,
    /// Post each message on to this URL as it came, and settle it by the answer
    #[arg(long, value_name = "URL", conflicts_with = "exec")]
    forward_to: Option<String>,
    /// Run this in a shell for each message, its body on standard input, and settle it by the exit
    /// status
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,
    /// Begin with the newest N messages
    #[arg(long, value_name = "N", conflicts_with_all = ["forward_to", "exec", "since"],
        value_parser = clap::value_parser!(u64).range(1..=500))]
    last: Option<u64>,
    /// Begin behind this cursor, as /v1/messages returned it
    #[arg(long, value_name = "CURSOR", conflicts_with_all = ["forward_to", "exec"])]
    since: Option<String>,
}

pub(super) async fn run(common: &Common, args: Listen) -> Result<(), Failure> {
    let subject = Subject::parsed(common, args.folder.as_deref(), args.pattern.as_deref())?;
    let stop = Stop::listen()?;
    let how = match (args.forward_to, args.exec) {
        (Some(url), _) => How::Forward(Forward::to(&url)?),
        (None, Some(command)) => How::Exec(Exec::of(command)),
        (None, None) => {
            let since = args.since.map(|text| cursor(&text)).transpose()?;
            return follow::run(&subject, since, args.last, stop).await;
        }
    };
    consume::run(&subject, how, stop).await
}

/// A place in the log, as `/v1/messages` returned it.
pub(super) fn cursor(text: &str) -> Result<Cursor, Refusal> {
    Cursor::read(text).map_err(|rule| Refusal::invalid("since", rule))
}
