//! What a client writes to `doorbell mcp`.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use doorbell_core::fuzzing::take;
use rmcp::{
    model::{ClientJsonRpcMessage, ErrorCode, ErrorData, ServerJsonRpcMessage},
    transport::Transport,
};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    runtime::Runtime,
};

use super::lines::LineTransport;

thread_local! {
    static RUNTIME: Runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime of one thread");
}

/// Where reads are cut makes no difference, every answer is JSON-RPC, and whatever is asked is
/// answered once.
pub(crate) fn mcp(mut data: &[u8]) {
    let [at_a_time] = take(&mut data);
    let whole = RUNTIME.with(|runtime| runtime.block_on(spoken(data, data.len())));
    let cut = RUNTIME.with(|runtime| runtime.block_on(spoken(data, at_a_time.into())));
    assert_eq!(whole, cut);
}

/// Reads all of it, refuses each request, and gives the messages and what was written.
async fn spoken(data: &[u8], at_a_time: usize) -> (Vec<String>, Vec<Value>) {
    let written = Written::default();
    let client = Pieces(data, at_a_time.max(1));
    let mut transport = LineTransport::new(client, written.clone());
    let (mut messages, mut asked) = (Vec::new(), 0);
    while let Some(message) = transport.receive().await {
        messages.push(format!("{message:?}"));
        if let ClientJsonRpcMessage::Request(request) = message {
            asked += 1;
            let refused = ErrorData::new(ErrorCode(-32_601), "there is no such method", None);
            let answer = ServerJsonRpcMessage::error(refused, Some(request.id));
            transport.send(answer).await.expect("it is in memory");
        }
    }
    assert!(messages.len() <= data.len());
    transport.close().await.expect("it is in memory");
    let out = written.0.lock().unwrap_or_else(PoisonError::into_inner);
    let mut answers = Vec::new();
    let mut refused = 0;
    for line in out
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let answer: Value = serde_json::from_slice(line).expect("an answer is JSON");
        for one in answer
            .as_array()
            .map_or(std::slice::from_ref(&answer), Vec::as_slice)
        {
            assert_eq!(one["jsonrpc"], "2.0");
            let code = one["error"]["code"].as_i64().expect("an error has a code");
            refused += usize::from(code == -32_601);
        }
        answers.push(answer);
    }
    assert_eq!(refused, asked, "a request was answered twice, or never");
    // What is written at once with something else may be before it or behind it.
    answers.sort_by_cached_key(Value::to_string);
    (messages, answers)
}

/// So many bytes at a time.
struct Pieces<'a>(&'a [u8], usize);

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let len = self.1.min(self.0.len()).min(buffer.remaining());
        let (now, later) = self.0.split_at(len);
        buffer.put_slice(now);
        self.0 = later;
        Poll::Ready(Ok(()))
    }
}

/// What was written.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl AsyncWrite for Written {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
