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
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tower::Service;

use crate::{connection::drive, limits::ConnectionLimits, stop::Stop};

/// How long to rest when the machine has no more files to open.
const BACK_OFF: Duration = Duration::from_millis(100);

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
    let most = limits.connections.clamp(1, Semaphore::MAX_PERMITS);
    let room = Arc::new(Semaphore::new(most));
    let word = Arc::new(Stop::default());
    let accepting = async {
        loop {
            let (stream, peer, place) = accept(&listener, &room).await;
            let service = make(peer);
            let word = word.clone();
            tokio::spawn(async move {
                drive(stream, service, &limits, &word).await;
                drop(place);
            });
        }
    };
    tokio::select! {
        () = stop => {}
        () = accepting => {}
    }
    drop(listener);
    word.finish();
    let everyone = u32::try_from(most).unwrap_or(u32::MAX);
    if timeout(limits.shutdown_time, room.acquire_many(everyone))
        .await
        .is_err()
    {
        word.abandon();
        // Those that linger are not interrupted, as their time is short.
        let _ = timeout(limits.drain_time, room.acquire_many(everyone)).await;
    }
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let place = room.clone().acquire_owned().await;
    let place = place.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are small and whole; waiting to fill a packet only delays them.
                let _ = stream.set_nodelay(true);
                return (stream, peer, place);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections; trying again");
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
