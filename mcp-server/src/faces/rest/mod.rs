//! `/v1`: the same shapes and names as the tools, as boring HTTP.

mod ask;
mod backup;
mod channels;
mod health;
mod keys;
mod messages;
mod problem;
mod stream;
mod tokens;

use std::sync::Arc;

use axum::{
    Router,
    routing::{delete, get, post},
};

pub use problem::Problem;

use crate::house::House;

/// The largest request body that is read, in bytes.
const MAX_REQUEST: usize = 1024 * 1024;

/// Every path under `/v1`, without its guard: mount it behind [`super::guard`].
pub fn v1(house: Arc<House>) -> Router {
    Router::new()
        .route("/v1/route_tokens", get(tokens::list))
        .route("/v1/route_tokens/hook", post(tokens::issue_webhook))
        .route("/v1/route_tokens/chat", post(tokens::issue_chat))
        .route("/v1/route_tokens/{*jid}", delete(tokens::revoke))
        .route("/v1/messages", get(messages::read))
        .route("/v1/messages/receive", post(messages::receive))
        .route("/v1/messages/ack", post(messages::ack))
        .route("/v1/messages/nack", post(messages::nack))
        .route("/v1/messages/{id}", get(messages::show))
        .route("/v1/messages/{id}/replay", post(messages::replay))
        .route("/v1/channels", get(channels::list).post(channels::expose))
        .route("/v1/channels/{grant_id}", delete(channels::revoke))
        .route(
            "/v1/sessions",
            get(channels::list_sessions).post(channels::open_session),
        )
        .route("/v1/sessions/{id}", delete(channels::end_session))
        .route("/v1/signing_keys/rotate", post(channels::rotate))
        .route("/v1/stream", get(stream::stream))
        .route("/v1/keys", get(keys::list).post(keys::issue))
        .route("/v1/keys/{key_id}", delete(keys::revoke))
        .route("/v1/backup", get(backup::download))
        .method_not_allowed_fallback(problem::method_not_allowed)
        .fallback(problem::not_found)
        .with_state(house)
}

/// `/healthz` and `/readyz`: for whoever asks, without a credential.
pub fn health(house: Arc<House>) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .with_state(house)
}
