//! Signing in at the OIDC issuer: there, and back with a code.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Query, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{COOKIE, LOCATION, SET_COOKIE},
    },
    response::{Html, IntoResponse, Response},
};

use super::{
    Desk, Visitor,
    mount::Mount,
    page::{self, At, Said},
    sign_in::{from, leave_behind, not_now},
};
use crate::{
    faces::guard::Peer,
    oidc::{LoginError, Return},
};

/// The cookie of a browser that has gone to the issuer. Lax, for it comes back from another site;
/// and shown below this path alone, so never to the front door.
const BINDER: &str = "doorbell_login";

/// What [`BINDER`] held.
#[derive(Clone)]
pub(super) struct Binder(String);

impl Binder {
    pub(super) fn find(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(COOKIE).iter();
        values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(name, value)| (name == BINDER).then(|| Self(value.to_owned())))
    }
}

fn binder(value: &str, max_age: u32, mount: &Mount) -> HeaderValue {
    let end = if mount.is_secure() { "; Secure" } else { "" };
    let path = mount.path("/oidc");
    let text =
        format!("{BINDER}={value}; Path={path}; HttpOnly; SameSite=Lax; Max-Age={max_age}{end}");
    HeaderValue::try_from(text).expect("base64 and a URL's path are ASCII")
}

/// Sends a browser to the issuer.
pub(super) async fn leave(
    State(desk): State<Arc<Desk>>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> Response {
    let Some(issuer) = desk.house.authenticator.issuer() else {
        return page::sign_in(&desk, Said::Elsewhere(LoginError::Unknown), At::Below);
    };
    let from = from(peer);
    if let Err(wait) = desk.attempts.check(from) {
        return page::sign_in(&desk, Said::Slower(wait.as_secs() + 1), At::Below);
    }
    match issuer.begin_login(from, &headers) {
        Err(error) => page::sign_in(&desk, Said::Elsewhere(error), At::Below),
        Ok(departure) => {
            let mount = Mount::told(issuer.is_secure(&headers), desk.hosts.control_url());
            let headers = [
                (SET_COOKIE, binder(&departure.binder, 600, &mount)),
                (
                    LOCATION,
                    HeaderValue::try_from(departure.to.as_str()).expect("a URL is ASCII"),
                ),
            ];
            (StatusCode::SEE_OTHER, headers).into_response()
        }
    }
}

/// Signs in whoever comes back. The page leads on by itself: a redirect would still be the other
/// site's request, and the new cookie, which is strict, would not come along.
pub(super) async fn come_back(
    State(desk): State<Arc<Desk>>,
    peer: Option<Extension<Peer>>,
    visitor: Option<Extension<Visitor>>,
    own: Option<Extension<Binder>>,
    Query(back): Query<Return>,
    headers: HeaderMap,
) -> Response {
    let Some(issuer) = desk.house.authenticator.issuer() else {
        return page::sign_in(&desk, Said::Elsewhere(LoginError::Unknown), At::Below);
    };
    if let Err(wait) = desk.attempts.check(from(peer)) {
        return page::sign_in(&desk, Said::Slower(wait.as_secs() + 1), At::Below);
    }
    let own = own.as_ref().map(|own| own.0.0.as_str());
    let verified = match issuer.finish_login(&back, own).await {
        Ok(verified) => verified,
        Err(error) => {
            desk.attempts.note_not_let_in(from(peer), error);
            return page::sign_in(&desk, Said::Elsewhere(error), At::Below);
        }
    };
    let mount = Mount::told(issuer.is_secure(&headers), desk.hosts.control_url());
    let authenticator = &desk.house.authenticator;
    let name = mount.cookie_name();
    let signed_in = match authenticator.sign_in_verified(verified, name).await {
        Ok(signed_in) => signed_in,
        Err(refusal) => return not_now(&desk, &refusal, At::Below),
    };
    let Some(secret) = signed_in else {
        return page::sign_in(&desk, Said::NoFolder, At::Below);
    };
    if let Some(Extension(visitor)) = visitor {
        leave_behind(authenticator, &visitor).await;
    }
    let mut response = Html(ON).into_response();
    let headers = response.headers_mut();
    headers.append(SET_COOKIE, mount.set(secret.expose()));
    headers.append(SET_COOKIE, binder("", 0, &mount));
    response
}

const ON: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
<meta http-equiv=\"refresh\" content=\"0;url=../\"><title>Doorbell</title>\
<p>You are signed in. <a href=\"../\">Go on</a></p></html>";
