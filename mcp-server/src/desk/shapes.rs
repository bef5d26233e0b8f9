//! From what the store gives to what the wire shows.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use doorbell_core::{
    key::ApiKey,
    message::{self, Happening},
    ports,
    principal::Principal,
};

use crate::rung::Rung;
use crate::wire::{
    BodyEncoding, Count, DEFAULT_BODY_BYTES, Detail, Headers, KeyEntry, LifeEntry, MAX_BODY_BYTES,
    Message, MessageState, Order, Repeats, Text,
};

/// How many bytes of each body a call brings.
pub(super) fn body_limit(asked: Option<Count<0, MAX_BODY_BYTES>>) -> usize {
    asked.unwrap_or(Count::clamped(DEFAULT_BODY_BYTES)).as_len()
}

/// A stored message as it is shown.
pub(super) fn message(from: message::Message) -> Message {
    piece(from, 0)
}

/// The same, its body being a piece of the whole that begins `offset` bytes in.
pub(super) fn piece(from: message::Message, offset: u64) -> Message {
    let cut = offset + (from.body.len() as u64) < from.body_bytes;
    let state = state_of(from.state);
    let (body, body_encoding, bytes) = body(from.body, cut);
    Message {
        id: Text(from.id),
        jid: from.address.to_string(),
        sender: from.sender.to_string(),
        kind: from.kind.as_str().into(),
        from: from.head.from,
        body,
        body_encoding,
        body_truncated: cut,
        body_bytes: (cut || offset > 0).then_some(from.body_bytes),
        // Of what is damaged there is nothing more to be had.
        next_body_offset: (cut && !from.damaged).then_some(offset + bytes as u64),
        latin1_headers: from.head.headers.latin_1().map(str::to_owned).collect(),
        headers: Headers(from.head.headers),
        headers_truncated: false,
        method: from.head.method,
        query: from.head.query,
        query_truncated: false,
        received_at: Text(from.received_at),
        context: from.context.map(|context| context.as_str().to_owned()),
        context_truncated: false,
        mode: from.mode.as_str().into(),
        attempt: from.attempt,
        state,
        repeat_of: from.repeat_of.map(Text),
        test: from.test,
        damaged: from.damaged,
    }
}

/// A state as the wire has it.
fn state_of(from: message::State) -> MessageState {
    match from {
        message::State::Pending => MessageState::Pending,
        message::State::Leased => MessageState::Leased,
        message::State::Settled => MessageState::Settled,
        message::State::Dead => MessageState::Dead,
        message::State::Observed => MessageState::Observed,
    }
}

/// Bytes as UTF-8 if they are, else in base64, and how many are written. A cut may fall inside a
/// character: what is left of that character is dropped too.
fn body(bytes: Bytes, cut: bool) -> (String, BodyEncoding, usize) {
    let length = bytes.len();
    match String::from_utf8(bytes.into()) {
        Ok(text) => (text, BodyEncoding::Utf8, length),
        Err(error) => {
            let broken = error.utf8_error();
            let mut bytes = error.into_bytes();
            if cut && broken.error_len().is_none() {
                bytes.truncate(broken.valid_up_to());
                if let Ok(text) = String::from_utf8(bytes.clone()) {
                    return (text, BodyEncoding::Utf8, broken.valid_up_to());
                }
            }
            (BASE64_STANDARD.encode(bytes), BodyEncoding::Base64, length)
        }
    }
}

/// A message and its life as they are shown.
pub(super) fn detail(from: ports::Detail, rings: &[Rung]) -> Detail {
    let entry = |what: &str, at, detail| LifeEntry {
        what: what.to_owned(),
        at: Text(at),
        attempt: None,
        detail,
        reason: None,
    };
    let arrived = from.message.received_at;
    let routed = match &from.message.rule {
        Some(rule) => format!("rule {}: {}", rule.id, rule.said),
        None => format!(
            "no rule: {}, {}",
            from.message.to.inbox,
            from.message.mode.as_str()
        ),
    };
    // The rules decided again where its session ended under it.
    let again = from.life.iter().rev();
    let again = again.map(|event| (event.what, event.at));
    let matched = again
        .filter(|(what, _)| *what == Happening::Rerouted)
        .map(|(_, at)| at)
        .next()
        .unwrap_or(arrived);
    let mut life = vec![
        entry(
            "accepted",
            arrived,
            Some("on disk before the sender was answered".to_owned()),
        ),
        entry("matched", matched, Some(routed)),
    ];
    life.extend(
        rings
            .iter()
            .map(|rung| entry("rung", rung.at, Some(rung.how.describe()))),
    );
    life.extend(from.life.into_iter().map(|event| LifeEntry {
        what: event.what.as_str().to_owned(),
        at: Text(event.at),
        attempt: (event.attempt > 0).then_some(event.attempt),
        detail: (!event.attempted).then(|| "not counted as an attempt".to_owned()),
        reason: event.reason.map(|reason| reason.to_string()),
    }));
    // Each part is in order; what happened in one millisecond stays as it is listed above.
    life.sort_by_key(|entry| entry.at.0);
    Detail {
        folder: Text(from.message.to.folder.clone()),
        route_id: from.message.rule.as_ref().map(|rule| Text(rule.id)),
        grant_id: Text(from.message.grant),
        peer: from.message.head.peer.map(|peer| peer.to_string()),
        life,
        repeats: from.repeats.map(|repeats| Repeats {
            count: repeats.count,
            last_at: Text(repeats.last_at),
        }),
        message: message(from.message),
    }
}

/// A key as it is listed.
pub(super) fn key(from: &ApiKey) -> KeyEntry {
    KeyEntry {
        key_id: Text(from.id),
        folder: match &from.principal {
            Principal::Operator => "*".to_owned(),
            Principal::Agent(folder) => folder.to_string(),
        },
        name: from.name.as_deref().map(str::to_owned),
        created_at: Text(from.created_at),
        revoked_at: from.revoked_at.map(Text),
    }
}

/// A state as the store knows it.
pub(super) fn state(from: MessageState) -> message::State {
    match from {
        MessageState::Pending => message::State::Pending,
        MessageState::Leased => message::State::Leased,
        MessageState::Settled => message::State::Settled,
        MessageState::Dead => message::State::Dead,
        MessageState::Observed => message::State::Observed,
    }
}

/// An order as the store knows it.
pub(super) fn order(from: Order) -> ports::Order {
    match from {
        Order::Oldest => ports::Order::OldestFirst,
        Order::Newest => ports::Order::NewestFirst,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_utf8_travel_in_base64() {
        assert_eq!(
            body(Bytes::from_static(&[0xff, 0]), false),
            ("/wA=".to_owned(), BodyEncoding::Base64, 2)
        );
        assert_eq!(
            body(Bytes::from_static("é".as_bytes()), false).1,
            BodyEncoding::Utf8
        );
    }

    #[test]
    fn a_cut_inside_a_character_drops_what_is_left_of_it() {
        let half = Bytes::copy_from_slice(&"aé".as_bytes()[..2]);
        assert_eq!(
            body(half.clone(), true),
            ("a".to_owned(), BodyEncoding::Utf8, 1)
        );
        assert_eq!(body(half, false).1, BodyEncoding::Base64);
    }
}
