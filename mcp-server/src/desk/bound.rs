//! How much of an answer fits, where whoever asked bounds it: clients of models refuse a long one,
//! or put it where the model does not look.
//!
//! What counts is characters of JSON, as JavaScript counts them, and a little more for each member,
//! which some write with a blank.

use std::io;

use doorbell_core::message;
use serde::Serialize;

use crate::wire::{BodyEncoding, Headers, Message};

/// What stands around the messages: the names of the members, a notice, a cursor.
pub(super) const AROUND: usize = 450;

/// The members of a message, at the most.
const MEMBERS: usize = 24;

/// How many characters a message takes in an answer.
pub(super) fn cost(message: &Message) -> usize {
    length(message) + MEMBERS + 2 * message.headers.0.len()
}

/// Cuts a message so that it takes at most `room`: its body first, then the longest of its values,
/// and last whole headers. What names it is never cut.
pub(super) fn cut(message: &mut Message, room: usize) {
    if cost(message) <= room {
        return;
    }
    let whole = message.size();
    let here = message.bytes_here();
    let begins = match message.next_body_offset {
        Some(next) => next.saturating_sub(here),
        None => whole.saturating_sub(here),
    };
    let body = std::mem::take(&mut message.body);
    if !body.is_empty() {
        message.body_truncated = true;
        message.body_bytes = Some(whole);
        message.next_body_offset = Some(whole);
    }
    if cost(message) > room {
        cut_values(message, room);
    }
    let mut kept = prefix(&body, room.saturating_sub(cost(message)));
    if message.body_encoding == BodyEncoding::Base64 {
        // So that what is left is base64 still.
        kept -= kept % 4;
    }
    message.body = body[..kept].to_owned();
    if !body.is_empty() {
        message.next_body_offset = Some(begins + message.bytes_here());
    }
}

/// Cuts all that is longer than what is left for each, and says so.
fn cut_values(message: &mut Message, room: usize) {
    let count = message.headers.0.len();
    let mut headers: Vec<(String, String)> = (message.headers.0.iter())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let query = std::mem::take(&mut message.query);
    let context = message.context.as_mut().map(std::mem::take);
    let from = message.from.as_mut().map(std::mem::take);
    message.headers = Headers::default();
    // Whoever writes values as they came asks for all of them.
    message.latin1_headers.clear();
    message.headers_truncated = true;
    message.query_truncated = true;
    message.context_truncated = true;
    let left = room.saturating_sub(cost(message));

    // Long names last: they say most.
    headers.sort_by_key(|(name, _)| length(name));
    let mut names = 0;
    headers.retain(|(name, _)| {
        names += length(name) + 6;
        names <= left
    });
    let dropped = headers.len() < count;
    let left = left.saturating_sub(headers.iter().map(|(name, _)| length(name) + 6).sum());
    let values = headers.iter().map(|(_, value)| value);
    let values = values.chain([&query]).chain(&context).chain(&from);
    let lengths: Vec<usize> = values.map(|value| length(value) - 2).collect();
    let most = fair_share(lengths, left);

    let mut cut_one = |value: &mut String| {
        let kept = prefix(value, most);
        let cut = kept < value.len();
        value.truncate(kept);
        cut
    };
    message.headers_truncated = dropped;
    for (_, value) in &mut headers {
        message.headers_truncated |= cut_one(value);
    }
    message.headers = Headers(message::Headers::from_pairs(headers));
    message.query = query;
    message.query_truncated = cut_one(&mut message.query);
    message.context = context;
    message.context_truncated = message.context.as_mut().is_some_and(&mut cut_one);
    message.from = from;
    message.from.as_mut().map(cut_one);
}

/// The most that each of these may take so that all take no more than `room`.
fn fair_share(mut lengths: Vec<usize>, room: usize) -> usize {
    lengths.sort_unstable();
    let (mut left, mut more) = (room, lengths.len());
    for length in lengths {
        let share = left / more;
        if length > share {
            return share;
        }
        (left, more) = (left - length, more - 1);
    }
    usize::MAX
}

/// How many bytes at a text's beginning take at most `room` characters within a string of JSON.
fn prefix(text: &str, room: usize) -> usize {
    let mut taken = 0;
    for (at, c) in text.char_indices() {
        taken += match c {
            '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
            '\0'..='\u{1f}' => 6,
            c => c.len_utf16(),
        };
        if taken > room {
            return at;
        }
    }
    text.len()
}

/// How many characters a value takes as JSON, in units of UTF-16.
fn length(value: &(impl Serialize + ?Sized)) -> usize {
    let mut counted = Counted(0);
    serde_json::to_writer(&mut counted, value)
        .expect("wire types serialise, and counting fails not");
    counted.0
}

