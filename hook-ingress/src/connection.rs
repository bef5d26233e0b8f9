//! One connection, from its first byte to its last.

use std::{
    convert::Infallible,
    error::Error,
    future::{pending, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
};

use http::{Request, Response};
use http_body::Body;
use hyper::{body::Incoming, server::conn::http1};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep_until, timeout},
};
use tower::Service;

use crate::{
    limits::ConnectionLimits,
    malformed,
    pulse::{Noted, Pulse, Socket},
    rejection::Rejection,
    stop::{Stage, Stop},
};

/// How much of what is thrown away is read at once.
const DRAIN_CHUNK: usize = 16 * 1024;

/// Serves a connection until it ends, takes too long, or is told to stop.
pub(crate) async fn drive<S, B>(
    stream: TcpStream,
    pulse: Arc<Pulse>,
    service: S,
    limits: &ConnectionLimits,
    stop: &Stop,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Unpin,
    S::Future: Unpin,
    B: Body + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let socket = Socket::new(stream, pulse.clone());
    let mut connection = http1::Builder::new()
        .max_headers(limits.header_count)
        .max_buf_size(limits.head_bytes)
        .half_close(limits.half_close)
        // Some paste a blank behind their URL (RFC 9112, section 3, lets it pass).
        .allow_multiple_spaces_in_request_line_delimiters(true)
        // Ours tells a slow head from a rest; see `pulse`.
        .header_read_timeout(None)
        .serve_connection(socket, Noted::new(service, pulse.clone()));

    let mut armed = Instant::now() + limits.head_time;
    let mut timer = pin!(sleep_until(armed));
    let mut finish = pin!(stop.finish_begins());
    let mut abandon = pin!(stop.abandon_begins());
    let mut closing = pin!(pulse.closing());
    let mut stage = Stage::Serve;
    let mut listening = false;

    let ended = poll_fn(|cx| {
        if !listening {
            // Once is enough, as a task's waker stays the same: polling these takes a lock that
            // all connections share. The stage tells what they woke us for.
            listening = true;
            let _ = finish.as_mut().poll(cx);
            let _ = abandon.as_mut().poll(cx);
            let _ = closing.as_mut().poll(cx);
        }
        if pulse.is_closed() {
            return Poll::Ready(None);
        }
        let told = stop.stage();
        if told > stage {
            stage = told;
            if stage == Stage::Abandon {
                return Poll::Ready(None);
            }
            Pin::new(&mut connection).graceful_shutdown();
        }
        if let Poll::Ready(ended) = connection.poll_without_shutdown(cx) {
            return Poll::Ready((!pulse.is_closed()).then_some(ended));
        }
        loop {
            // While a request is answered, its own limits hold.
            let due = pulse.deadline(limits);
            if let Some(due) = due
                && due < armed
            {
                armed = due;
                timer.as_mut().reset(armed);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if due.is_some_and(|due| due <= armed) {
                return Poll::Ready(None);
            }
            armed = due.unwrap_or_else(|| Instant::now() + limits.head_time);
            timer.as_mut().reset(armed);
        }
    })
    .await;

    if let Some(ended) = ended {
        let parts = connection.into_parts();
        let (mut stream, held_back) = parts.io.into_parts();
        let no = ended
            .err()
            .and_then(|error| malformed::refusal(&error, &held_back, &parts.read_buf, limits));
        if let Some(no) = no {
            let refuse = limits.refuse.unwrap_or(malformed::at_the_door);
            let answer = malformed::written(refuse(&no), &held_back);
            // It is short, so only a sender that reads nothing at all keeps it from being written.
            let _ = timeout(limits.drain_time, stream.write_all(&answer)).await;
        }
        linger(stream, limits).await;
    }
}

/// Says to a connection that it is not served, before it has sent anything.
pub(crate) async fn refuse(mut stream: TcpStream, no: &Rejection, limits: &ConnectionLimits) {
    let refuse = limits.refuse.unwrap_or(malformed::at_the_door);
    let answer = malformed::written(refuse(no), &[]);
    if let Ok(Ok(())) = timeout(limits.drain_time, stream.write_all(&answer)).await {
        linger(stream, limits).await;
    }
}

/// Closes our half and lets the sender finish, so that it reads the answer: closing a socket with
/// unread bytes resets it, and a reset may overtake the answer.
async fn linger(mut stream: TcpStream, limits: &ConnectionLimits) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let drained = async {
        let mut chunk = vec![0; DRAIN_CHUNK];
        let mut left = limits.drain_bytes;
        while left > 0 {
            match stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(read) => left = left.saturating_sub(read),
            }
        }
        // It sends still. No more is read, but it has the rest of the time to see the answer.
        pending::<()>().await;
    };
    // Whether it finished or the time ran out, the connection is over.
    let _ = timeout(limits.drain_time, drained).await;
}
