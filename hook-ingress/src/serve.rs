//! The accept loop under every listener of ours.
//!
//! `axum::serve` shows no limits of hyper's, answers 100 headers with a bare 431, and resets a
//! sender that is refused before its body was read; this loop does not.

use std::{convert::Infallible, error::Error, io, net::SocketAddr, sync::Arc, time::Duration};

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tower::Service;

use crate::{
    connection::{drive, refuse},
    connections::{Connections, Room},
    limits::ConnectionLimits,
    log_limit::LineLimit,
    peer::Peer,
    pulse::Pulse,
    rejection::Rejection,
    stop::Stop,
};

/// How long to rest when the machine has no more files to open.
const BACK_OFF: Duration = Duration::from_millis(100);
/// How many connections at once are told that there is no place for them.
const REFUSING: usize = 16;

/// Serves a listener until `stop` resolves, then finishes what is in flight and returns.
///
/// `make` gives each connection its service: `|peer| door.for_peer(peer)`, or a clone of an axum
/// router. The service must always be ready. It returns when every connection has ended, at the
/// latest `shutdown_time` and `drain_time` after `stop`; requests that took longer are cut off.
pub async fn serve<M, S, B>(
    listener: TcpListener,
    make: M,
    limits: ConnectionLimits,
    stop: impl Future<Output = ()>,
) where
    M: Fn(SocketAddr) -> S,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + Unpin + 'static,
    S::Future: Send + Unpin + 'static,
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let connections = Connections::new(limits.bound());
    let lines = LineLimit::default();
    let refusing = Arc::new(Semaphore::new(REFUSING));
    let word = Arc::new(Stop::default());
    let accepting = async {
        loop {
            connections.settle().await;
            let (stream, address) = accept(&listener, &connections, &lines).await;
            let (peer, pulse) = (Peer::of(address.ip()), Pulse::new());
            match connections.admit(peer, &pulse) {
                Ok((place, room)) => {
                    if room == Room::Made
                        && let Some(kept_back) = lines.take(std::time::Instant::now())
                    {
                        tracing::warn!(%peer, kept_back, "connections run out; one at rest was closed");
                    }
                    let service = make(address);
                    let word = word.clone();
                    tokio::spawn(async move {
                        drive(stream, pulse, service, &limits, &word).await;
                        drop(place);
                    });
                }
                Err(why) => {
                    if let Some(kept_back) = lines.take(std::time::Instant::now()) {
                        tracing::warn!(%peer, kept_back, "connections run out; one was refused");
                    }
                    // Those that cannot even be told so just find it closed.
                    if let Ok(place) = Arc::clone(&refusing).try_acquire_owned() {
                        tokio::spawn(async move {
                            refuse(stream, &Rejection::Connections(why), &limits).await;
                            drop(place);
                        });
                    }
                }
            }
        }
    };
    tokio::select! {
        () = stop => {}
        () = accepting => {}
    }
    drop(listener);
    word.finish();
    if timeout(limits.shutdown_time, connections.gone())
        .await
        .is_err()
    {
        word.abandon();
        // Those that linger are not interrupted, as their time is short.
        let _ = timeout(limits.drain_time, connections.gone()).await;
    }
}

/// The next connection.
async fn accept(
    listener: &TcpListener,
    connections: &Connections,
    lines: &LineLimit,
) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                // Answers are small and whole; waiting to fill a packet only delays them.
                let _ = stream.set_nodelay(true);
                return (stream, address);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // What the machine has too little of, one connection less may give back.
                connections.close_one();
                if let Some(kept_back) = lines.take(std::time::Instant::now()) {
                    tracing::warn!(%error, kept_back, "cannot accept connections; trying again");
                }
                sleep(BACK_OFF).await;
            }
        }
    }
}

/// Errors that a caller made who hung up before it was taken.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
