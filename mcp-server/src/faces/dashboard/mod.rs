//! The dashboard at `/`: for people who would rather look than read.
//!
//! A page of plain HTML, CSS and ES modules, embedded as they lie in `assets/`; all it shows comes
//! from `/v1`, like anyone's. What is here is how a browser signs in and out, and the headers that
//! keep what strangers posted from ever becoming more than text.

mod assets;
mod attempts;
mod headers;
mod login;
mod mount;
mod page;
mod sign_in;
mod sign_in_link;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{
        Method,
        header::{AUTHORIZATION, COOKIE},
    },
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};

use super::guard::{Hosts, meant_for_us};
use crate::{
    caller::browser::{Csrf, Shown},
    house::House,
};

/// What the handlers share.
struct Desk {
    house: Arc<House>,
    hosts: Arc<Hosts>,
    attempts: attempts::Attempts,
}

/// Everything of the dashboard, guards and all.
pub fn dashboard(house: Arc<House>, hosts: Arc<Hosts>) -> Router {
    let desk = Arc::new(Desk {
        house,
        hosts: Arc::clone(&hosts),
        attempts: attempts::Attempts::default(),
    });
    Router::new()
        // The form posts to where it is shown, so that the browser keeps what it was on its way to.
        .route("/", get(page::app).post(sign_in::sign_in))
        .route("/assets/{file}", get(assets::asset))
        .route("/sign-in", get(sign_in::form).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/oidc/login", get(login::leave))
        .route("/oidc/callback", get(login::come_back))
        .layer(middleware::from_fn_with_state(Arc::clone(&desk), let_in))
        .layer(middleware::from_fn_with_state(hosts, meant_for_us))
        .layer(middleware::map_response(headers::dress))
        .with_state(desk)
}

/// Shows the sign-in page, as a 401, to whoever is not signed in. What was shown goes no further
/// than the handlers that need it.
async fn let_in(State(desk): State<Arc<Desk>>, mut request: Request, next: Next) -> Response {
    let headers = request.headers_mut();
    let bearer = headers.contains_key(AUTHORIZATION);
    let shown = Shown::find(headers).filter(|_| !bearer);
    let authenticator = &desk.house.authenticator;
    let signed_in = if bearer {
        authenticator.authenticate(headers).await.is_ok()
    } else {
        match &shown {
            None => false,
            Some(shown) => authenticator.browser(shown).await.is_some(),
        }
    };
    let binder = login::Binder::find(headers);
    headers.remove(AUTHORIZATION);
    headers.remove(COOKIE);
    if let Some(binder) = binder {
        request.extensions_mut().insert(binder);
    }
    let path = request.uri().path();
    let signing_in = path == "/sign-in"
        || path.starts_with("/oidc/")
        || (path == "/" && request.method() == Method::POST);
    if !signed_in && !signing_in {
        return page::sign_in(&desk, page::Said::Nothing, page::At::of(path));
    }
    if let Some(shown) = shown {
        let visitor = Visitor {
            csrf: shown.secret.csrf(),
            shown: Arc::new(shown),
            signed_in,
        };
        request.extensions_mut().insert(visitor);
    }
    next.run(request).await
}

/// Whoever came with a cookie.
#[derive(Clone)]
struct Visitor {
    shown: Arc<Shown>,
    csrf: Csrf,
    /// Whether the cookie is of any use still.
    signed_in: bool,
}
