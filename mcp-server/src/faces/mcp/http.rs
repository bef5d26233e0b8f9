//! `/mcp`: Streamable HTTP, without sessions.
//!
//! No session means that nothing is lost with the server: a 2025-11-25 client goes on after a
//! restart, whatever session id it still holds.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request, http::HeaderValue, response::Response};
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
};
use tower::service_fn;

use super::{
    front::{self, Answers},
    handler::Handler,
    reach::InHouse,
};
use crate::house::House;

/// The largest request body that is read, in bytes. Nothing is uploaded here.
const MAX_REQUEST: usize = 1024 * 1024;

/// How often a waiting answer says that it lives: clients and proxies give up on silence.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

type Service = StreamableHttpService<Handler<InHouse>, NeverSessionManager>;

/// `/mcp`, without its guard: mount it behind [`crate::faces::guard`], which checks `Host` and
/// `Origin` and says who calls.
///
/// The listener must not be told to allow half-closed connections: a waiting receive would not
/// learn that its client has gone.
pub fn http(house: Arc<House>) -> Router {
    let handler = Handler::new(Arc::new(InHouse(house)));
    let both = Both {
        events: service(&handler, false),
        json: service(&handler, true),
    };
    let served = service_fn(move |request: Request| {
        let both = both.clone();
        async move { Ok(front::serve(both, request).await) }
    });
    Router::new()
        .route_service("/mcp", served.clone())
        .route_service("/mcp/", served)
}

fn service(handler: &Handler<InHouse>, json: bool) -> Service {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(json)
        .with_sse_keep_alive(Some(KEEP_ALIVE))
        .with_max_request_body_bytes(MAX_REQUEST)
        // The guard knows which names are ours; rmcp's own list knows loopback alone.
        .disable_allowed_hosts()
        .disable_allowed_origins();
    let handler = handler.clone();
    StreamableHttpService::new(
        move || Ok(handler.clone()),
        Arc::new(NeverSessionManager::default()),
        config,
    )
}

/// The same handler, answering with events, so that a wait can be kept alive, or with JSON.
#[derive(Clone)]
struct Both {
    events: Service,
    json: Service,
}

impl Answers for Both {
    async fn answer(self, request: Request, events: bool) -> Response {
        let service = if events { self.events } else { self.json };
        let mut response = service.handle(request).await.map(Body::new);
        // nginx would hold events back until its buffer is full.
        let headers = response.headers_mut();
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }
}
