//! A knock: what the holder of a channel token says to a session.
//!
//! The answer says whether a live session took it (200) or whether it waits for one (202). An
//! idempotency key makes a repeat harmless for a day.

use std::sync::Arc;

use bytes::Bytes;
use doorbell_core::{
    acl::{UseMessages, authorize},
    address::Inbox,
    channel::ChannelGrant,
    message::{Arrival, DedupeId, Destination, Kind, Message, MessageId, Mode, State, Via},
    ports::Put,
    principal::Principal,
    session::Session,
};
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use http_body::Body;
use http_body_util::Full;
use serde::Deserialize;

use crate::{
    admit::KNOCK_METHODS, envelope, front_door::Shared, journal::Visit, receive::Arriving,
    rejection::Rejection,
};

/// The longest name a caller may claim, in characters.
const MAX_FROM: usize = 64;
/// The longest idempotency key, in bytes.
const MAX_KEY: usize = 255;
/// What an idempotency key is hashed with, where a provider's id is hashed with its header's name.
const KEY_FIELD: &str = "idempotency_key";

/// What is said. Fields that are not ours are let pass: senders add their own.
#[derive(Deserialize)]
struct Words {
    message: String,
    from: Option<String>,
    idempotency_key: Option<String>,
}

/// What became of a knock.
pub(crate) struct Knocked {
    id: MessageId,
    delivered: bool,
    duplicate: bool,
    bytes: usize,
}

/// Answers a request with a good channel token.
pub(crate) async fn knock<B: Body<Data = Bytes>>(
    door: &Shared,
    grant: Arc<ChannelGrant>,
    mut arriving: Arriving<'_>,
    body: B,
) -> Result<Knocked, Rejection> {
    let session = || {
        let session = door
            .channels
            .session(&grant.session)
            .ok_or(Rejection::NoSession)?;
        if session.ended_at.is_some() {
            Err(Rejection::SessionEnded)
        } else {
            Ok(session)
        }
    };
    let (body, _share) = arriving.body(door, grant.id, KNOCK_METHODS, body).await?;
    // Said before what is wrong with the words: neither can be mended by other words.
    let session = session()?;
    let words = parse(&body)?;
    let mut head = envelope::head(arriving.request, arriving.peer);
    head.from = words.from;
    let arrival = Arrival {
        via: Via::Channel(grant),
        to: Destination {
            inbox: Inbox::Session(session.id.clone()),
            folder: session.folder.clone(),
        },
        rule: None,
        kind: Kind::Channel,
        mode: Mode::Trigger,
        received_at: door.clock.now(),
        head,
        body: words.message.into(),
        dedupe: words
            .idempotency_key
            .map(|key| DedupeId::new(KEY_FIELD, key.as_bytes())),
        test: false,
        repeat_of: None,
    };
    let bytes = arrival.body.len();
    match door.put(arrival).await.map_err(|_| Rejection::NotStored)? {
        Put::Stored(id) => Ok(Knocked {
            id,
            delivered: door.presence.is_live(&session.id),
            duplicate: false,
            bytes,
        }),
        Put::Duplicate(id) => repeated(door, &session, id, bytes).await,
        Put::Conflict(_) => Err(Rejection::KeyReused),
        Put::Revoked => Err(Rejection::ChannelToken),
        Put::Ended => Err(Rejection::SessionEnded),
        Put::Full => Err(Rejection::Full),
    }
}

/// The key came before with the same words: how does that message stand?
async fn repeated(
    door: &Shared,
    session: &Session,
    id: MessageId,
    bytes: usize,
) -> Result<Knocked, Rejection> {
    // None: settled and forgotten while its key is still remembered.
    let first = first_of(door, session, id).await?;
    let delivered = first.is_none_or(|first| first.state == State::Settled)
        || door.presence.is_live(&session.id);
    Ok(Knocked {
        id,
        delivered,
        duplicate: true,
        bytes,
    })
}

/// What the door stored for this session itself, read as whoever owns the session would.
async fn first_of(
    door: &Shared,
    session: &Session,
    id: MessageId,
) -> Result<Option<Message>, Rejection> {
    let owner = Principal::Agent(session.folder.clone());
    let scope = authorize(&owner, UseMessages)
        .map_err(|_| Rejection::NotStored)?
        .scope();
    let found = door.log.get(id, scope, 0, door.clock.now()).await;
    Ok(found
        .map_err(|_| Rejection::NotStored)?
        .map(|detail| detail.message))
}

fn parse(body: &[u8]) -> Result<Words, Rejection> {
    let mut words: Words = serde_json::from_slice(body)
        .map_err(|_| Rejection::Knock("The body is not JSON with a message in it"))?;
    if words.message.is_empty() {
        return Err(Rejection::Knock("The message is empty"));
    }
    words.from = words.from.filter(|from| !from.is_empty());
    if words.from.as_deref().is_some_and(|from| !is_name(from)) {
        return Err(Rejection::Knock(
            "from is one line of at most 64 characters without ]",
        ));
    }
    let key = words.idempotency_key.as_deref();
    if key.is_some_and(|key| key.is_empty() || key.len() > MAX_KEY) {
        return Err(Rejection::Knock("idempotency_key is 1 to 255 bytes long"));
    }
    Ok(words)
}

/// A name that stands in `[…]` before a message and cannot be mistaken for its end.
fn is_name(from: &str) -> bool {
    from.chars().count() <= MAX_FROM
        && !from
            .chars()
            .any(|c| c.is_control() || c == ']' || c == '\u{2028}' || c == '\u{2029}')
}

impl Knocked {
    pub(crate) fn tell(&self, visit: &Visit) {
        if self.duplicate {
            visit.deduplicated(self.id, self.bytes);
        } else {
            visit.accepted(self.id, Kind::Channel, self.bytes, Some(self.delivered));
        }
    }

    pub(crate) fn respond(self) -> Response<Full<Bytes>> {
        let status = if self.delivered {
            "delivered"
        } else {
            "buffered"
        };
        let mut body = serde_json::json!({"status": status, "message_id": self.id.to_string()});
        if self.duplicate {
            body["duplicate"] = true.into();
        }
        let mut response = Response::new(Full::from(body.to_string()));
        *response.status_mut() = match self.delivered || self.duplicate {
            true => StatusCode::OK,
            false => StatusCode::ACCEPTED,
        };
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> bool {
        matches!(parse(body.as_bytes()), Err(Rejection::Knock(_)))
    }

    #[test]
    fn a_message_alone_is_enough_and_strangers_fields_do_no_harm() {
        let words = parse(br#"{"message":"hi","via":"cron"}"#).map_err(|no| no.code());
        assert_eq!(words.map(|words| words.message), Ok("hi".to_owned()));
    }

    #[test]
    fn what_is_not_json_or_holds_no_message_is_refused() {
        for bad in [
            "",
            "hi",
            "[]",
            "{}",
            r#"{"message":""}"#,
            r#"{"message":1}"#,
            r#"{"message":null}"#,
        ] {
            assert!(refused(bad), "{bad}");
        }
    }

    #[test]
    fn a_from_that_could_close_its_bracket_or_break_its_line_is_refused() {
        for bad in ["a]b", "a\\nb", "a\\u001bb", "\\u2028"] {
            assert!(
                refused(&format!(r#"{{"message":"m","from":"{bad}"}}"#)),
                "{bad}"
            );
        }
        let long = "x".repeat(65);
        assert!(refused(&format!(r#"{{"message":"m","from":"{long}"}}"#)));
        assert!(!refused(r#"{"message":"m","from":"CI [prod"}"#));
    }
}
