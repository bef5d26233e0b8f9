//! How a message looks on a terminal.

use std::{fmt::Write, io};

use bytesize::ByteSize;

use super::super::{
    clock::Clock,
    summary::EVENT_HEADERS,
    terminal::{self, Paint, printable},
};
use crate::{
    config::command_line,
    wire::{BodyEncoding, Message},
};

/// How many lines of a body are shown: a screenful.
const LINES: usize = 30;
/// How many characters of a line are shown.
const COLUMNS: usize = 400;

/// Headers that tell deliveries and senders apart, shown behind those that name the event.
const TELLING: [&str; 4] = ["webhook-id", "svix-id", "x-github-delivery", "user-agent"];

/// For whom it is printed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Manner {
    /// One object a line, whole.
    Json,
    /// To be read.
    People {
        /// With colours.
        colour: bool,
    },
}

impl Manner {
    /// JSON where it was asked for, or where no terminal is.
    pub(super) fn of_standard_output(json: bool) -> Self {
        let out = io::stdout();
        if json || !io::IsTerminal::is_terminal(&out) {
            Self::Json
        } else {
            Self::People {
                colour: terminal::colour(&out),
            }
        }
    }

    /// Whether someone reads it.
    pub(super) fn is_for_people(self) -> bool {
        matches!(self, Self::People { .. })
    }
}

/// A message as a block of lines, with an empty one at its end.
pub(super) fn message(message: &Message, clock: &Clock, colour: bool) -> String {
    let paint = Paint(colour);
    let query = if message.query.is_empty() {
        String::new()
    } else {
        format!(" ?{}", short(&message.query))
    };
    let mut out = format!(
        "{}  {}  {}{query}\n",
        paint.dim(&clock.time_of_day(message.received_at.0)),
        paint.strong(&printable(&message.jid)),
        paint.accent(&printable(&message.method)),
    );
    let size = ByteSize(message.size()).display().iec().to_string();
    let mut facts = vec![message.id.0.to_string(), size];
    if let Some(kind) = message.headers.0.get("content-type") {
        facts.push(short(kind));
    }
    facts.extend(EVENT_HEADERS.iter().chain(&TELLING).filter_map(|name| {
        let value = message.headers.0.get(name)?;
        Some(format!("{name}: {}", short(value)))
    }));
    if message.kind != "hook" {
        facts.push(printable(&message.kind));
    }
    if message.mode == "observe" {
        facts.push("observe".to_owned());
    }
    let _ = writeln!(out, "  {}", paint.dim(&facts.join("  ")));
    if let Some(context) = &message.context {
        let _ = writeln!(
            out,
            "  {}",
            paint.dim(&format!("context: {}", short(context)))
        );
    }
    out.push_str(&body(message, paint));
    out
}

/// The body, indented, JSON in the usual form, cut to a screenful.
fn body(message: &Message, paint: Paint) -> String {
    let (text, is_binary) = match message.body_encoding {
        BodyEncoding::Base64 => (terminal::binary(&message.body), true),
        BodyEncoding::Utf8 => (message.body.clone(), false),
    };
    let text = match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(value) if !is_binary && (value.is_object() || value.is_array()) => {
            serde_json::to_string_pretty(&value).unwrap_or(text)
        }
        _ => text,
    };
    // Before a line is cut: a piece of a token would pass for none.
    let text = terminal::without_tokens(&text);
    let mut out = String::new();
    let mut cut = message.body_truncated;
    for (at, line) in text.lines().enumerate() {
        if at == LINES {
            cut = true;
            break;
        }
        cut |= line.chars().nth(COLUMNS).is_some();
        let line: String = line.chars().take(COLUMNS).collect();
        let _ = writeln!(out, "  {}", terminal::lines(&line));
    }
    if cut {
        let whole = format!(
            "… cut; the whole: {}",
            command_line(&format!("messages show {}", message.id.0))
        );
        let _ = writeln!(out, "  {}", paint.dim(&whole));
    }
    out
}

/// Somebody else's text, safe and no longer than a few words.
fn short(text: &str) -> String {
    const MOST: usize = 120;
    let text = terminal::without_tokens(text);
    let mut out = printable(&text.chars().take(MOST).collect::<String>());
    if text.chars().nth(MOST).is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use doorbell_core::token::{Token, TokenKind};
    use doorbell_ingress::machine::SystemChance;

    use super::{super::super::clock::Times, *};

    fn sample(body: &str) -> Message {
        serde_json::from_value(serde_json::json!({
            "id": "01K00000000000000000000000", "jid": "hook:acme/eng/github", "sender": "github",
            "kind": "hook", "body": body, "body_encoding": "utf-8",
            "headers": {"x-github-event": "push\u{1b}]0;owned\u{7}", "content-type": "application/json"},
            "method": "POST", "query": "a=1", "received_at": "2026-11-21T16:14:00.000Z",
            "context": "daily\u{1b}[2J", "mode": "trigger", "attempt": 0,
            "state": "pending"
        }))
        .expect("a message")
    }

    fn as_text(of: &Message) -> String {
        message(of, &Times::default().clock(), false)
    }

    #[test]
    fn a_token_that_a_sender_repeats_is_not_shown_wherever_a_line_is_cut() {
        let token = Token::mint(TokenKind::Hook, &SystemChance)
            .expose()
            .to_owned();
        for before in [0, COLUMNS - 30, COLUMNS - 4] {
            let body = format!("{{\"url\":\"{}{token}\"}}", "/".repeat(before));
            let mut repeats = sample(&body);
            repeats.query = format!("{}{token}", "q".repeat(before.min(110)));
            repeats.context = Some(format!("at {token}"));
            let text = as_text(&repeats);
            assert!(!text.contains("dbh_"), "{text}");
        }
        let mut binary = sample(&BASE64_STANDARD.encode(format!("\u{0}{token}")));
        binary.body_encoding = BodyEncoding::Base64;
        assert!(!as_text(&binary).contains(&BASE64_STANDARD.encode(&token)[4..40]));
        assert!(as_text(&binary).contains(&BASE64_STANDARD.encode("\u{0}[token]")));
    }

    #[test]
    fn no_control_byte_of_a_message_reaches_the_terminal() {
        let shown = as_text(&sample("{\"a\":\"\\u001b[31m\"}\r\u{9b}31m\u{202e}"));
        assert!(
            shown.chars().all(|c| c == '\n' || !c.is_control()),
            "{shown:?}"
        );
        assert!(!shown.contains('\u{202e}'));
        assert!(shown.contains("x-github-event: push\\u{1b}"), "{shown}");
    }

    #[test]
    fn json_is_shown_in_the_usual_form_and_its_order_is_kept() {
        let shown = as_text(&sample(r#"{"ref":"x","after":[1]}"#));
        assert!(
            shown.contains("  {\n    \"ref\": \"x\",\n    \"after\": ["),
            "{shown}"
        );
    }

    #[test]
    fn a_long_body_is_cut_to_a_screenful_and_says_where_the_rest_is() {
        let shown = as_text(&sample(&"line\n".repeat(500)));
        assert!(shown.lines().count() < LINES + 6);
        assert!(
            shown.contains("doorbell messages show 01K00000000000000000000000"),
            "{shown}"
        );
        let wide = as_text(&sample(&"x".repeat(10_000)));
        assert!(wide.len() < 1_000, "{}", wide.len());
    }

    #[test]
    fn the_size_is_of_the_bytes_and_not_of_their_base64() {
        let mut binary = sample("/wA=");
        binary.body_encoding = BodyEncoding::Base64;
        assert_eq!(binary.size(), 2);
        assert_eq!(sample("é").size(), 2);
    }
}
