//! Server-sent events from a running server, for whoever follows `/v1/stream`.

use std::{io, pin::Pin, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, stream};
use reqwest::{RequestBuilder, Response};
use sse_stream::{Sse, SseStream};

use super::{Answer, Remote};

/// A stream is never silent for longer than 15 s: after this long its server is gone.
const SILENCE: Duration = Duration::from_secs(45);

/// Events as they come. It ends, or fails, with its connection.
pub type Events = Pin<Box<dyn Stream<Item = Result<Sse, sse_stream::Error>> + Send>>;

impl Remote {
    /// Sends a request that is answered with a stream of events.
    pub async fn events(&self, request: RequestBuilder) -> Answer<Events> {
        let response = self.send(request).await?;
        let pieces = stream::unfold(Some(response), |response| async {
            let (piece, rest) = piece(response?).await?;
            Some((piece, rest))
        });
        Ok(Box::pin(SseStream::from_bytes_stream(Box::pin(pieces))))
    }
}

async fn piece(mut response: Response) -> Option<(io::Result<Bytes>, Option<Response>)> {
    match tokio::time::timeout(SILENCE, response.chunk()).await {
        Ok(Ok(piece)) => Some((Ok(piece?), Some(response))),
        Ok(Err(error)) => Some((Err(io::Error::other(error.without_url())), None)),
        Err(_) => Some((Err(io::ErrorKind::TimedOut.into()), None)),
    }
}
