//! A message in a few words: what happened, and how its content begins.

use bytesize::ByteSize;

use super::terminal::without_tokens;
use crate::wire::{BodyEncoding, Message, MessageState};

/// Headers in which senders name the event, the surest first.
pub(super) const EVENT_HEADERS: [&str; 13] = [
    "x-github-event",
    "x-gitlab-event",
    "x-gitea-event",
    "x-gogs-event",
    "linear-event",
    "sentry-hook-resource",
    "x-shopify-topic",
    "shopify-topic",
    "x-event-key",
    "x-wc-webhook-topic",
    "x-discourse-event",
    "x-zendesk-webhook-event",
    "ce-type",
];

/// What happened: as the sender names it, else how it was sent.
pub(super) fn event(message: &Message) -> String {
    if message.kind != "hook" {
        return message.kind.to_string();
    }
    let named = EVENT_HEADERS.iter().find_map(|name| {
        message
            .headers
            .0
            .get(name)
            .filter(|value| !value.is_empty())
    });
    named.unwrap_or(&message.method).to_owned()
}

/// Where it stands.
pub(super) fn state(state: MessageState) -> &'static str {
    match state {
        MessageState::Pending => "pending",
        MessageState::Leased => "leased",
        MessageState::Settled => "settled",
        MessageState::Dead => "dead",
        MessageState::Observed => "observed",
    }
}

/// The beginning of what was sent on one line, at most so many characters: the body, or the query
/// where there is none.
pub(super) fn preview(message: &Message, most: usize) -> String {
    let text = match (message.body_encoding, message.size()) {
        (_, 0) if message.query.is_empty() => return "(empty)".to_owned(),
        (_, 0) => format!("?{}", message.query),
        (BodyEncoding::Base64, size) => {
            return format!("({} binary)", ByteSize(size).display().iec());
        }
        (BodyEncoding::Utf8, _) => message.body.trim_start_matches('\u{feff}').to_owned(),
    };
    let line = without_tokens(&text)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let mut out: String = line.chars().take(most).collect();
    if out.len() < line.len() || message.body_truncated {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use doorbell_core::token::{Token, TokenKind};
    use doorbell_ingress::machine::SystemChance;
    use serde_json::json;

    use super::*;

    fn message(body: &str, headers: serde_json::Value) -> Message {
        serde_json::from_value(json!({
            "id": "01K00000000000000000000000", "jid": "hook:acme/eng/github", "sender": "github",
            "kind": "hook", "body": body, "body_encoding": "utf-8", "headers": headers,
            "method": "PUT", "query": "a=1", "received_at": "2026-11-21T16:14:00.000Z",
            "mode": "trigger", "attempt": 0, "state": "pending"
        }))
        .expect("a message")
    }

    #[test]
    fn an_event_is_what_the_sender_names_it_else_the_method() {
        assert_eq!(
            event(&message("", json!({"x-github-event": "push"}))),
            "push"
        );
        assert_eq!(
            event(&message("", json!({"x-event-key": "repo:push"}))),
            "repo:push"
        );
        assert_eq!(event(&message("", json!({"x-github-event": ""}))), "PUT");
        let mut said = message("", json!({}));
        said.kind = "channel".into();
        assert_eq!(event(&said), "channel");
    }

    #[test]
    fn a_preview_is_one_line_of_the_body_else_the_query() {
        let previewed = |body: &str, most| preview(&message(body, json!({})), most);
        assert_eq!(previewed("{\n  \"a\": 1\r\n}\t", 50), "{ \"a\": 1 }");
        assert_eq!(previewed("\u{feff}abc", 50), "abc");
        assert_eq!(previewed("", 50), "?a=1");
        assert_eq!(previewed("one two three", 8), "one two …");
        assert_eq!(previewed("日本語", 2), "日本…");
        let mut binary = message("/wA=", json!({}));
        binary.body_encoding = BodyEncoding::Base64;
        assert_eq!(preview(&binary, 50), "(2 B binary)");
    }

    #[test]
    fn a_token_is_hidden_before_the_text_is_cut() {
        let token = Token::mint(TokenKind::Hook, &SystemChance)
            .expose()
            .to_owned();
        let body = format!("{{\"url\":\"https://h/hook/{token}\"}}");
        for most in 1..100 {
            let shown = preview(&message(&body, json!({})), most);
            assert!(!shown.contains("dbh_"), "{most}: {shown}");
        }
    }
}
