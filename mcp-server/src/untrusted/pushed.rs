//! A message as it is pushed into a model's context, inside a tag of the client's: Claude Code puts
//! it between `<channel …>` and `</channel>`.
//!
//! Nothing a stranger wrote keeps its `<` or `&`: it can neither close that tag nor begin one that
//! looks like it, whatever the client itself escapes.

use std::{collections::BTreeMap, fmt::Write};

use doorbell_core::token::Chance;

use super::{Extent, Frame, SHOWN_VALUE, line, push_claims, quoted};
use crate::wire::Message;

/// The most that is pushed of one message, all words about it included, in bytes.
pub const PUSHED: usize = 4 * 1024;
/// The most of a label or an address that is shown beside it, in bytes.
const SHOWN_NAME: usize = 256;

/// One message, ready to be pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The tag's content, at most [`PUSHED`] bytes.
    pub content: String,
    /// The tag's attributes. Their names are of `[A-Za-z0-9_]`: Claude Code drops any other.
    pub meta: BTreeMap<&'static str, String>,
}

/// Writes a message for pushing. It says which it is, that it is not to be trusted, and how to
/// settle it.
pub fn pushed(chance: &dyn Chance, message: &Message) -> Pushed {
    let frame = Frame::around(chance, &[message]);
    let id = message.id.0.to_string();
    let mut about = format!(
        "Message {id} at {}, source {}, {}, arrived {}\n",
        line(&message.jid, SHOWN_NAME),
        quoted(&message.sender, SHOWN_NAME),
        line(&message.kind, SHOWN_VALUE),
        message.received_at.0,
    );
    if let Some(context) = &message.context {
        let _ = writeln!(
            about,
            "note given when the URL was minted: {}",
            quoted(context, 2 * SHOWN_NAME)
        );
    }
    let mut content = String::new();
    push_inert(&mut content, &about, PUSHED / 2);
    let _ = writeln!(content, "{}\n<untrusted-{}>", frame.notice(), frame.nonce);
    let end = format!("</untrusted-{}>\n", frame.nonce);
    let more = format!("It is cut here; read_messages with id {id} shows the whole.\n");
    let settle = format!("When done: ack_messages with ids [\"{id}\"]. Until then it comes again.");

    let mut claims = String::new();
    let mut cut = push_claims(&mut claims, message, Extent::FULL);
    let spent = content.len() + end.len() + more.len() + settle.len() + 1;
    cut |= push_inert(&mut content, &claims, PUSHED.saturating_sub(spent));
    if !content.ends_with('\n') {
        content.push('\n');
    }
    content.push_str(&end);
    if cut {
        content.push_str(&more);
    }
    content.push_str(&settle);
    Pushed {
        content,
        meta: attributes(message, id),
    }
}

fn attributes(message: &Message, id: String) -> BTreeMap<&'static str, String> {
    let mut meta = BTreeMap::from([
        ("jid", attribute(&message.jid)),
        ("sender", attribute(&message.sender)),
        ("message_id", id),
        ("kind", attribute(&message.kind)),
    ]);
    if let Some(from) = &message.from {
        meta.insert("from", attribute(from));
    }
    meta
}

/// Text that may stand between double quotes, whether the client escapes it or not.
fn attribute(text: &str) -> String {
    let mut out = String::new();
    push_inert(
        &mut out,
        &line(text, SHOWN_NAME).replace('"', "'"),
        SHOWN_NAME,
    );
    out
}

/// Writes `text` without a character that begins a tag or an entity, and stops before `limit` bytes
/// are exceeded. True if anything was left out.
fn push_inert(out: &mut String, text: &str, limit: usize) -> bool {
    let end = out.len() + limit;
    for c in text.chars() {
        let before = out.len();
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c => out.push(c),
        }
        if out.len() > end {
            out.truncate(before);
            return true;
        }
    }
    false
}
