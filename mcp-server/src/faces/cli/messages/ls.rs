//! `doorbell messages ls`: the newest of the log, each on a line.

use clap::Args;
use doorbell_core::time::Clock as _;
use doorbell_ingress::machine::SystemClock;

use super::super::{
    Common, Failure,
    clock::Times,
    connect,
    list::{Column, List},
    summary, terminal,
};
use crate::{
    config::{Moment, command_line},
    desk::Desk,
    wire::{Count, Message, MessageState, Order, Read, Text},
};

/// How much of a body a terminal's line can show, in bytes, with room for what is blank.
const GLANCE: u64 = 4 * 1024;
/// The longest preview, in characters: a program gets no more of a body than that.
const PREVIEW: usize = 4 * 1024;

/// List messages, the newest last
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  doorbell messages ls
  doorbell messages ls 'hook:acme/**' -n 10
  doorbell messages ls --dead --folder acme/eng
  doorbell messages ls --since 2h")]
pub(in super::super) struct Ls {
    /// Only messages at addresses that match: hook:acme/**
    pattern: Option<String>,
    /// Only messages of this folder and below
    #[arg(long)]
    folder: Option<String>,
    /// Only dead ones: given up after five attempts
    #[arg(long, conflicts_with = "pending")]
    dead: bool,
    /// Only pending ones
    #[arg(long)]
    pending: bool,
    /// Only what came then or later: 2h, 7d, 2026-11-21, 2026-11-21T16:14:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Only what came before then
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// How many of the newest
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50,
        value_parser = clap::value_parser!(u64).range(1..=500))]
    limit: u64,
    #[command(flatten)]
    times: Times,
}

const COLUMNS: [Column; 6] = [
    Column::whole("ID"),
    Column::whole("TIME"),
    Column::whole("STATE"),
    Column::cut("EVENT", 5),
    Column::cut("ADDRESS", 8).keeping_end(),
    Column::cut("PREVIEW", 8).spare(1),
];

pub(super) async fn run(common: &Common, args: Ls) -> Result<(), Failure> {
    let folder = args
        .folder
        .map(|text| connect::parsed("folder", &text))
        .transpose()?;
    let mut list = List::new(args.times, COLUMNS);
    let now = SystemClock.now();
    let ask = Read {
        since: args.since.map(|since| Text(since.seen_from(now))),
        until: args.until.map(|until| Text(until.seen_from(now))),
        pattern: args
            .pattern
            .map(|text| connect::parsed("pattern", &text).map(Text))
            .transpose()?,
        limit: Some(Count::clamped(args.limit)),
        order: Some(Order::Newest),
        state: match (args.dead, args.pending) {
            (true, _) => Some(MessageState::Dead),
            (_, true) => Some(MessageState::Pending),
            _ => None,
        },
        max_body_bytes: (list.is_for_people() && !common.json).then(|| Count::clamped(GLANCE)),
        ..Read::default()
    };
    let mut page = connect::desk(common, folder)?.read(ask).await?;
    page.messages.reverse();
    if common.json {
        return Ok(page.messages.iter().try_for_each(terminal::json)?);
    }
    for message in page.messages {
        list.row(row(&list, &message));
    }
    Ok(list.print(&format!(
        "no messages; make a URL to post to with: {}",
        command_line("token issue demo github")
    ))?)
}

fn row(list: &List<6>, message: &Message) -> [String; 6] {
    [
        message.id.0.to_string(),
        list.time(message.received_at.0),
        summary::state(message.state).to_owned(),
        summary::event(message),
        message.jid.clone(),
        summary::preview(message, PREVIEW),
    ]
}
