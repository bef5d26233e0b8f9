//! Following a link that signs in: once, by a person, and not by whatever looks at links beforehand.

use std::net::IpAddr;

use axum::{
    extract::Request,
    http::{Method, header::SET_COOKIE},
    response::{Html, IntoResponse, Redirect, Response},
};

use super::{
    Desk, Visitor,
    mount::Mount,
    page::{self, At, Said},
    sign_in::{ROOT, leave_behind, not_now},
};
use crate::faces::same_origin;

/// What a link holds, if the request came by one.
pub(super) fn find(request: &Request) -> Option<String> {
    let query = request.uri().query()?.as_bytes();
    form_urlencoded::parse(query).find_map(|(name, value)| (name == "link").then(|| value.into()))
}

/// Who asks for a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Something that looks at links before anyone follows them.
    Ahead,
    /// A person, from another site's page.
    Elsewhere,
    /// A person.
    Person,
}

impl Way {
    /// By what a request says of itself.
    pub(super) fn of(request: &Request) -> Self {
        if looks_ahead(request) {
            Self::Ahead
        } else if same_origin::no_other_page(request.headers()).is_err() {
            Self::Elsewhere
        } else {
            Self::Person
        }
    }
}

/// Signs in whoever follows a good link. What looks ahead (a preview, a browser that fetches before
/// anyone clicks) does not spend it; and where another site's page led here, a person is asked
/// first, so that nobody is signed in as somebody else unawares.
pub(super) async fn follow(
    desk: &Desk,
    from: IpAddr,
    visitor: Option<Visitor>,
    link: String,
    way: Way,
) -> Response {
    match way {
        Way::Ahead => return page::sign_in(desk, Said::Nothing, At::Root),
        Way::Elsewhere => return ask_first(desk, &link),
        Way::Person => {}
    }
    if let Err(wait) = desk.attempts.check(from) {
        return page::sign_in(desk, Said::Slower(wait.as_secs() + 1), At::Root);
    }
    let authenticator = &desk.house.authenticator;
    // It leads to where clients were told to reach us.
    let url = desk.hosts.control_url();
    let mount = Mount::told(url.is_some_and(|url| url.origin().is_secure()), url);
    let name = mount.cookie_name();
    let signed_in = match authenticator.sign_in_by_link(&link, name).await {
        Ok(signed_in) => signed_in,
        Err(refusal) => return not_now(desk, &refusal, At::Root),
    };
    let Some(secret) = signed_in else {
        desk.attempts
            .note_not_let_in(from, "it came by a link that is not good");
        return page::sign_in(desk, Said::Stale, At::Root);
    };
    if let Some(visitor) = visitor {
        leave_behind(authenticator, &visitor).await;
    }
    let mut response = Redirect::to(ROOT).into_response();
    let cookie = mount.set(secret.expose());
    response.headers_mut().append(SET_COOKIE, cookie);
    response
}

fn looks_ahead(request: &Request) -> bool {
    let purpose = ["sec-purpose", "purpose", "x-moz"];
    request.method() == Method::HEAD
        || purpose
            .iter()
            .filter_map(|name| request.headers().get(*name))
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.contains("prefetch") || value.contains("prerender"))
}

/// The link once more, to be followed from a page of ours.
fn ask_first(desk: &Desk, link: &str) -> Response {
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if link.is_empty() || !link.chars().all(harmless) {
        return page::sign_in(desk, Said::Stale, At::Root);
    }
    Html(ASK.replace("{{link}}", link)).into_response()
}

const ASK: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Sign in · Doorbell</title>\
<main><h1>Doorbell</h1><p>Another page led here. \
<a href=\"sign-in?link={{link}}\">Sign in to the dashboard</a></p></main></html>";
