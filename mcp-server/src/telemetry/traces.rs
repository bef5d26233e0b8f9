//! Traces over OTLP: with the feature `otlp`, and where `OTEL_EXPORTER_OTLP_ENDPOINT` or its like says
//! to whom. Without the feature nothing of it is in the program, and these do nothing.

#[cfg(feature = "otlp")]
pub use super::otlp::Traces;

/// Nothing: this program was built without the feature `otlp`.
#[cfg(not(feature = "otlp"))]
#[derive(Clone, Copy, Debug)]
pub struct Traces;

#[cfg(not(feature = "otlp"))]
impl Traces {
    /// Traces nothing.
    pub fn begin() -> Self {
        Self
    }

    /// The front door as it is.
    pub fn door<S>(&self, service: S) -> S {
        service
    }

    /// The control listener as it is.
    pub fn control(&self, router: axum::Router) -> axum::Router {
        router
    }

    /// There is nothing to send.
    #[expect(clippy::unused_async, reason = "with the feature it waits")]
    pub async fn end(self) {}
}
