//! What is traced: every request to the front door, and every one to the control listener.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    Router,
    extract::{MatchedPath, Request as Asking},
    middleware::{self, Next},
};
use doorbell_ingress::router::route_of;
use http::{Request, Response};
use tower::Service;

use super::Traces;

/// What a request that nothing is served for is called.
const NOTHING: &str = "(none)";

/// The front door's service for one connection, with a span for each request.
#[derive(Clone, Debug)]
pub struct Traced<S> {
    traces: Traces,
    service: S,
}

impl<S> Traced<S> {
    pub(super) fn new(traces: Traces, service: S) -> Self {
        Self { traces, service }
    }
}

impl<S, A, B> Service<Request<A>> for Traced<S>
where
    S: Service<Request<A>, Response = Response<B>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<B>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let route = route_of(request.uri().path()).unwrap_or(NOTHING);
        let span = self
            .traces
            .request(request.method(), route, request.headers());
        let answer = self.service.call(request);
        Box::pin(async move {
            let response = answer.await?;
            if let Some(span) = span {
                span.answered(&response);
            }
            Ok(response)
        })
    }
}

/// A router, with a span for each request.
pub(super) fn traced_router(traces: &Traces, router: Router) -> Router {
    if traces.0.is_none() {
        return router;
    }
    let traces = traces.clone();
    router.layer(middleware::from_fn(move |request: Asking, next: Next| {
        let traces = traces.clone();
        async move {
            let matched = request.extensions().get::<MatchedPath>();
            let route = matched.map_or(NOTHING, MatchedPath::as_str).to_owned();
            let span = traces.request(request.method(), &route, request.headers());
            let response = next.run(request).await;
            if let Some(span) = span {
                span.answered(&response);
            }
            response
        }
    }))
}
