//! What is served where: `/hook/<token>`, `/hook`, `/healthz`, and nothing else.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, extract::ConnectInfo};
use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response,
    header::{CONTENT_TYPE, ORIGIN},
};
use http_body::Body;
use http_body_util::Full;
use tower::Service;
use tracing::Instrument;

use crate::{
    browsers, framing,
    front_door::FrontDoor,
    path::{Route, route},
    receive::receive,
    rejection::Rejection,
};

/// The route that a path belongs to, as it may be named; none, if nothing is served there.
pub fn route_of(path: &str) -> Option<&'static str> {
    match route(path) {
        Route::Hook("") => Some("/hook"),
        Route::Hook(_) => Some("/hook/{token}"),
        Route::Healthz => Some("/healthz"),
        Route::Nothing => None,
    }
}

impl FrontDoor {
    /// Answers one request. `peer` is where its connection came from.
    pub async fn answer<B: Body<Data = Bytes>>(
        &self,
        request: Request<B>,
        peer: Option<IpAddr>,
    ) -> Response<Full<Bytes>> {
        let from_a_page = request.headers().contains_key(ORIGIN);
        let mut response = self.answer_any(request, peer).await;
        if from_a_page {
            browsers::open(response.headers_mut());
        }
        response
    }

    async fn answer_any<B: Body<Data = Bytes>>(
        &self,
        request: Request<B>,
        peer: Option<IpAddr>,
    ) -> Response<Full<Bytes>> {
        if let Err(no) = framing::check(&request) {
            return self.refuse(&no, &request);
        }
        // The path is kept apart: the span and every log line below may only name the route.
        let path = request.uri().clone();
        match route(path.path()) {
            Route::Hook("") => {
                let span = tracing::debug_span!("request", route = "/hook");
                receive(&self.0, request, "", peer).instrument(span).await
            }
            Route::Hook(token) => {
                let span = tracing::debug_span!("request", route = "/hook/{token}");
                receive(&self.0, request, token, peer)
                    .instrument(span)
                    .await
            }
            Route::Healthz if matches!(*request.method(), Method::GET | Method::HEAD) => {
                let mut ok = Response::new(Full::from("ok"));
                let plain = HeaderValue::from_static("text/plain; charset=utf-8");
                ok.headers_mut().insert(CONTENT_TYPE, plain);
                ok
            }
            Route::Healthz => {
                self.refuse(&Rejection::Method(&[Method::GET, Method::HEAD]), &request)
            }
            Route::Nothing => self.refuse(&Rejection::Path, &request),
        }
    }

    /// Says no to a request whose path alone decides, which takes no time.
    fn refuse<B: Body>(&self, no: &Rejection, request: &Request<B>) -> Response<Full<Bytes>> {
        self.0.figures.count_refused(no, Duration::ZERO);
        no.respond(!request.body().is_end_stream())
    }

    /// The door as a service for one connection; what [`serve`](crate::serve::serve) asks for.
    pub fn for_peer(&self, peer: SocketAddr) -> PeerService {
        PeerService {
            door: self.clone(),
            peer: Some(peer.ip()),
        }
    }

    /// The door's routes, to be merged into another program's. The peer's address is known where
    /// that program serves with `into_make_service_with_connect_info::<SocketAddr>()`. Its server
    /// decides what happens to a refused sender that is still sending; ours lets it finish.
    pub fn into_router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let service = PeerService {
            door: self,
            peer: None,
        };
        Router::new()
            .route_service("/hook", service.clone())
            .route_service("/hook/", service.clone())
            .route_service("/hook/{*token}", service.clone())
            .route_service("//hook", service.clone())
            .route_service("//hook/{*token}", service.clone())
            .route_service("/healthz", service)
    }
}

/// The front door, for requests from one peer.
#[derive(Clone)]
pub struct PeerService {
    door: FrontDoor,
    peer: Option<IpAddr>,
}

impl<B: Body<Data = Bytes> + Send + 'static> Service<Request<B>> for PeerService {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let door = self.door.clone();
        let peer = self.peer.or_else(|| {
            let info = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
            Some(info.0.ip())
        });
        Box::pin(async move { Ok(door.answer(request, peer).await) })
    }
}
