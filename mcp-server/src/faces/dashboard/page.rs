//! The two pages: the one that asks who you are, and the one that shows everything else.

use axum::{
    Extension,
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use doorbell_core::token::Chance;
use doorbell_ingress::machine::SystemChance;

use super::{Desk, Visitor};
use crate::oidc::{LoginError, TokenError};

const APP: &str = include_str!("assets/index.html");
const SIGN_IN: &str = include_str!("assets/sign_in.html");
const KEEP: &str = "document.querySelector('.elsewhere a').addEventListener('click', () => \
     sessionStorage.setItem('doorbell-at', location.hash));";

/// What the sign-in page says above its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing: somebody has just come.
    Nothing,
    /// What was typed lets nobody in.
    Unknown,
    /// A link that was followed before, or too late.
    Stale,
    /// Too many attempts; the next is heard after so many seconds.
    Slower(u64),
    /// The issuer was asked, and nobody was signed in.
    Elsewhere(LoginError),
    /// The issuer knows them and gives them no folder.
    NoFolder,
    /// The store keeps nothing just now.
    NotNow,
}

/// Where a page is shown, for what it links to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// At the root, or beside it: `/sign-in`.
    Root,
    /// One below: `/oidc/callback`, `/assets/app.js`.
    Below,
}

impl At {
    /// By the path that was asked for.
    pub(super) fn of(path: &str) -> Self {
        match path.trim_start_matches('/').contains('/') {
            false => Self::Root,
            true => Self::Below,
        }
    }

    /// The way to the root from there.
    fn up(self) -> &'static str {
        match self {
            Self::Root => "",
            Self::Below => "../",
        }
    }
}

/// The page itself. It holds the CSRF token of its session, so it is never stored.
pub(super) async fn app(visitor: Option<Extension<Visitor>>) -> Response {
    let csrf = visitor.map_or_else(String::new, |visitor| visitor.0.csrf.expose());
    Html(APP.replace("{{csrf}}", &csrf)).into_response()
}

/// The sign-in page: complete in itself, since nothing else of ours is shown to a stranger.
pub(super) fn sign_in(desk: &Desk, said: Said, at: At) -> Response {
    let mut random = [0; 16];
    SystemChance.fill(&mut random);
    let nonce = BASE64_STANDARD.encode(random);
    let (status, text) = match said {
        Said::Nothing => (StatusCode::UNAUTHORIZED, String::new()),
        Said::Unknown => (
            StatusCode::UNAUTHORIZED,
            "This key is unknown or revoked.".to_owned(),
        ),
        Said::Stale => (
            StatusCode::UNAUTHORIZED,
            "This link was used before, or is older than a minute. \
             Make another with: doorbell open"
                .to_owned(),
        ),
        Said::Slower(seconds) => (
            StatusCode::TOO_MANY_REQUESTS,
            format!("Too many attempts. Try again in {seconds} s."),
        ),
        Said::Elsewhere(LoginError::Away | LoginError::Token(TokenError::IssuerAway)) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The issuer cannot be reached just now. Try again shortly.".to_owned(),
        ),
        Said::Elsewhere(LoginError::Unknown) => (
            StatusCode::UNAUTHORIZED,
            "This sign-in was not begun here, or too long ago. Begin again.".to_owned(),
        ),
        Said::Elsewhere(_) => (
            StatusCode::UNAUTHORIZED,
            "The issuer did not sign you in.".to_owned(),
        ),
        Said::NotNow => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The server cannot write just now, so nobody can sign in. Try again shortly."
                .to_owned(),
        ),
        Said::NoFolder => (
            StatusCode::FORBIDDEN,
            "The issuer knows you, and gives you no folder here. Ask whoever runs it.".to_owned(),
        ),
    };
    let text = if text.is_empty() {
        text
    } else {
        format!("<p class=\"said\" role=\"alert\" id=\"said\">{text}</p>")
    };
    // Without an action it posts to its own address, and the browser keeps that address's fragment,
    // which is what of the page was asked for, through the redirect that follows.
    let action = match at {
        At::Root => String::new(),
        At::Below => format!(" action=\"{}sign-in\"", at.up()),
    };
    let elsewhere = elsewhere(desk, at, &nonce);
    let script = if elsewhere.is_empty() {
        String::new()
    } else {
        format!("script-src 'nonce-{nonce}'; ")
    };
    let page = SIGN_IN
        .replace("{{nonce}}", &nonce)
        .replace("{{said}}", &text)
        .replace("{{action}}", &action)
        .replace("{{elsewhere}}", &elsewhere);
    let mut response = (status, Html(page)).into_response();
    let policy = format!(
        "default-src 'none'; {script}style-src 'nonce-{nonce}'; img-src data:; form-action 'self'; \
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

/// The way to the issuer's own page, where there is one. No form: our policy lets those go to us
/// alone, and this is sent on. What of the page was asked for cannot go along, so the browser keeps
/// it meanwhile: `app.js` takes it up again.
fn elsewhere(desk: &Desk, at: At, nonce: &str) -> String {
    let issuer = desk.house.authenticator.issuer();
    let name = issuer.and_then(|issuer| issuer.sign_in_name());
    // A host as a URL has it: letters, digits, dots, dashes, colons, brackets.
    name.map_or_else(String::new, |name| {
        let up = at.up();
        format!(
            "<p class=\"elsewhere\"><a href=\"{up}oidc/login\">Sign in at {name}</a></p>\n\
             <script nonce=\"{nonce}\">{KEEP}</script>"
        )
    })
}
