//! A span for each request: it names the route, never the path, and belongs to the sender's trace
//! where that said which.

mod client;
mod served;

use std::sync::Arc;

use axum::Router;
use doorbell_ingress::trace::TraceParent;
use http::{HeaderMap, Method, Response};
use opentelemetry::{
    Context, KeyValue,
    trace::{
        Span, SpanContext, SpanKind, Status, TraceContextExt, TraceFlags, TraceState, Tracer,
        TracerProvider,
    },
};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider},
};

use self::{client::Client, served::Traced};
use crate::config;

/// Where spans go; nowhere, if nobody said.
#[derive(Clone, Debug)]
pub struct Traces(Option<Arc<Sending>>);

#[derive(Debug)]
struct Sending {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Traces {
    /// Begins to send, if the environment says to whom. What cannot be used is said, and stops
    /// nothing. It has to be called on the runtime that sends.
    pub fn begin() -> Self {
        if !config::traces_wanted() {
            return Self(None);
        }
        match Sending::begin() {
            Ok(sending) => Self(Some(Arc::new(sending))),
            Err(error) => {
                tracing::error!(%error, "no traces are sent");
                Self(None)
            }
        }
    }

    /// The front door, traced.
    pub fn door<S>(&self, service: S) -> Traced<S> {
        Traced::new(self.clone(), service)
    }

    /// The control listener, traced.
    pub fn control(&self, router: Router) -> Router {
        served::traced_router(self, router)
    }

    /// Sends what is left.
    pub async fn end(self) {
        let Some(sending) = self.0 else { return };
        let shut = tokio::task::spawn_blocking(move || sending.provider.shutdown()).await;
        if let Ok(Err(error)) = shut {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }

    /// Begins the span of a request.
    fn request(&self, method: &Method, route: &str, headers: &HeaderMap) -> Option<Asked> {
        let tracer = &self.0.as_ref()?.tracer;
        let method = known(method);
        let builder = tracer
            .span_builder(format!("{method} {route}"))
            .with_kind(SpanKind::Server)
            .with_attributes([
                KeyValue::new("http.request.method", method),
                KeyValue::new("http.route", route.to_owned()),
            ]);
        let parent = TraceParent::read(headers).map_or_else(Context::new, remote);
        Some(Asked(builder.start_with_context(tracer, &parent)))
    }
}

impl Sending {
    fn begin() -> Result<Self, Box<dyn std::error::Error>> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new()?)
            .build()?;
        let mut resource = Resource::builder();
        if !config::service_is_named() {
            resource = resource.with_service_name("doorbell");
        }
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.with_attribute(version).build())
            .build();
        let tracer = provider.tracer("doorbell");
        Ok(Self { provider, tracer })
    }
}

/// The sender's span, as the parent of ours.
fn remote(said: TraceParent) -> Context {
    let flags = match said.sampled {
        true => TraceFlags::SAMPLED,
        false => TraceFlags::default(),
    };
    let state = TraceState::default();
    let span = SpanContext::new(said.trace.into(), said.span.into(), flags, true, state);
    Context::new().with_remote_span_context(span)
}

/// A method by its name, if it is one that everybody knows: a sender may make up others.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "_OTHER",
    }
}

/// The span of a request that is being answered. One that is not answered ends when it is dropped.
struct Asked(opentelemetry_sdk::trace::Span);

impl Asked {
    fn answered<B>(mut self, response: &Response<B>) {
        let status = response.status();
        self.0.set_attribute(KeyValue::new(
            "http.response.status_code",
            i64::from(status.as_u16()),
        ));
        // Ours, so it is an id and nothing else.
        let id = response.headers().get("x-message-id");
        if let Some(id) = id.and_then(|id| id.to_str().ok()) {
            let id = KeyValue::new("doorbell.message.id", id.to_owned());
            self.0.set_attribute(id);
        }
        if status.is_server_error() {
            self.0.set_status(Status::error(""));
        }
        self.0.end();
    }
}
