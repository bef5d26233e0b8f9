//! `doorbell messages`: the log.

use clap::Subcommand;
use doorbell_core::message::MessageId;

use super::{Common, Failure, connect, terminal};
use crate::{
    desk::Desk,
    wire::{BodyEncoding, Count, Detail, Message, MessageState, Order, Read, Text},
};

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// List messages, the newest last
    Ls {
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
        /// How many of the newest
        #[arg(long, short = 'n', default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=500))]
        limit: u64,
    },
    /// Show one message, whole, and its life
    Show {
        /// Its id
        id: String,
    },
    /// Make a message pending again, as if it had just come
    Replay {
        /// Its id
        id: String,
    },
}

pub(super) async fn run(common: &Common, command: Command) -> Result<(), Failure> {
    match command {
        Command::Ls {
            pattern,
            folder,
            dead,
            pending,
            limit,
        } => {
            let folder = folder
                .map(|text| connect::parsed("folder", &text))
                .transpose()?;
            let desk = connect::desk(common, folder)?;
            let ask = Read {
                pattern: pattern
                    .map(|text| connect::parsed("pattern", &text).map(Text))
                    .transpose()?,
                limit: Some(Count::clamped(limit)),
                order: Some(Order::Newest),
                state: match (dead, pending) {
                    (true, _) => Some(MessageState::Dead),
                    (_, true) => Some(MessageState::Pending),
                    _ => None,
                },
                ..Read::default()
            };
            let mut page = desk.read(ask).await?;
            page.messages.reverse();
            list(common, page.messages)
        }
        Command::Show { id } => {
            let desk = connect::desk(common, None)?;
            let detail = desk
                .message(connect::parsed::<MessageId>("id", &id)?, None)
                .await?;
            if common.json {
                Ok(terminal::json(&detail)?)
            } else {
                show(&detail)
            }
        }
        Command::Replay { id } => {
            let desk = connect::desk(common, None)?;
            let replayed = desk
                .replay(connect::parsed::<MessageId>("id", &id)?)
                .await?;
            if common.json {
                return Ok(terminal::json(&replayed)?);
            }
            Ok(terminal::say(&format!(
                "{} is pending again",
                replayed.id.0
            ))?)
        }
    }
}

fn list(common: &Common, messages: Vec<Message>) -> Result<(), Failure> {
    if common.json {
        return Ok(messages.iter().try_for_each(terminal::json)?);
    }
    let rows = messages.into_iter().map(|message| {
        let bytes = message.size();
        [
            message.id.0.to_string(),
            message.received_at.0.to_string(),
            message.jid,
            message.attempt.to_string(),
            bytes.to_string(),
        ]
    });
    Ok(terminal::table(
        ["ID", "RECEIVED", "JID", "ATTEMPT", "BYTES"],
        rows.collect(),
        "no messages yet; `doorbell token issue <folder> hook <label>` makes a URL to post to",
    )?)
}

fn show(detail: &Detail) -> Result<(), Failure> {
    let message = &detail.message;
    let mut out = vec![
        format!("{}  {}", message.id.0, terminal::printable(&message.jid)),
        format!(
            "{} {}{}  from {}  to {}",
            message.method,
            if message.query.is_empty() { "" } else { "?" },
            terminal::printable(&message.query),
            detail.peer.as_deref().unwrap_or("-"),
            detail.folder.0
        ),
    ];
    if let Some(context) = &message.context {
        out.push(format!("context: {}", terminal::printable(context)));
    }
    out.push(String::new());
    for (name, value) in message.headers.0.iter() {
        out.push(format!(
            "{}: {}",
            terminal::printable(name),
            terminal::printable(value)
        ));
    }
    out.push(String::new());
    match message.body_encoding {
        BodyEncoding::Utf8 => out.push(terminal::lines(&message.body)),
        BodyEncoding::Base64 => out.push(format!("(base64) {}", message.body)),
    }
    out.push(String::new());
    for event in &detail.life {
        let attempt = event
            .attempt
            .map_or_else(String::new, |n| format!("  (attempt {n})"));
        let more = event.detail.as_deref().map_or_else(String::new, |detail| {
            format!(": {}", terminal::printable(detail))
        });
        out.push(format!("{}  {}{attempt}{more}", event.at.0, event.what));
    }
    Ok(terminal::say(&out.join("\n"))?)
}
