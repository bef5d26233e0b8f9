//! `/v1`: the same shapes and names as the tools, as boring HTTP.

mod ask;
mod backup;
mod channels;
mod describe;
mod health;
mod keys;
mod messages;
mod metrics;
mod openapi;
mod overview;
mod paging;
mod problem;
mod routes;
mod sessions;
mod sign_in_links;
mod stream;
mod test_messages;
mod tokens;

use std::sync::Arc;

use axum::{Router, routing::get};

pub use problem::Problem;
pub(crate) use problem::not_http;

use crate::house::House;

/// The largest request body that is read, in bytes.
const MAX_REQUEST: usize = 1024 * 1024;

/// Every path under `/v1`, the document that describes them, and `/metrics`, without their guard:
/// mount it behind [`super::guard`].
pub fn v1(house: Arc<House>) -> Router {
    openapi::mounted(routes)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .fallback(problem::not_found)
        .with_state(house)
}

/// Every room's endpoints.
fn routes() -> describe::Routes {
    openapi::routes()
        .merge(tokens::routes())
        .merge(messages::routes())
        .merge(stream::routes())
        .merge(test_messages::routes())
        .merge(channels::routes())
        .merge(sessions::routes())
        .merge(routes::routes())
        .merge(keys::routes())
        .merge(sign_in_links::routes())
        .merge(backup::routes())
        .merge(metrics::routes())
        .merge(overview::routes())
}

/// `/healthz` and `/readyz`: for whoever asks, without a credential.
pub fn health(house: Arc<House>) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .with_state(house)
}
