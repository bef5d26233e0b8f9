//! Signing in and out: a form that works without script, and a cookie.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use axum::{
    Extension,
    body::to_bytes,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{
    Desk, Visitor,
    mount::Mount,
    page::{self, At, Said},
    sign_in_link,
};
use crate::{
    caller::Authenticator,
    faces::{
        guard::Peer,
        rest::Problem,
        same_origin::{self, OwnOrigin},
    },
    refusal::Refusal,
};

/// The largest form that is read, in bytes.
const MAX_FORM: usize = 16 * 1024;

#[derive(Deserialize)]
struct Form {
    /// An API key, or whatever else a bearer may show.
    credential: String,
}

/// The root, from anything that lies in it: the browser may see us under a path.
pub(super) const ROOT: &str = "./";

/// For whoever comes by a link, or reloads the form: that lives at `/`.
pub(super) async fn form(
    State(desk): State<Arc<Desk>>,
    peer: Option<Extension<Peer>>,
    visitor: Option<Extension<Visitor>>,
    request: Request,
) -> Response {
    if let Some(link) = sign_in_link::find(&request) {
        let visitor = visitor.map(|visitor| visitor.0);
        let way = sign_in_link::Way::of(&request);
        return sign_in_link::follow(&desk, from(peer), visitor, link, way).await;
    }
    match visitor {
        Some(Extension(visitor)) if visitor.signed_in => Redirect::to(ROOT).into_response(),
        _ => page::sign_in(&desk, Said::Nothing, At::Root),
    }
}

/// A new session for whoever shows a good credential, always under a new id.
pub(super) async fn sign_in(
    State(desk): State<Arc<Desk>>,
    peer: Option<Extension<Peer>>,
    visitor: Option<Extension<Visitor>>,
    own: Option<Extension<OwnOrigin>>,
    request: Request,
) -> Response {
    if let Err(refusal) = same_origin::no_other_page(request.headers()) {
        return Problem(refusal).into_response();
    }
    let from = from(peer);
    if let Err(wait) = desk.attempts.check(from) {
        return page::sign_in(&desk, Said::Slower(wait.as_secs() + 1), At::Root);
    }
    let mount = Mount::of(own.as_deref());
    let Ok(body) = to_bytes(request.into_body(), MAX_FORM).await else {
        return page::sign_in(&desk, Said::Unknown, At::Root);
    };
    let Ok(form) = serde_urlencoded::from_bytes::<Form>(&body) else {
        return page::sign_in(&desk, Said::Unknown, At::Root);
    };
    let authenticator = &desk.house.authenticator;
    let name = mount.cookie_name();
    match authenticator.sign_in(&form.credential, name).await {
        Ok(secret) => {
            if let Some(Extension(visitor)) = visitor {
                leave_behind(authenticator, &visitor).await;
            }
            let mut response = Redirect::to(ROOT).into_response();
            let cookie = mount.set(secret.expose());
            response.headers_mut().append(header::SET_COOKIE, cookie);
            response
        }
        Err(refusal @ Refusal::Unavailable(_)) => not_now(&desk, &refusal, At::Root),
        Err(refusal) => {
            desk.attempts.note_not_let_in(from, &refusal);
            page::sign_in(&desk, Said::Unknown, At::Root)
        }
    }
}

/// Says that nobody can be signed in just now.
pub(super) fn not_now(desk: &Desk, refusal: &Refusal, at: At) -> Response {
    tracing::warn!(%refusal, "a browser could not be signed in");
    page::sign_in(desk, Said::NotNow, at)
}

/// Ends the session that a browser had before it signed in anew. It forgets the cookie in any case.
pub(super) async fn leave_behind(authenticator: &Authenticator, visitor: &Visitor) {
    if let Err(refusal) = authenticator.sign_out(&visitor.shown).await {
        tracing::warn!(%refusal, "a browser's former session lasts until its time is over");
    }
}

/// Ends the session; its cookie is good for nothing from now on.
pub(super) async fn sign_out(
    State(desk): State<Arc<Desk>>,
    visitor: Option<Extension<Visitor>>,
    own: Option<Extension<OwnOrigin>>,
    request: Request,
) -> Response {
    let own = own.as_deref();
    let Some(Extension(visitor)) = visitor else {
        // Let in by a bearer credential: there is nothing to end.
        return StatusCode::NO_CONTENT.into_response();
    };
    let (method, headers) = (request.method(), request.headers());
    if let Err(refusal) = same_origin::check(method, headers, own, &visitor.csrf) {
        return Problem(refusal).into_response();
    }
    if let Err(refusal) = desk.house.authenticator.sign_out(&visitor.shown).await {
        return Problem(refusal).into_response();
    }
    let cookie = Mount::of(own).unset(visitor.shown.name);
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response()
}

/// The address of whoever asks.
pub(super) fn from(peer: Option<Extension<Peer>>) -> IpAddr {
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Extension(peer)| peer.0)
}
