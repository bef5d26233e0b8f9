//! `doorbell mcp`: stdin and stdout of a process that a client has started.
//!
//! Nothing but MCP goes to stdout; logs belong on stderr.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use rmcp::{
    ServiceExt,
    service::ServerInitializeError,
    transport::{async_rw::AsyncRwTransport, stdio_pipes},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

use super::{
    handler::Handler,
    reach::{Lazy, Reach},
};
use crate::desk::{Answer, Remote};

/// The longest line that is read, in bytes; a longer one is dropped.
const MAX_LINE: usize = 1024 * 1024;

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

/// Serves on stdin and stdout until stdin closes.
///
/// `open` finds the running server, or starts one. It is called at the first tool call, and again
/// when nobody answers where it said.
pub async fn stdio<F, W>(open: F) -> Result<(), StdioError>
where
    F: Fn() -> W + Send + Sync + 'static,
    W: Future<Output = Answer<Remote>> + Send + 'static,
{
    let (read, write) = stdio_pipes();
    let closed = CancellationToken::new();
    serve(Lazy::new(open, closed.clone()), closed, read, write).await
}

/// Serves on any pair of pipes; `closed` is cancelled when `read` ends.
pub(super) async fn serve<R: Reach>(
    reach: R,
    closed: CancellationToken,
    read: impl AsyncRead + Send + Unpin + 'static,
    write: impl AsyncWrite + Send + Unpin + 'static,
) -> Result<(), StdioError> {
    let read = Signalled {
        inner: read,
        closed,
    };
    let transport = AsyncRwTransport::new_server(read, write).with_max_line_length(MAX_LINE);
    let running = match Handler::new(reach).serve(transport).await {
        Ok(running) => running,
        // A client that only asked what this is, and went.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(StdioError::Begin(Box::new(error))),
    };
    running.waiting().await.map_err(StdioError::Lost)?;
    Ok(())
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
