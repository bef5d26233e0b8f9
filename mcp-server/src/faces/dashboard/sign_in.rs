//! Signing in and out: a form that works without script, and a cookie.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use axum::{
    Extension,
    body::to_bytes,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use doorbell_ingress::redact::{SECURE_SESSION_COOKIE, SESSION_COOKIE};
use serde::Deserialize;

use super::{
    Desk, Visitor,
    page::{self, Said},
};
use crate::faces::{guard::Peer, rest::Problem, same_origin};

/// The largest form that is read, in bytes.
const MAX_FORM: usize = 16 * 1024;

#[derive(Deserialize)]
struct Form {
    /// An API key, or whatever else a bearer may show.
    credential: String,
}

/// For whoever reloads the form: it lives at `/`.
pub(super) async fn form(
    State(desk): State<Arc<Desk>>,
    visitor: Option<Extension<Visitor>>,
) -> Response {
    match visitor {
        Some(Extension(visitor)) if visitor.signed_in => Redirect::to("/").into_response(),
        _ => page::sign_in(&desk, Said::Nothing),
    }
}

/// A new session for whoever shows a good credential, always under a new id.
pub(super) async fn sign_in(
    State(desk): State<Arc<Desk>>,
    peer: Option<Extension<Peer>>,
    visitor: Option<Extension<Visitor>>,
    request: Request,
) -> Response {
    if let Err(refusal) = same_origin::no_other_page(request.headers()) {
        return Problem(refusal).into_response();
    }
    let from = from(peer);
    if let Err(wait) = desk.attempts.check(from) {
        tracing::warn!(peer = %from, "too many attempts to sign in");
        return page::sign_in(&desk, Said::Slower(wait.as_secs() + 1));
    }
    let secure = is_secure(request.headers());
    let Ok(body) = to_bytes(request.into_body(), MAX_FORM).await else {
        return page::sign_in(&desk, Said::Unknown);
    };
    let Ok(form) = serde_urlencoded::from_bytes::<Form>(&body) else {
        return page::sign_in(&desk, Said::Unknown);
    };
    let authenticator = &desk.house.authenticator;
    match authenticator.sign_in(&form.credential, secure).await {
        Ok(secret) => {
            if let Some(Extension(visitor)) = visitor {
                authenticator.sign_out(&visitor.shown);
            }
            let mut response = Redirect::to("/").into_response();
            let cookie = cookie(secret.expose(), secure);
            response.headers_mut().append(header::SET_COOKIE, cookie);
            response
        }
        Err(refusal) => {
            tracing::info!(peer = %from, %refusal, "a browser was not let in");
            page::sign_in(&desk, Said::Unknown)
        }
    }
}

/// Ends the session; its cookie is good for nothing from now on.
pub(super) async fn sign_out(
    State(desk): State<Arc<Desk>>,
    visitor: Option<Extension<Visitor>>,
    request: Request,
) -> Response {
    let Some(Extension(visitor)) = visitor else {
        // Let in by a bearer credential: there is nothing to end.
        return StatusCode::NO_CONTENT.into_response();
    };
    if let Err(refusal) = same_origin::check(request.method(), request.headers(), &visitor.csrf) {
        return Problem(refusal).into_response();
    }
    desk.house.authenticator.sign_out(&visitor.shown);
    let mut cookie = cookie("", visitor.shown.secure).as_bytes().to_vec();
    cookie.extend_from_slice(b"; Max-Age=0");
    let cookie = HeaderValue::try_from(cookie).expect("it is ASCII");
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response()
}

/// The address of whoever asks.
pub(super) fn from(peer: Option<Extension<Peer>>) -> IpAddr {
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Extension(peer)| peer.0)
}

/// Whether the browser speaks https, by what it says itself: the guard has compared the authority
/// of `Origin` with `Host`, and no proxy in between has to be believed.
fn is_secure(headers: &HeaderMap) -> bool {
    headers
        .get(header::ORIGIN)
        .is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

pub(super) fn cookie(value: &str, secure: bool) -> HeaderValue {
    let text = if secure {
        format!("{SECURE_SESSION_COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Secure")
    } else {
        format!("{SESSION_COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict")
    };
    HeaderValue::try_from(text).expect("base64 is ASCII")
}
