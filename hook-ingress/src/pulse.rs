//! What a connection is doing, so that one timer can tell a slow head from a rest.
//!
//! hyper's own head timer also runs while a kept-alive connection rests, and is made anew for each
//! request. Here the socket, the service and the answer's body each leave a note, and the timer
//! is looked at only when it fires.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::{
    body::Incoming,
    rt::{Read, ReadBufCursor, Write},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::Instant};
use tower::Service;

use crate::limits::ConnectionLimits;

/// The notes of one connection. One task writes and reads them.
pub(crate) struct Pulse {
    opened: Instant,
    /// A request is being answered.
    busy: AtomicBool,
    /// An answer of the service's may not be wholly written yet.
    unwritten: AtomicBool,
    /// Bytes of a head have come and the request has not begun.
    head: AtomicBool,
    /// When that, or the rest, began: milliseconds since the connection was opened.
    since: AtomicU64,
}

impl Pulse {
    /// A new connection owes a head from its start.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            opened: Instant::now(),
            busy: AtomicBool::new(false),
            unwritten: AtomicBool::new(false),
            head: AtomicBool::new(true),
            since: AtomicU64::new(0),
        })
    }

    /// When the connection has taken too long over what it is doing, if that has an end.
    pub(crate) fn deadline(&self, limits: &ConnectionLimits) -> Option<Instant> {
        if self.busy.load(Ordering::Relaxed) {
            return None;
        }
        let since = self.opened + Duration::from_millis(self.since.load(Ordering::Relaxed));
        Some(if self.head.load(Ordering::Relaxed) {
            since + limits.head_time
        } else {
            since + limits.idle_time
        })
    }

    fn bytes_came(&self) {
        if !self.busy.load(Ordering::Relaxed) && !self.head.load(Ordering::Relaxed) {
            self.head.store(true, Ordering::Relaxed);
            self.since.store(self.elapsed(), Ordering::Relaxed);
        }
    }

    fn request_began(self: &Arc<Self>) -> InFlight {
        self.busy.store(true, Ordering::Relaxed);
        self.head.store(false, Ordering::Relaxed);
        InFlight(self.clone())
    }

    /// Everything that was to be written is.
    fn all_written(&self) {
        self.unwritten.store(false, Ordering::Relaxed);
    }

    /// Whether what is written now is hyper's own: its answer to a head that it cannot read. While
    /// a request is answered, and until that answer is written, it is the service's.
    fn is_hypers_own(&self) -> bool {
        !self.busy.load(Ordering::Relaxed) && !self.unwritten.load(Ordering::Relaxed)
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A request that is being answered, until this is dropped.
struct InFlight(Arc<Pulse>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.since.store(self.0.elapsed(), Ordering::Relaxed);
        self.0.unwritten.store(true, Ordering::Relaxed);
        self.0.busy.store(false, Ordering::Relaxed);
    }
}

/// A socket that notes when something comes.
pub(crate) struct Socket {
    io: TokioIo<TcpStream>,
    pulse: Arc<Pulse>,
    /// What hyper answered by itself, and nobody was sent.
    held_back: Vec<u8>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, pulse: Arc<Pulse>) -> Self {
        Self {
            io: TokioIo::new(stream),
            pulse,
            held_back: Vec::new(),
        }
    }

    /// The stream, and what hyper would have answered on it.
    pub(crate) fn into_parts(self) -> (TcpStream, Vec<u8>) {
        (self.io.into_inner(), self.held_back)
    }

    /// Takes what hyper writes, if that is its own answer to a head that it cannot read.
    fn hold_back<'a>(&mut self, bufs: impl Iterator<Item = &'a [u8]>) -> Option<usize> {
        if !self.pulse.is_hypers_own() {
            return None;
        }
        let before = self.held_back.len();
        bufs.for_each(|buf| self.held_back.extend_from_slice(buf));
        Some(self.held_back.len() - before)
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        self.pulse.bytes_came();
        Poll::Ready(Ok(()))
    }
}

impl Write for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(taken) = self.hold_back([buf].into_iter()) {
            return Poll::Ready(Ok(taken));
        }
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    /// Called once nothing is left to be written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pulse.all_written();
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(taken) = self.hold_back(bufs.iter().map(|buf| &**buf)) {
            return Poll::Ready(Ok(taken));
        }
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }
}

/// A service that notes when a request begins.
pub(crate) struct Noted<S> {
    service: S,
    pulse: Arc<Pulse>,
}

impl<S> Noted<S> {
    pub(crate) fn new(service: S, pulse: Arc<Pulse>) -> Self {
        Self { service, pulse }
    }
}

impl<S, B> hyper::service::Service<Request<Incoming>> for Noted<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone,
    S::Future: Unpin,
{
    type Response = Response<NotedBody<B>>;
    type Error = Infallible;
    type Future = NotedFuture<S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let in_flight = self.pulse.request_began();
        NotedFuture {
            // The services served here are always ready: they refuse, they do not hold back.
            future: self.service.clone().call(request),
            in_flight: Some(in_flight),
        }
    }
}

/// A request being answered.
pub(crate) struct NotedFuture<F> {
    future: F,
    in_flight: Option<InFlight>,
}

impl<F, B> Future for NotedFuture<F>
where
    F: Future<Output = Result<Response<B>, Infallible>> + Unpin,
{
    type Output = Result<Response<NotedBody<B>>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(Pin::new(&mut self.future).poll(cx))?;
        let in_flight = self.in_flight.take();
        Poll::Ready(Ok(response.map(|body| NotedBody {
            body,
            _in_flight: in_flight,
        })))
    }
}

/// An answer's body: the request is in flight until it is sent, which an event stream may take
/// hours for.
pub(crate) struct NotedBody<B> {
    body: B,
    _in_flight: Option<InFlight>,
}

impl<B: Body + Unpin> Body for NotedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
