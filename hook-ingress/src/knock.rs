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

use crate::{
    admit::KNOCK_METHODS, envelope, front_door::Shared, journal::Visit, line::Line,
    receive::Arriving, rejection::Rejection,
};

/// What an idempotency key is hashed with, where a provider's id is hashed with its header's name.
const KEY_FIELD: &str = "idempotency_key";

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
            .session_of(&grant.session)
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
    let line = Line::read(&body, &arriving.request.headers)?;
    let mut head = envelope::head(arriving.request, arriving.peer);
    head.from = line.from;
    let arrival = Arrival {
        via: Via::Channel(grant),
        to: Destination {
            inbox: Inbox::Session(session.reference()),
            folder: session.folder.clone(),
        },
        rule: None,
        kind: Kind::Channel,
        mode: Mode::Trigger,
        received_at: door.clock.now(),
        head,
        body: line.message.into(),
        dedupe: line.key.map(|key| DedupeId::new(KEY_FIELD, &key)),
        test: false,
        repeat_of: None,
    };
    let bytes = arrival.body.len();
    match door.put(arrival).await.map_err(|_| Rejection::NotStored)? {
        Put::Stored(id) => Ok(Knocked {
            id,
            delivered: door.presence.is_live(&session.reference()),
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
        || door.presence.is_live(&session.reference());
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
