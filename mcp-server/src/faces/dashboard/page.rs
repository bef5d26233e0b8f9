//! The two pages: the one that asks who you are, and the one that shows everything else.

use axum::{
    Extension,
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use doorbell_core::token::Chance;
use doorbell_ingress::machine::SystemChance;

use super::Visitor;

const APP: &str = include_str!("assets/index.html");
const SIGN_IN: &str = include_str!("assets/sign_in.html");

/// What the sign-in page says above its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing: somebody has just come.
    Nothing,
    /// What was typed lets nobody in.
    Unknown,
    /// Too many attempts; the next is heard after so many seconds.
    Slower(u64),
}

/// The page itself. It holds the CSRF token of its session, so it is never stored.
pub(super) async fn app(visitor: Option<Extension<Visitor>>) -> Response {
    let csrf = visitor.map_or_else(String::new, |visitor| visitor.0.csrf.expose());
    Html(APP.replace("{{csrf}}", &csrf)).into_response()
}

/// The sign-in page: complete in itself, since nothing else of ours is shown to a stranger.
pub(super) fn sign_in(said: Said) -> Response {
    let mut random = [0; 16];
    SystemChance.fill(&mut random);
    let nonce = BASE64_STANDARD.encode(random);
    let (status, text) = match said {
        Said::Nothing => (StatusCode::UNAUTHORIZED, String::new()),
        Said::Unknown => (
            StatusCode::UNAUTHORIZED,
            "This key is unknown or revoked.".to_owned(),
        ),
        Said::Slower(seconds) => (
            StatusCode::TOO_MANY_REQUESTS,
            format!("Too many attempts. Try again in {seconds} s."),
        ),
    };
    let text = if text.is_empty() {
        text
    } else {
        format!("<p class=\"said\" role=\"alert\" id=\"said\">{text}</p>")
    };
    let page = SIGN_IN
        .replace("{{nonce}}", &nonce)
        .replace("{{said}}", &text);
    let mut response = (status, Html(page)).into_response();
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; img-src data:; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
         trusted-types 'none'"
    );
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::try_from(policy).expect("base64 is ASCII"),
    );
    // With no-referrer a browser would hide the form's Origin from us too, which is checked.
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    );
    if let Said::Slower(seconds) = said {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
