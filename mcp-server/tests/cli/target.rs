//! Where messages are forwarded to: keeps what came, answers as it is told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, Uri},
};
use doorbell_core::testing::PATIENCE;
use tokio::{net::TcpListener, sync::mpsc};

/// One request as it came.
pub(crate) struct Came {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

pub(crate) struct Target {
    pub(crate) url: String,
    came: mpsc::UnboundedReceiver<Came>,
}

#[derive(Clone)]
struct Answers {
    statuses: Arc<Mutex<VecDeque<u16>>>,
    came: mpsc::UnboundedSender<Came>,
}

impl Target {
    /// Answers with these statuses in turn, then with 204.
    pub(crate) async fn answering(statuses: &[u16]) -> Self {
        let (sender, came) = mpsc::unbounded_channel();
        let answers = Answers {
            statuses: Arc::new(Mutex::new(statuses.iter().copied().collect())),
            came: sender,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let url = format!("http://{}/in", listener.local_addr().expect("bound"));
        let app = Router::new().fallback(take).with_state(answers);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, came }
    }

    pub(crate) async fn next(&mut self) -> Came {
        tokio::time::timeout(PATIENCE, self.came.recv())
            .await
            .expect("in time")
            .expect("the target lives")
    }
}

async fn take(State(answers): State<Answers>, request: Request) -> StatusCode {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX)
        .await
        .expect("a body");
    let came = Came {
        method: head.method,
        uri: head.uri,
        headers: head.headers,
        body,
    };
    answers.came.send(came).expect("the test listens");
    let next = answers.statuses.lock().expect("unpoisoned").pop_front();
    StatusCode::from_u16(next.unwrap_or(204)).expect("a status")
}
