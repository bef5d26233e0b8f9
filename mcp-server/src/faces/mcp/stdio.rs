//! `doorbell mcp`: stdin and stdout of a process that a client has started.
//!
//! Nothing but MCP goes to stdout; logs belong on stderr.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use doorbell_core::label::SessionId;
use rmcp::{
    RoleServer, Service, ServiceExt,
    service::{RunningService, ServerInitializeError},
    transport::stdio_pipes,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

use super::{
    channel,
    handler::Handler,
    legacy::Legacy,
    lines::LineTransport,
    own::Own,
    reach::{Lazy, Missing, Reach},
};
use crate::desk::{Answer, Remote};

/// Why serving ended early.
#[derive(Debug, thiserror::Error)]
pub enum StdioError {
    /// What the client sent first was no request.
    #[error("the client did not begin as MCP has it")]
    Begin(#[source] Box<ServerInitializeError>),
    /// The server task was lost.
    #[error("the server task ended unexpectedly")]
    Lost(#[source] tokio::task::JoinError),
}

/// How a process serves on its stdin and stdout.
#[derive(Debug, Default)]
pub struct Options {
    /// Its session, which outlives it. Without a name one is made when it is needed, and ends with
    /// the process.
    pub session: Option<SessionId>,
    /// Push what arrives to the client, as Claude Code's channels have it.
    pub channel: bool,
}

/// Serves on stdin and stdout until stdin closes or `stop` is over.
///
/// `open` finds the running server, or starts one. It is called at the first tool call, and again
/// when nobody answers where it said. What a person should know goes to `tell`.
pub async fn stdio<F, W>(
    open: F,
    options: Options,
    stop: impl Future<Output = ()>,
    tell: fn(&str),
) -> Result<(), StdioError>
where
    F: Fn(Missing) -> W + Send + Sync + 'static,
    W: Future<Output = Answer<Remote>> + Send + 'static,
{
    let (read, write) = stdio_pipes();
    let closed = CancellationToken::new();
    let own = Own::named(options.session);
    let reach = Arc::new(Lazy::new(open, own, closed.clone()));
    let pipes = Pipes {
        read,
        write,
        closed,
    };
    let serving = async {
        if options.channel {
            serve_channel(&reach, pipes, tell).await
        } else {
            serve(Handler::new(Arc::clone(&reach)), pipes).await
        }
    };
    let ended = tokio::select! {
        ended = serving => ended,
        () = stop => Ok(()),
    };
    reach.leave().await;
    ended
}

/// Both ends of a client, and a word that it has gone.
pub(super) struct Pipes<I, O> {
    pub(super) read: I,
    pub(super) write: O,
    /// Cancelled when `read` ends.
    pub(super) closed: CancellationToken,
}

/// Serves on any pair of pipes.
pub(super) async fn serve<R: Reach>(
    handler: Handler<R>,
    pipes: Pipes<impl AsyncRead + Send + Unpin + 'static, impl AsyncWrite + Send + Unpin + 'static>,
) -> Result<(), StdioError> {
    match begin(handler, pipes).await? {
        None => Ok(()),
        Some(running) => running
            .waiting()
            .await
            .map_err(StdioError::Lost)
            .map(|_| ()),
    }
}

/// The same, and pushes what arrives.
pub(super) async fn serve_channel<F, W>(
    reach: &Arc<Lazy<F>>,
    pipes: Pipes<impl AsyncRead + Send + Unpin + 'static, impl AsyncWrite + Send + Unpin + 'static>,
    tell: fn(&str),
) -> Result<(), StdioError>
where
    F: Fn(Missing) -> W + Send + Sync + 'static,
    W: Future<Output = Answer<Remote>> + Send + 'static,
{
    let ready = CancellationToken::new();
    let handler = Handler::channel(Arc::clone(reach), ready.clone());
    let Some(running) = begin(Legacy(handler), pipes).await? else {
        return Ok(());
    };
    let peer = running.peer().clone();
    let pushing = async {
        ready.cancelled().await;
        channel::push(reach, &peer, tell).await;
        // There is nothing to push any more; the tools go on.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = running.waiting() => ended.map_err(StdioError::Lost).map(|_| ()),
        () = pushing => Ok(()),
    }
}

async fn begin<S: Service<RoleServer>>(
    service: S,
    pipes: Pipes<impl AsyncRead + Send + Unpin + 'static, impl AsyncWrite + Send + Unpin + 'static>,
) -> Result<Option<RunningService<RoleServer, S>>, StdioError> {
    let read = Signalled {
        inner: pipes.read,
        closed: pipes.closed,
    };
    match service.serve(LineTransport::new(read, pipes.write)).await {
        Ok(running) => Ok(Some(running)),
        // A client that only asked what this is, and went.
        Err(ServerInitializeError::ConnectionClosed(_)) => Ok(None),
        Err(error) => Err(StdioError::Begin(Box::new(error))),
    }
}

/// A reader that says when it ended: rmcp lets running calls go on for five seconds after that,
/// and a call that waits has nobody to wait for.
struct Signalled<R> {
    inner: R,
    closed: CancellationToken,
}

impl<R: AsyncRead + Unpin> AsyncRead for Signalled<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        let ended = match &polled {
            Poll::Ready(Ok(())) => buf.remaining() > 0 && buf.filled().len() == before,
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        };
        if ended {
            self.closed.cancel();
        }
        polled
    }
}
