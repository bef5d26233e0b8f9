//! `/.well-known/oauth-protected-resource` (RFC 9728): who issues tokens for this server. There only
//! with `--oidc-issuer`, and for whoever asks, since a stranger is whom it is for.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, header::CACHE_CONTROL},
    response::IntoResponse,
    routing::get,
};

use super::rest::Problem;
use crate::{
    oidc::{Issuer, Resource},
    refusal::Refusal,
};

/// Both descriptions: of the whole listener, and of `/mcp`. Mount it behind
/// [`super::guard::meant_for_us`].
pub fn well_known(issuer: Arc<Issuer>) -> Router {
    Router::new()
        .route("/.well-known/oauth-protected-resource", get(whole))
        .route("/.well-known/oauth-protected-resource/mcp", get(mcp))
        .with_state(issuer)
}

/// What is not described is not there, for a stranger too: MCP clients look here for an issuer before
/// they have a credential, and would take a 401 for one.
pub fn nothing_else() -> Router {
    Router::new().route("/.well-known/{*path}", get(nowhere))
}

async fn nowhere() -> Problem {
    let why = "there is nothing at this path: this server describes no such thing of itself";
    Problem(Refusal::NotFound(why.to_owned()))
}

async fn whole(State(issuer): State<Arc<Issuer>>, headers: HeaderMap) -> impl IntoResponse {
    describe(&issuer, Resource::Whole, &headers)
}

async fn mcp(State(issuer): State<Arc<Issuer>>, headers: HeaderMap) -> impl IntoResponse {
    describe(&issuer, Resource::Mcp, &headers)
}

/// It depends on the `Host` asked for, so nobody keeps it.
fn describe(issuer: &Issuer, resource: Resource, headers: &HeaderMap) -> impl IntoResponse + use<> {
    let document = issuer.description(resource, headers);
    ([(CACHE_CONTROL, "no-store")], Json(document))
}
