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

use crate::oidc::{Issuer, Resource};

/// Both descriptions: of the whole listener, and of `/mcp`. Mount it behind
/// [`super::guard::meant_for_us`].
pub fn well_known(issuer: Arc<Issuer>) -> Router {
    Router::new()
        .route("/.well-known/oauth-protected-resource", get(whole))
        .route("/.well-known/oauth-protected-resource/mcp", get(mcp))
        .with_state(issuer)
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
