//! What a connection is doing, so that one timer can tell a slow head from a rest, and whoever needs
//! its place can tell whether it rests.
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
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
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
use tokio::{net::TcpStream, sync::Notify, time::Instant};
use tower::Service;

use crate::limits::ConnectionLimits;

/// The notes of one connection. One task writes them; whoever needs its place reads them, and may
/// close it.
pub(crate) struct Pulse {
    opened: Instant,
    doing: AtomicU8,
    /// An answer of the service's may not be wholly written yet.
    unwritten: AtomicBool,
    /// When the head, or the rest, began: milliseconds since the connection was opened.
    since: AtomicU64,
    closing: Notify,
}

/// Nothing has come yet: a head is owed from the connection's start.
const OWES: u8 = 0;
/// Between requests.
const RESTS: u8 = 1;
/// Bytes of a head have come and the request has not begun.
const HEAD: u8 = 2;
/// A request is being answered.
const BUSY: u8 = 3;
/// Its place was taken while it rested.
const CLOSED: u8 = 4;

impl Pulse {
    /// A new connection owes a head from its start.
    pub(crate) fn new() -> Arc<Self> {
        Self::opened(Instant::now())
    }

    /// One that was opened at this moment.
    fn opened(at: Instant) -> Arc<Self> {
        Arc::new(Self {
            opened: at,
            doing: AtomicU8::new(OWES),
            unwritten: AtomicBool::new(false),
            since: AtomicU64::new(0),
            closing: Notify::new(),
        })
    }

    /// Since when it is at rest: between requests, or before its first byte.
    pub(crate) fn at_rest_since(&self) -> Option<Instant> {
        let doing = self.doing.load(Ordering::Acquire);
        matches!(doing, OWES | RESTS).then(|| self.began())
    }

    /// Since when a head is under way.
    pub(crate) fn in_head_since(&self) -> Option<Instant> {
        (self.doing.load(Ordering::Acquire) == HEAD).then(|| self.began())
    }

    /// Closes it if it is at rest still. What it is sent in this moment is not read: its sender sees
    /// a connection that ended between requests, and sends on another.
    pub(crate) fn close_at_rest(&self) -> bool {
        self.close([OWES, RESTS])
    }

    /// Closes it if its head has not come to an end.
    pub(crate) fn close_in_head(&self) -> bool {
        self.close([HEAD])
    }

    fn close<const N: usize>(&self, while_it: [u8; N]) -> bool {
        let closed = while_it.into_iter().any(|doing| self.turn(doing, CLOSED));
        if closed {
            self.closing.notify_one();
        }
        closed
    }

    /// Wakes when it is to close.
    pub(crate) async fn closing(&self) {
        self.closing.notified().await;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.doing.load(Ordering::Acquire) == CLOSED
    }

    fn began(&self) -> Instant {
        self.opened + Duration::from_millis(self.since.load(Ordering::Relaxed))
    }

    /// Goes from one doing to another, if it is at the one.
    fn turn(&self, from: u8, to: u8) -> bool {
        let turned = (self.doing).compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
        turned.is_ok()
    }

    /// When the connection has taken too long over what it is doing, if that has an end.
    pub(crate) fn deadline(&self, limits: &ConnectionLimits) -> Option<Instant> {
        match self.doing.load(Ordering::Acquire) {
            BUSY => None,
            OWES | HEAD => Some(self.began() + limits.head_time),
            _ => Some(self.began() + limits.idle_time),
        }
    }

    /// Notes it, unless the connection was closed meanwhile.
    fn bytes_came(&self) -> bool {
        match self.doing.load(Ordering::Acquire) {
            HEAD | BUSY => true,
            OWES => self.turn(OWES, HEAD),
            RESTS if self.turn(RESTS, HEAD) => {
                self.since.store(self.elapsed(), Ordering::Relaxed);
                true
            }
            _ => false,
        }
    }

    /// Notes it, unless the connection was closed meanwhile. A request that came along with the one
    /// before it begins without a byte that comes.
    fn request_began(self: &Arc<Self>) -> Option<InFlight> {
        let begun = [HEAD, RESTS, OWES, BUSY]
            .into_iter()
            .any(|doing| self.turn(doing, BUSY));
        begun.then(|| InFlight(self.clone()))
    }

    /// Everything that was to be written is.
    fn all_written(&self) {
        self.unwritten.store(false, Ordering::Relaxed);
    }

    /// Whether what is written now is hyper's own: its answer to a head that it cannot read. While
    /// a request is answered, and until that answer is written, it is the service's.
    fn is_hypers_own(&self) -> bool {
        self.doing.load(Ordering::Relaxed) != BUSY && !self.unwritten.load(Ordering::Relaxed)
    }

    /// One that was opened so long ago, for tests.
    #[cfg(test)]
    pub(crate) fn of_age(age: Duration) -> Arc<Self> {
        let opened = Instant::now().checked_sub(age);
        Self::opened(opened.expect("the machine is older than that"))
    }

    /// A request that begins, for tests of what happens meanwhile.
    #[cfg(test)]
    pub(crate) fn start(self: &Arc<Self>) -> impl Drop + use<> {
        self.request_began().expect("it is open")
    }

    /// Bytes that come, for tests; whether they are read.
    #[cfg(test)]
    pub(crate) fn hear(&self) -> bool {
        self.bytes_came()
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
        self.0.turn(BUSY, RESTS);
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
        if self.pulse.bytes_came() {
            Poll::Ready(Ok(()))
        } else {
            Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
        }
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
            future: in_flight
                .is_some()
                .then(|| self.service.clone().call(request)),
            in_flight,
        }
    }
}

/// A request being answered; none is where the connection was closed before it began.
pub(crate) struct NotedFuture<F> {
    future: Option<F>,
    in_flight: Option<InFlight>,
}

impl<F, B> Future for NotedFuture<F>
where
    F: Future<Output = Result<Response<B>, Infallible>> + Unpin,
{
    type Output = Result<Response<NotedBody<B>>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.future else {
            return Poll::Pending;
        };
        let response = ready!(Pin::new(future).poll(cx))?;
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
