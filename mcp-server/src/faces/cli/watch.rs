//! `doorbell watch`: a line per message, going on where it left off.

use std::path::PathBuf;

use clap::Args;
use doorbell_core::address::CHANNEL_PREFIX;

use super::{
    Common, Failure, listen,
    log::{Log, Subject},
    stop::Stop,
    terminal,
};
use crate::{
    config::{Bookmark, Whereabouts},
    desk::Desk,
    wire::{BodyEncoding, Headers, Message, TextShape},
};

/// The longest line that --brief prints, in bytes.
const BRIEF: usize = 4 * 1024;

/// Print a JSON line for each message, going on where it left off
///
/// The first time it begins now. How far it has read is kept in the data directory, apart for each
/// server, folder, pattern and --name, so that after a crash or a restart, its own or the server's,
/// no message is missing; the last one may come twice. It looks and takes nothing.
///
/// Messages that are only context, and what is said to a session, are left out; a pattern that begins
/// doorbell:/sessions/ shows the latter.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  doorbell watch 'hook:acme/**' --jsonl
  doorbell watch --folder acme/eng --jsonl --brief")]
pub(super) struct Watch {
    /// Only messages at addresses that match: hook:acme/**
    pattern: Option<String>,
    /// As the agent of this folder
    #[arg(long)]
    folder: Option<String>,
    /// One JSON object a line; it is the only form there is
    #[arg(long)]
    jsonl: bool,
    /// Begin behind this cursor, as /v1/messages returned it, wherever it left off before
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Tells several watchers of the same messages apart: each goes on where it left off itself
    #[arg(long, value_name = "NAME", default_value = "")]
    name: String,
    /// For a model's eyes: without headers, the body cut so that a line has at most 4 KiB
    #[arg(long)]
    brief: bool,
}

pub(super) async fn run(common: &Common, args: Watch) -> Result<(), Failure> {
    let subject = Subject::parsed(common, args.folder.as_deref(), args.pattern.as_deref())?;
    let bookmark = Bookmark::of(&bookmark_path(common, &args)?);
    let place = match &args.cursor {
        Some(text) => Some(listen::cursor(text)?.write().into_owned()),
        None => bookmark.read()?,
    };
    let mut stop = Stop::listen()?;
    let Some(mut log) = Log::open_when_served(&subject, place, &mut stop).await? else {
        return Ok(());
    };
    while let Some(step) = log.next(&mut stop).await? {
        if let Some(mut message) = step.message
            && rings(&message, &args)
        {
            if message.body_truncated && !args.brief {
                message = log.desk().message(message.id.0, None).await?.message;
            }
            let line = if args.brief {
                brief(message)?
            } else {
                terminal::inert_json(&message)?
            };
            terminal::say(&line)?;
        }
        // Behind the line: whoever is killed between them prints it again rather than never.
        if let Some(place) = step.place {
            bookmark.write(&place)?;
        }
    }
    Ok(())
}

/// A place of its own for each server, folder, pattern and name. The server of this data directory
/// is always the same one, whatever port it has today.
fn bookmark_path(common: &Common, args: &Watch) -> Result<PathBuf, Failure> {
    let data_dir = common.data_dir()?;
    let whereabouts = Whereabouts::from_environment(data_dir.clone())?;
    let url = whereabouts.url.map(String::from).unwrap_or_default();
    let folder = args.folder.as_deref().unwrap_or_default();
    let pattern = args.pattern.as_deref().unwrap_or_default();
    data_dir.make()?;
    Ok(data_dir.bookmark(&[&url, folder, pattern, &args.name]))
}

/// Whether a message is for whoever watches: what was only to be observed rings nobody, and what is
/// said to a session is for that session, unless it was asked for by its address.
fn rings(message: &Message, args: &Watch) -> bool {
    let asked = |pattern: &String| pattern.starts_with(CHANNEL_PREFIX);
    message.mode != "observe"
        && (message.kind != "channel" || args.pattern.as_ref().is_some_and(asked))
}

/// A message cut to [`BRIEF`]. It still reads as a message.
fn brief(mut message: Message) -> Result<String, Failure> {
    let size = message.size();
    message.headers = Headers::default();
    message.context = message.context.map(|text| cut(&text, BRIEF / 32));
    message.query = cut(&message.query, BRIEF / 32);
    if message.body_encoding == BodyEncoding::Base64 {
        message.body.clear();
    }
    let mut limit = BRIEF;
    loop {
        let body = cut(&message.body, limit);
        if body.len() < message.body.len() || (body.is_empty() && size > 0) {
            message.body_truncated = true;
            message.body_bytes = Some(size);
        }
        message.body = body;
        let line = terminal::inert_json(&message)?;
        if line.len() <= BRIEF || limit == 0 {
            return Ok(line);
        }
        limit = message.body.len() / 2;
    }
}

fn cut(text: &str, limit: usize) -> String {
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|end| *end <= limit).last().unwrap_or(0);
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> Message {
        serde_json::from_value(serde_json::json!({
            "id": "01K00000000000000000000000", "jid": "hook:acme/eng/github", "sender": "github",
            "kind": "hook", "body": body, "body_encoding": "utf-8", "headers": {"x-a": "1"},
            "method": "POST", "query": "<".repeat(9_000), "context": "\u{1b}".repeat(4_000),
            "received_at": "2026-11-21T16:14:00.000Z", "mode": "trigger", "attempt": 0,
            "state": "pending"
        }))
        .expect("a message")
    }

    #[test]
    fn a_brief_line_is_a_message_of_at_most_4_kib() {
        for body in ["short", &"é".repeat(50_000), &"<\u{1b}".repeat(50_000)] {
            let line = brief(message(body)).expect("JSON");
            assert!(line.len() <= BRIEF, "{}", line.len());
            let back: Message = serde_json::from_str(&line).expect("a message");
            assert_eq!(back.body_truncated, body != "short");
            assert_eq!(back.size(), body.len() as u64);
            assert!(body.starts_with(&back.body));
        }
    }

    #[test]
    fn what_is_said_to_a_session_rings_only_who_asked_for_it() {
        let watch = |pattern: Option<&str>| Watch {
            pattern: pattern.map(str::to_owned),
            folder: None,
            jsonl: true,
            cursor: None,
            name: String::new(),
            brief: false,
        };
        let mut said = message("x");
        assert!(rings(&said, &watch(None)));
        said.kind = "channel".into();
        assert!(!rings(&said, &watch(None)));
        assert!(rings(&said, &watch(Some("doorbell:/sessions/build"))));
        said.mode = "observe".into();
        assert!(!rings(&said, &watch(Some("doorbell:/sessions/build"))));
    }
}
