//! One request, from its head to its answer.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use doorbell_core::{
    address::Inbox,
    grant::{Grant, GrantId},
    message::{Arrival, Kind, MessageId},
    ports::Put,
};
use http::{HeaderName, HeaderValue, Method, Request, Response, request};
use http_body::Body;
use http_body_util::Full;
use tokio::time::Instant;

use crate::{
    admit::{Admitted, KNOCK_METHODS, admit, channel_grant, route_grant, webhook},
    body,
    browsers::{self, is_preflight},
    credentials::{Shown, shown},
    envelope,
    front_door::{FrontDoor, Shared},
    handshake::{self, HOOK_METHODS, Handshake, only_looks},
    journal::Visit,
    knock::knock,
    rejection::Rejection,
};

/// How many sessions may end under one message before its sender is asked to come again.
const REROUTES: usize = 4;

const MESSAGE_ID: HeaderName = HeaderName::from_static("x-message-id");
const DUPLICATE_OF: HeaderName = HeaderName::from_static("x-duplicate-of");

/// A message that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Accepted {
    id: MessageId,
    duplicate: bool,
    kind: Kind,
    bytes: usize,
}

/// Answers a request to `/hook`; `path_token` is what follows it, `""` if nothing does.
pub(crate) async fn receive<B: Body<Data = Bytes>>(
    door: &Shared,
    request: Request<B>,
    path_token: &str,
    peer: Option<IpAddr>,
) -> Response<Full<Bytes>> {
    let began = Instant::now();
    let mut body_unread = !request.body().is_end_stream();
    match answer(door, request, path_token, peer, began, &mut body_unread).await {
        Ok(response) => {
            door.figures.accepted_times.observe_time(began.elapsed());
            response
        }
        Err(no) => {
            door.figures.count_refused(&no, began.elapsed());
            no.respond(body_unread)
        }
    }
}

async fn answer<B: Body<Data = Bytes>>(
    door: &Shared,
    request: Request<B>,
    path_token: &str,
    peer: Option<IpAddr>,
    began: Instant,
    body_unread: &mut bool,
) -> Result<Response<Full<Bytes>>, Rejection> {
    let (request, body) = request.into_parts();
    let now = door.clock.now();
    let arriving = Arriving {
        request: &request,
        peer,
        test: None,
        body_unread,
    };
    match shown(&request, path_token).map_err(stranger)? {
        Shown::Route(token) => {
            let grant = route_grant(door, &token, now).map_err(stranger)?;
            hook(door, grant, arriving, body, began).await
        }
        Shown::Channel(token) => {
            let grant = channel_grant(door, &token, now).map_err(stranger)?;
            let visit = Visit::new(grant.clone().into(), &request.headers, began);
            if is_preflight(&request) {
                return preflight(door, &request, grant.id, KNOCK_METHODS)
                    .map_err(|no| visit.refused(&door.journal, no, now));
            }
            match knock(door, grant, arriving, body).await {
                Ok(knocked) => {
                    knocked.tell(&visit);
                    Ok(knocked.respond())
                }
                Err(no) => Err(visit.refused(&door.journal, no, now)),
            }
        }
    }
}

/// What came to a webhook whose token is good.
async fn hook<B: Body<Data = Bytes>>(
    door: &Shared,
    grant: Arc<Grant>,
    arriving: Arriving<'_>,
    body: B,
    began: Instant,
) -> Result<Response<Full<Bytes>>, Rejection> {
    let request = arriving.request;
    let visit = Visit::new(grant.clone().into(), &request.headers, began);
    let methods = handshake::methods(request);
    if is_preflight(request) && methods == HOOK_METHODS {
        return preflight(door, request, grant.id, methods)
            .map_err(|no| visit.refused(&door.journal, no, door.clock.now()));
    }
    match accept(door, grant, arriving, body).await {
        Ok(Taken::Looked) => Ok(browsers::look(request)),
        Ok(Taken::Kept(accepted, handshake)) => {
            accepted.tell(&visit);
            let mut response = accepted.respond();
            if let Some(handshake) = handshake {
                handshake.answer.write(&mut response);
            }
            Ok(response)
        }
        Err(no) => Err(visit.refused(&door.journal, no, door.clock.now())),
    }
}

/// Tells of someone without a good token. There may be any number of them, so not at INFO.
fn stranger(no: Rejection) -> Rejection {
    tracing::debug!(code = no.code(), "refused");
    no
}

/// What makes a message a test: somebody of ours made it, to try a URL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Test {
    /// Of which message it has the content, if of any. It is then no repeat of anything else,
    /// whatever ids of a provider's it carries.
    pub repeat_of: Option<MessageId>,
}

