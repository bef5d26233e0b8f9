//! `doorbell messages show`: one message, whole, and its life.

use std::io::{self, Write};

use base64::{Engine, prelude::BASE64_STANDARD};
use clap::Args;
use doorbell_core::message::MessageId;

use super::super::{
    Common, Failure,
    clock::{Clock, Times},
    connect, summary, terminal,
    terminal::printable,
};
use crate::{
    desk::Desk,
    refusal::Refusal,
    wire::{BodyEncoding, Detail, LifeEntry},
};

/// Show one message, whole, and its life
///
/// Where the content repeats a token of ours it reads [token], and control characters are shown as
/// numbers. --raw and --json give what was posted as it came.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  doorbell messages show 01K9GQ5W7E1T3N8ZB4C6D2F0HA
  doorbell messages show 01K9GQ5W7E1T3N8ZB4C6D2F0HA --raw > body.json
  doorbell messages show 01K9GQ5W7E1T3N8ZB4C6D2F0HA --json | jq .headers")]
pub(in super::super) struct Show {
    /// Its id, as `messages ls` shows it
    id: String,
    /// Print the body alone, byte for byte
    #[arg(long, conflicts_with = "json")]
    raw: bool,
    #[command(flatten)]
    times: Times,
}

pub(super) async fn run(common: &Common, args: Show) -> Result<(), Failure> {
    let id = connect::parsed::<MessageId>("id", &args.id)?;
    let detail = connect::desk(common, None)?.message(id, None).await?;
    if common.json {
        return Ok(terminal::json(&detail)?);
    }
    if args.raw {
        return raw(&detail);
    }
    Ok(terminal::say(&text(&detail, &args.times.clock()))?)
}

/// The body as it came, and on standard error that it is.
fn raw(detail: &Detail) -> Result<(), Failure> {
    let message = &detail.message;
    if message.damaged {
        let why = format!(
            "{} is damaged on the disk, and its body is lost: doorbell doctor --store tells more",
            message.id.0
        );
        return Err(Refusal::Gone(why).into());
    }
    let body = match message.body_encoding {
        BodyEncoding::Utf8 => message.body.as_bytes().to_vec(),
        BodyEncoding::Base64 => BASE64_STANDARD
            .decode(&message.body)
            .map_err(|_| Refusal::Internal("the body's base64 does not read".to_owned()))?,
    };
    terminal::explain(&format!(
        "the body of {}, {} bytes, verbatim: tokens and control characters stand in it as they came",
        message.id.0,
        body.len()
    ));
    let mut out = io::stdout().lock();
    Ok(out.write_all(&body).and_then(|()| out.flush())?)
}

fn text(detail: &Detail, clock: &Clock) -> String {
    let message = &detail.message;
    let mut request = printable(&message.method);
    if !message.query.is_empty() {
        request.push_str(&format!(" ?{}", printable(&message.query)));
    }
    let mut out = vec![
        format!("{}  {}", message.id.0, printable(&message.jid)),
        format!(
            "{request}  from {}  to {}  {}  {}",
            printable(detail.peer.as_deref().unwrap_or("-")),
            detail.folder.0,
            summary::state(message.state),
            clock.whole(message.received_at.0),
        ),
    ];
    if let Some(from) = &message.from {
        out.push(format!("from: {}", printable(from)));
    }
    if let Some(context) = &message.context {
        out.push(format!("context: {}", printable(context)));
    }
    out.push(String::new());
    for (name, value) in message.headers.0.iter() {
        out.push(format!("{}: {}", printable(name), printable(value)));
    }
    out.push(String::new());
    out.push(match message.body_encoding {
        BodyEncoding::Utf8 => terminal::lines(&message.body),
        BodyEncoding::Base64 => terminal::binary(&message.body),
    });
    if message.damaged {
        out.push("damaged on the disk: headers and body are lost".to_owned());
    }
    out.push(String::new());
    out.extend(detail.life.iter().map(|entry| life(entry, clock)));
    out.join("\n")
}

fn life(entry: &LifeEntry, clock: &Clock) -> String {
    let attempt = entry
        .attempt
        .map_or_else(String::new, |n| format!("  (attempt {n})"));
    let detail = entry
        .detail
        .as_deref()
        .map_or_else(String::new, |detail| format!(": {}", printable(detail)));
    let reason = entry
        .reason
        .as_deref()
        .map_or_else(String::new, |reason| format!(": {}", printable(reason)));
    format!(
        "{}  {}{attempt}{detail}{reason}",
        clock.whole(entry.at.0),
        printable(&entry.what)
    )
}