/// Counts what is written.
struct Counted(usize);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let units = bytes.iter().map(|byte| match byte {
            // What continues a character; what begins one outside the basic plane, two units.
            0x80..=0xbf => 0,
            0xf0..=0xff => 2,
            _ => 1,
        });
        self.0 += units.sum::<usize>();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn message(changes: Value) -> Message {
        let mut message = json!({
            "id": "01K00000000000000000000000", "jid": "hook:a/b", "sender": "b", "kind": "hook",
            "body": "", "body_encoding": "utf-8", "headers": {"x-a": "1"}, "method": "POST",
            "query": "", "received_at": "2026-11-21T16:14:00.000Z", "mode": "trigger",
            "attempt": 1, "state": "leased"
        });
        for (name, value) in changes.as_object().expect("an object") {
            message[name] = value.clone();
        }
        serde_json::from_value(message).expect("a message")
    }

    fn written(message: &Message) -> usize {
        let text = serde_json::to_string(message).expect("JSON");
        text.encode_utf16().count()
    }

    #[test]
    fn what_a_message_costs_is_no_less_than_what_is_written() {
        let hard = "\"\\\n\u{1}é😀\u{202e}".repeat(50);
        let sample = message(json!({"body": hard, "query": hard, "headers": {"x": hard}}));
        assert!(cost(&sample) >= written(&sample));
        assert!(cost(&sample) < written(&sample) + 60);
    }

    #[test]
    fn a_message_that_fits_is_left_alone() {
        let mut sample = message(json!({"body": "x".repeat(1_000)}));
        let whole = serde_json::to_value(&sample).expect("JSON");
        let enough = cost(&sample);
        cut(&mut sample, enough);
        assert_eq!(serde_json::to_value(&sample).expect("JSON"), whole);
    }

    #[test]
    fn a_body_is_cut_to_fit_and_says_where_it_goes_on() {
        for (body, encoding) in [
            ("x".repeat(50_000), "utf-8"),
            ("\u{1}".repeat(50_000), "utf-8"),
            ("é😀".repeat(50_000), "utf-8"),
            ("AAAA".repeat(50_000), "base64"),
        ] {
            let mut sample = message(json!({"body": body, "body_encoding": encoding}));
            let whole = sample.size();
            cut(&mut sample, 4_000);
            assert!(written(&sample) <= 4_000, "{encoding}");
            assert!(written(&sample) > 3_900, "{encoding}: too much was cut");
            assert!(body.starts_with(&sample.body), "{encoding}");
            assert!(sample.body_truncated);
            assert_eq!(sample.body_bytes, Some(whole));
            assert_eq!(sample.next_body_offset, Some(sample.bytes_here()));
            assert!(!sample.headers_truncated);
        }
    }

    #[test]
    fn a_later_piece_that_is_cut_goes_on_from_where_it_began() {
        let mut sample = message(json!({
            "body": "x".repeat(9_000), "body_truncated": true, "body_bytes": 30_000,
            "next_body_offset": 19_000
        }));
        cut(&mut sample, 4_000);
        let next = sample.next_body_offset.expect("there is more");
        assert_eq!(next, 10_000 + sample.bytes_here());
        // The last piece.
        let mut sample = message(json!({"body": "x".repeat(9_000), "body_bytes": 30_000}));
        cut(&mut sample, 4_000);
        let next = sample.next_body_offset.expect("there is more");
        assert_eq!(next, 21_000 + sample.bytes_here());
    }

    #[test]
    fn where_the_rest_does_not_fit_the_longest_values_are_cut() {
        let mut sample = message(json!({
            "body": "x".repeat(9_000),
            "query": "q".repeat(20_000),
            "context": "\u{2}".repeat(4_000),
            "headers": {"x-long": "h".repeat(60_000), "x-short": "s", "x-event": "push"}
        }));
        cut(&mut sample, 4_000);
        assert!(written(&sample) <= 4_000, "{}", written(&sample));
        assert!(written(&sample) > 3_000, "{}", written(&sample));
        assert!(sample.headers_truncated && sample.query_truncated && sample.context_truncated);
        assert_eq!(sample.headers.0.get("x-event"), Some("push"));
        assert_eq!(sample.headers.0.get("x-short"), Some("s"));
        assert!(sample.body_truncated);

        let mut sample = message(json!({"query": "q".repeat(20_000)}));
        cut(&mut sample, 4_000);
        assert!(sample.query_truncated && !sample.headers_truncated && !sample.body_truncated);
        assert_eq!(sample.body_bytes, None);
    }

    #[test]
    fn headers_whose_very_names_do_not_fit_are_left_out_and_said_to_be() {
        let name = |n: usize| format!("x-{n}-{}", "n".repeat(600));
        let headers: serde_json::Map<String, Value> = (0..100)
            .map(|n| (name(n), json!("v")))
            .chain([("x-event".to_owned(), json!("push"))])
            .collect();
        let mut sample = message(json!({"headers": headers, "body": "b"}));
        cut(&mut sample, 4_000);
        assert!(written(&sample) <= 4_000, "{}", written(&sample));
        assert!(sample.headers_truncated);
        assert_eq!(sample.headers.0.get("x-event"), Some("push"));
    }

    #[test]
    fn shares_are_fair() {
        assert_eq!(fair_share(vec![1, 2, 3], 6), usize::MAX);
        assert_eq!(fair_share(vec![1, 100, 100], 21), 10);
        assert_eq!(fair_share(vec![5], 3), 3);
        assert_eq!(fair_share(vec![], 0), usize::MAX);
    }
}