impl FrontDoor {
    /// Takes a request as if it had come with a good token of this grant, by the way of every other
    /// behind the token's check: method, rate, size, handshake, route, store. Whoever calls this
    /// answers for who may.
    pub async fn test(
        &self,
        grant: Arc<Grant>,
        request: Request<Full<Bytes>>,
        test: Test,
    ) -> Response<Full<Bytes>> {
        let door = &self.0;
        let began = Instant::now();
        let (request, body) = request.into_parts();
        let mut body_unread = true;
        let arriving = Arriving {
            request: &request,
            peer: None,
            test: Some(test),
            body_unread: &mut body_unread,
        };
        let answer = match webhook(grant, door.clock.now()) {
            Ok(grant) => hook(door, grant, arriving, body, began).await,
            Err(no) => Err(no),
        };
        match answer {
            Ok(response) => {
                door.figures.accepted_times.observe_time(began.elapsed());
                response
            }
            Err(no) => {
                door.figures.count_refused(&no, began.elapsed());
                no.respond(false)
            }
        }
    }
}

/// Answers a browser that asks if it may send. Nothing is kept, but it counts as a request.
fn preflight(
    door: &Shared,
    request: &request::Parts,
    grant: GrantId,
    methods: &[Method],
) -> Result<Response<Full<Bytes>>, Rejection> {
    door.throttle.check(grant).map_err(Rejection::Rate)?;
    Ok(browsers::preflight(request, methods))
}

/// A request whose body is still to come.
pub(crate) struct Arriving<'a> {
    pub(crate) request: &'a request::Parts,
    pub(crate) peer: Option<IpAddr>,
    test: Option<Test>,
    body_unread: &'a mut bool,
}

impl Arriving<'_> {
    /// Reads the body, if method, rate and size allow; its share of the budget is held as long as
    /// what comes with it.
    pub(crate) async fn body<B: Body<Data = Bytes>>(
        &mut self,
        door: &Shared,
        grant: GrantId,
        methods: &'static [Method],
        body: B,
    ) -> Result<(Bytes, Admitted), Rejection> {
        let announced = body.size_hint().lower();
        let mut admitted = admit(door, self.request, grant, methods, announced)?;
        let body = body::read(body, &door.limits, &mut admitted).await?;
        *self.body_unread = false;
        Ok((body, admitted))
    }
}

/// What became of a request with a good route token.
enum Taken {
    /// It is kept; a handshake is then to be answered.
    Kept(Accepted, Option<Handshake>),
    /// It said nothing, so there is nothing to keep.
    Looked,
}

/// Keeps a message or a handshake.
async fn accept<B: Body<Data = Bytes>>(
    door: &Shared,
    grant: Arc<Grant>,
    mut arriving: Arriving<'_>,
    body: B,
) -> Result<Taken, Rejection> {
    let methods = handshake::methods(arriving.request);
    let (body, _share) = arriving.body(door, grant.id, methods, body).await?;
    let per_minute = door.limits.hook_rate.per_minute;
    let handshake = handshake::recognise(arriving.request, &body, grant.sender(), per_minute);
    if handshake.is_none() && only_looks(arriving.request, body.len() as u64) {
        return Ok(Taken::Looked);
    }
    let head = envelope::head(arriving.request, arriving.peer);
    let outcome = door.routing.route(&grant, &head);
    let bytes = body.len();
    let mut arrival = envelope::seal(
        Arc::clone(&grant),
        arriving.request,
        head,
        body,
        outcome,
        door.clock.now(),
    );
    if let Some(handshake) = &handshake {
        arrival = envelope::handshake(arrival, handshake.mode);
    }
    if let Some(test) = arriving.test {
        arrival = envelope::test(arrival, test.repeat_of);
    }
    let kind = arrival.kind;
    let accepted = |id, duplicate| Accepted {
        id,
        duplicate,
        kind,
        bytes,
    };
    match put(door, &grant, arrival).await? {
        Put::Stored(id) => Ok(Taken::Kept(accepted(id, false), handshake)),
        Put::Duplicate(id) => Ok(Taken::Kept(accepted(id, true), handshake)),
        Put::Revoked => Err(Rejection::Token),
        // Only a channel's key can be at odds with what it came with before.
        Put::Ended | Put::Conflict(_) => Err(Rejection::NotStored),
        Put::Full => Err(Rejection::Full),
    }
}

/// Stores an arrival. Where a rule sent it to a session that ended just now, it is routed again and
/// finds another way.
async fn put(door: &Shared, grant: &Grant, mut arrival: Arrival) -> Result<Put, Rejection> {
    for _ in 0..REROUTES {
        let to_session = matches!(arrival.to.inbox, Inbox::Session(_));
        let spare = to_session.then(|| arrival.clone());
        let put = door.put(arrival).await;
        match (put.map_err(|_| Rejection::NotStored)?, spare) {
            (Put::Ended, Some(again)) => {
                let outcome = door.routing.route(grant, &again.head);
                arrival = envelope::rerouted(again, outcome);
            }
            (put, _) => return Ok(put),
        }
    }
    Ok(Put::Ended)
}

impl Accepted {
    fn tell(self, visit: &Visit) {
        if self.duplicate {
            visit.deduplicated(self.id, self.bytes);
        } else {
            visit.accepted(self.id, self.kind, self.bytes, None);
        }
    }

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
