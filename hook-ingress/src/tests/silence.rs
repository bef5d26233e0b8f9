//! What is logged, and what never is.

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use tracing::{Event, Metadata, Subscriber, field, span};

use super::house::House;

/// Hears everything, at every level.
#[derive(Clone, Default)]
struct Ear {
    heard: Arc<Mutex<String>>,
    spans: Arc<AtomicU64>,
}

impl Ear {
    fn text(&self) -> String {
        self.heard.lock().expect("unpoisoned").clone()
    }
}

impl field::Visit for &Ear {
    fn record_debug(&mut self, field: &field::Field, value: &dyn fmt::Debug) {
        let mut heard = self.heard.lock().expect("unpoisoned");
        heard.push_str(&format!("{}={value:?} ", field.name()));
    }
}

impl Subscriber for Ear {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        attributes.record(&mut &*self);
        span::Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }
    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut &*self);
    }
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut &*self);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn the_log_names_the_route_and_the_message_and_never_the_token() {
    let ear = Ear::default();
    let _hearing = tracing::subscriber::set_default(ear.clone());
    let house = House::open().await;
    let token = house.token().await;
    let id = house.post(&token, "", b"secret body").await.accepted();
    house
        .post(&format!("{token}x"), "", b"{}")
        .await
        .refusal(401);
    house
        .post(&format!("{token}/x"), "", b"{}")
        .await
        .refusal(404);
    house
        .send(format!(
            "GET /hook/{token}?challenge=secret+question HTTP/1.1\r\nhost: d\r\n\r\n"
        ))
        .await;
    let bearer = format!(
        "DELETE /hook?t={token} HTTP/1.1\r\nhost: d\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    house.send(bearer).await.refusal(405);
    let text = ear.text();
    for said in [
        "/hook/{token}",
        "hook:acme/eng/github",
        &*id,
        "bytes=11",
        "kind=\"handshake\"",
        "method_not_allowed",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(!text.contains(&token[4..40]), "{text}");
    for secret in ["secret body", "secret question", "secret+question"] {
        assert!(!text.contains(secret), "{text}");
    }
}
