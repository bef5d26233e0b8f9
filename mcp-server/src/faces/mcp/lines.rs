//! Lines on a pair of pipes: a message each, or a batch of them.
//!
//! What is no JSON is answered as JSON-RPC has it, a last line without its end is read, and the
//! answers to a batch go out together.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use rmcp::{
    RoleServer,
    model::{ClientJsonRpcMessage, RequestId, ServerJsonRpcMessage},
    transport::Transport,
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    task::JoinSet,
};

use super::jsonrpc;

/// The longest line that is read, in bytes; a longer one is refused.
const MAX_LINE: usize = 1024 * 1024;
/// The most messages in one batch.
const MAX_BATCH: usize = 100;

/// A client at the other end of two pipes.
pub(super) struct LineTransport<R, W> {
    read: BufReader<R>,
    line: Vec<u8>,
    /// The line is too long, and what is left of it is passed by.
    too_long: bool,
    ended: bool,
    /// Messages of a batch that are not given on yet.
    queued: VecDeque<ClientJsonRpcMessage>,
    batches: Arc<Mutex<Vec<Batch>>>,
    write: Arc<tokio::sync::Mutex<Option<W>>>,
    /// What is being written of this transport's own: a reader that is interrupted must not leave
    /// half a line.
    writing: JoinSet<io::Result<()>>,
}

/// A batch that was not answered whole yet.
struct Batch {
    left: Vec<RequestId>,
    answers: Vec<Value>,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Send + Unpin + 'static> LineTransport<R, W> {
    pub(super) fn new(read: R, write: W) -> Self {
        Self {
            read: BufReader::new(read),
            line: Vec::new(),
            too_long: false,
            ended: false,
            queued: VecDeque::new(),
            batches: Arc::default(),
            write: Arc::new(tokio::sync::Mutex::new(Some(write))),
            writing: JoinSet::new(),
        }
    }

    /// Reads up to the end of a line, or of everything. A caller may stop waiting at any moment: what
    /// was read by then stays. False: there is nothing more.
    async fn next_line(&mut self) -> bool {
        while !self.ended {
            let Ok(ready) = self.read.fill_buf().await else {
                self.ended = true;
                break;
            };
            if ready.is_empty() {
                self.ended = true;
                break;
            }
            let end = ready.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(ready.len(), |end| end + 1);
            let text = &ready[..end.unwrap_or(taken)];
            self.too_long |= self.line.len() + text.len() > MAX_LINE;
            if !self.too_long {
                self.line.extend_from_slice(text);
            }
            self.read.consume(taken);
            if end.is_some() {
                return true;
            }
        }
        !self.line.is_empty() || self.too_long
    }

    /// Takes in a line; what is wrong with it is answered at once.
    fn take(&mut self) {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.too_long) {
            let rule = format!("a line is at most {MAX_LINE} bytes long");
            return self.say(&jsonrpc::invalid(None, &rule));
        }
        if line.trim_ascii().is_empty() {
            return;
        }
        match jsonrpc::parse(&line) {
            Err(broken) => self.say(&broken),
            Ok(Value::Array(messages)) => self.take_batch(messages),
            Ok(message) => match jsonrpc::read(message) {
                Ok(message) => self.queued.extend(message),
                Err(wrong) => self.say(&wrong),
            },
        }
    }

    fn take_batch(&mut self, messages: Vec<Value>) {
        if messages.is_empty() || messages.len() > MAX_BATCH {
            let rule = format!("a batch holds 1 to {MAX_BATCH} messages");
            return self.say(&jsonrpc::invalid(None, &rule));
        }
        let mut batch = Batch {
            left: Vec::new(),
            answers: Vec::new(),
        };
        for message in messages {
            match jsonrpc::read(message) {
                Ok(message) => {
                    if let Some(ClientJsonRpcMessage::Request(request)) = &message {
                        batch.left.push(request.id.clone());
                    }
                    self.queued.extend(message);
                }
                Err(wrong) => batch.answers.push(wrong),
            }
        }
        if !batch.left.is_empty() {
            self.batches
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(batch);
        } else if !batch.answers.is_empty() {
            self.say(&Value::Array(batch.answers));
        }
    }

    /// Writes something.
    fn say(&mut self, value: &Value) {
        let line = write_line(Arc::clone(&self.write), value.to_string());
        self.writing.spawn(line);
        while self.writing.try_join_next().is_some() {}
    }
}

async fn write_line<W: AsyncWrite + Unpin>(
    write: Arc<tokio::sync::Mutex<Option<W>>>,
    mut text: String,
) -> io::Result<()> {
    let mut write = write.lock().await;
    let Some(write) = &mut *write else {
        return Err(io::ErrorKind::NotConnected.into());
    };
    text.push('\n');
    write.write_all(text.as_bytes()).await?;
    write.flush().await
}

/// What to write of a message: it, or all the answers of its batch, or nothing until they are there.
fn written(
    batches: &Mutex<Vec<Batch>>,
    message: &ServerJsonRpcMessage,
) -> io::Result<Option<String>> {
    let id = match message {
        ServerJsonRpcMessage::Response(response) => Some(&response.id),
        ServerJsonRpcMessage::Error(error) => error.id.as_ref(),
        _ => None,
    };
    let mut batches = batches.lock().unwrap_or_else(PoisonError::into_inner);
    let place = batches.iter().enumerate().find_map(|(at, batch)| {
        let place = batch.left.iter().position(|left| Some(left) == id)?;
        Some((at, place))
    });
    let Some((at, place)) = place else {
        return Ok(Some(serde_json::to_string(message)?));
    };
    let batch = &mut batches[at];
    batch.left.swap_remove(place);
    batch.answers.push(serde_json::to_value(message)?);
    if !batch.left.is_empty() {
        return Ok(None);
    }
    let answers = batches.swap_remove(at).answers;
    Ok(Some(Value::Array(answers).to_string()))
}

impl<R, W> Transport<RoleServer> for LineTransport<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let (batches, write) = (Arc::clone(&self.batches), Arc::clone(&self.write));
        async move {
            match written(&batches, &message)? {
                Some(text) => write_line(write, text).await,
                None => Ok(()),
            }
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            if let Some(message) = self.queued.pop_front() {
                return Some(message);
            }
            if !self.next_line().await {
                return None;
            }
            self.take();
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        while self.writing.join_next().await.is_some() {}
        *self.write.lock().await = None;
        Ok(())
    }
}
