//! The door in another's program, and another's router on our loop.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    routing::get,
};
use doorbell_core::testing::PATIENCE;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::house::{House, Sender, post};
use crate::{limits::ConnectionLimits, serve};

#[tokio::test]
async fn the_door_can_be_mounted_in_an_axum_program_beside_its_own_routes() {
    let house = House::open().await;
    let token = house.token().await;
    let app = Router::new()
        .route("/", get(|| async { "mine" }))
        .merge(house.door.clone().into_router());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });

    let mut sender = Sender::connect(address).await;
    sender.write(post(&token, "", b"{}")).await;
    sender.reply().await.accepted();
    let by_header =
        format!("POST /hook HTTP/1.1\r\nhost: d\r\nauthorization: bearer {token}\r\n\r\n");
    sender.write(by_header).await;
    sender.reply().await.accepted();
    sender
        .write(format!(
            "GET /hook/{token}?check=me HTTP/1.1\r\nhost: d\r\n\r\n"
        ))
        .await;
    assert_eq!(sender.reply().await.body, b"me");
    sender
        .write(format!("DELETE /hook/{token} HTTP/1.1\r\nhost: d\r\n\r\n"))
        .await;
    sender.reply().await.refusal(405);
    sender
        .write("GET /healthz HTTP/1.1\r\nhost: d\r\n\r\n")
        .await;
    assert_eq!(sender.reply().await.body, b"ok");
    sender.write("GET / HTTP/1.1\r\nhost: d\r\n\r\n").await;
    assert_eq!(sender.reply().await.body, b"mine");
    sender.write(post("nobody", "", b"{}")).await;
    sender.reply().await.refusal(401);

    let stored = house.stored().await;
    assert_eq!(stored.len(), 3);
    assert_eq!(stored[0].head.peer, Some([127, 0, 0, 1].into()));
    serving.abort();
}

/// Serves a router of its own on our loop.
async fn guest(app: Router, limits: ConnectionLimits) -> (Sender, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(serve(listener, move |_| app.clone(), limits, async {
        _ = stopped.await;
    }));
    (Sender::connect(address).await, stop)
}

#[tokio::test]
async fn an_open_stream_outlives_the_time_that_a_connection_may_rest() {
    let (line, lines) = mpsc::channel::<Bytes>(1);
    let lines = std::sync::Mutex::new(Some(lines));
    let stream = move || {
        let mut lines = lines
            .lock()
            .expect("unpoisoned")
            .take()
            .expect("asked once");
        let body = futures_util::stream::poll_fn(move |cx| {
            lines
                .poll_recv(cx)
                .map(|line| line.map(Ok::<_, Infallible>))
        });
        async { Body::from_stream(body) }
    };
    let stream = std::sync::Arc::new(stream);
    let app = Router::new().route("/stream", get(move || stream()));
    let limits = ConnectionLimits {
        head_time: Duration::from_millis(100),
        idle_time: Duration::from_millis(100),
        ..ConnectionLimits::default()
    };
    let (mut client, _stop) = guest(app, limits).await;
    client
        .write("GET /stream HTTP/1.1\r\nhost: d\r\n\r\n")
        .await;
    let mut seen = Vec::new();
    let mut beat = tokio::time::interval(Duration::from_millis(60));
    for n in b'0'..=b'9' {
        beat.tick().await;
        line.send(Bytes::copy_from_slice(&[b'#', n]))
            .await
            .expect("still open");
        while !seen.ends_with(&[b'#', n, b'\r', b'\n']) {
            let more = client.read().await;
            assert!(!more.is_empty(), "cut off after {seen:?}");
            seen.extend(more);
        }
    }
}

#[tokio::test]
async fn a_caller_that_hangs_up_on_a_long_poll_cancels_it() {
    let (asked, mut begun) = mpsc::channel::<oneshot::Receiver<()>>(1);
    let app = Router::new().route(
        "/poll",
        get(move || {
            let asked = asked.clone();
            async move {
                let (held, dropped) = oneshot::channel::<()>();
                asked.send(dropped).await.expect("the test waits");
                std::future::pending::<()>().await;
                drop(held);
            }
        }),
    );
    let limits = ConnectionLimits {
        half_close: false,
        ..ConnectionLimits::default()
    };
    let (mut client, _stop) = guest(app, limits).await;
    client.write("GET /poll HTTP/1.1\r\nhost: d\r\n\r\n").await;
    let dropped = begun.recv().await.expect("asked");
    drop(client);
    let gone = timeout(PATIENCE, dropped).await.expect("cancelled");
    assert!(gone.is_err());
}
