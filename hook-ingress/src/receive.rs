//! One POST, from its head to its answer.

use std::net::IpAddr;

use bytes::Bytes;
use doorbell_core::{message::MessageId, ports::Put};
use http::{HeaderName, HeaderValue, Request, Response};
use http_body::Body;
use http_body_util::Full;
use tokio::time::Instant;

use crate::{admit::admit, body, envelope, front_door::Shared, rejection::Rejection};

const MESSAGE_ID: HeaderName = HeaderName::from_static("x-message-id");
const DUPLICATE_OF: HeaderName = HeaderName::from_static("x-duplicate-of");

/// A message that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Accepted {
    id: MessageId,
    duplicate: bool,
}

/// Answers a request to `/hook`; `path_token` is what follows it, `""` if nothing does.
pub(crate) async fn receive<B: Body<Data = Bytes>>(
    door: &Shared,
    request: Request<B>,
    path_token: &str,
    peer: Option<IpAddr>,
) -> Response<Full<Bytes>> {
    let mut body_unread = !request.body().is_end_stream();
    match accept(door, request, path_token, peer, &mut body_unread).await {
        Ok(accepted) => accepted.respond(),
        Err(no) => {
            tracing::debug!(code = no.code(), "refused");
            no.respond(body_unread)
        }
    }
}

async fn accept<B: Body<Data = Bytes>>(
    door: &Shared,
    request: Request<B>,
    path_token: &str,
    peer: Option<IpAddr>,
    body_unread: &mut bool,
) -> Result<Accepted, Rejection> {
    let began = Instant::now();
    let (request, body) = request.into_parts();
    let announced = body.size_hint().lower();
    let mut admitted = admit(door, &request, path_token, announced, door.clock.now())?;
    let body = body::read(body, &door.limits, &mut admitted).await?;
    *body_unread = false;
    // A handshake is answered here, once there are any.
    let head = envelope::head(&request, peer);
    let grant = admitted.grant.clone();
    let outcome = door.routing.route(&grant, &head);
    let bytes = body.len();
    let arrival = envelope::seal(grant, &request, head, body, outcome, door.clock.now());
    let put = door.log.put(arrival).await;
    let accepted = match put.map_err(|_| Rejection::NotStored)? {
        Put::Stored(id) => Accepted {
            id,
            duplicate: false,
        },
        Put::Duplicate(id) => Accepted {
            id,
            duplicate: true,
        },
        Put::Revoked => return Err(Rejection::Token),
        Put::Full => return Err(Rejection::Full),
    };
    tracing::debug!(
        jid = %admitted.grant.jid(),
        grant = %admitted.grant.id,
        message = %accepted.id,
        duplicate = accepted.duplicate,
        bytes,
        duration_ms = began.elapsed().as_secs_f64() * 1e3,
        "accepted"
    );
    Ok(accepted)
}

impl Accepted {
    /// 200, an empty body, and the message's id; a repeat's is that of the first.
    fn respond(self) -> Response<Full<Bytes>> {
        let id = HeaderValue::try_from(self.id.to_string()).expect("a ULID is ASCII");
        let mut response = Response::new(Full::default());
        if self.duplicate {
            response.headers_mut().insert(DUPLICATE_OF, id.clone());
        }
        response.headers_mut().insert(MESSAGE_ID, id);
        response
    }
}
