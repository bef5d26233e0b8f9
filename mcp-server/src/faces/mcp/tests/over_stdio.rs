//! Calls over a pipe, through a running server.

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use doorbell_core::token::Token;
use serde_json::{Value, json};
use tokio::{
    io::{
        AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf,
        duplex, split,
    },
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    Fixture, PATIENCE, attached,
    requests::{BOTH, Revision, text},
};
use crate::{
    desk::{Address, Answer, KeySource, Remote},
    faces::mcp::{
        handler::Handler,
        own::Own,
        reach::{Lazy, Missing},
        stdio::{Pipes, StdioError, serve},
    },
    refusal::Refusal,
};

/// Less than the five seconds for which rmcp lets calls go on behind a closed stdin.
const PROMPT: Duration = Duration::from_secs(4);

/// A client on the other end of the pipe.
struct Pipe {
    to: WriteHalf<DuplexStream>,
    from: Lines<BufReader<ReadHalf<DuplexStream>>>,
    server: JoinHandle<Result<(), StdioError>>,
}

impl Pipe {
    fn new<W>(open: impl Fn(Missing) -> W + Send + Sync + 'static) -> Self
    where
        W: Future<Output = Answer<Remote>> + Send + 'static,
    {
        let (ours, theirs) = duplex(1 << 16);
        let (read, write) = split(theirs);
        let closed = CancellationToken::new();
        let reach = Arc::new(Lazy::new(open, Own::default(), closed.clone()));
        let pipes = Pipes {
            read,
            write,
            closed,
        };
        let server = tokio::spawn(serve(Handler::new(reach), pipes));
        let (from, to) = split(ours);
        Self {
            to,
            from: BufReader::new(from).lines(),
            server,
        }
    }

    async fn send(&mut self, request: &Value) {
        let line = format!("{request}\n");
        self.to.write_all(line.as_bytes()).await.expect("it reads");
    }

    async fn ask(&mut self, request: &Value) -> Value {
        self.send(request).await;
        let line = timeout(PATIENCE, self.from.next_line()).await;
        let line = line.expect("in time").expect("a pipe").expect("an answer");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    async fn call(&mut self, revision: Revision, tool: &str, arguments: Value) -> Value {
        let reply = self.ask(&revision.call(tool, arguments)).await;
        assert!(reply["error"].is_null(), "{reply}");
        reply["result"].clone()
    }

    /// Begins as the revision has it.
    async fn begin(&mut self, revision: Revision) {
        let hello = self.ask(&revision.hello()).await;
        assert!(
            hello["result"].to_string().contains("\"doorbell\""),
            "{hello}"
        );
        if revision == Revision::Old {
            let done = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
            self.send(&done).await;
        }
    }

    /// Closes stdin; the server has to end by itself, and well.
    async fn close(mut self) {
        self.to.shutdown().await.expect("it closes");
        let ended = timeout(PROMPT, self.server).await.expect("promptly");
        ended.expect("no panic").expect("no error");
    }
}

/// Finds the server at `addr`, and counts how often it was looked for.
fn finder(
    fixture: &Fixture,
    addrs: Vec<String>,
) -> (
    Arc<AtomicUsize>,
    impl Fn(Missing) -> std::future::Ready<Answer<Remote>> + Send + Sync + 'static,
) {
    let looked = Arc::new(AtomicUsize::new(0));
    let key = fixture.key.expose().to_owned();
    let counting = Arc::clone(&looked);
    let open = move |_| {
        let turn = counting.fetch_add(1, Ordering::Relaxed);
        let addr = &addrs[turn.min(addrs.len() - 1)];
        let address = Address {
            url: format!("http://{addr}").parse().expect("a url"),
            named: false,
            key: Token::parse(&key).expect("a key"),
            key_source: KeySource::Environment,
        };
        let folder = Some("acme/eng".parse().expect("a folder"));
        std::future::ready(Remote::new(address, folder).map(|remote| remote.named("test")))
    };
    (looked, open)
}

/// An address where nobody listens.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

#[tokio::test]
async fn a_client_of_either_revision_mints_receives_and_acks_through_the_running_server() {
    for revision in BOTH {
        let fixture = Fixture::new().await;
        let served = fixture.serve().await;
        let (looked, open) = finder(&fixture, vec![served.addr.to_string()]);
        let mut pipe = Pipe::new(open);
        pipe.begin(revision).await;
        let issued = pipe
            .call(revision, "issue_webhook", json!({"source_label": "stripe"}))
            .await;
        assert_eq!(issued["structuredContent"]["jid"], "hook:acme/eng/stripe");
        assert!(
            text(&issued).contains("STRIPE_WEBHOOK_SECRET"),
            "{}",
            text(&issued)
        );
        let grant = fixture.grant("acme/eng").await;
        let id = fixture.post(&grant, "ring").await;
        let got = pipe
            .call(revision, "receive_messages", json!({"wait_seconds": 50}))
            .await;
        assert_eq!(got["structuredContent"]["messages"][0]["id"], json!(id));
        let acked = pipe
            .call(revision, "ack_messages", json!({"ids": [id]}))
            .await;
        assert_eq!(acked["structuredContent"]["results"][0]["status"], "acked");
        assert_eq!(
            looked.load(Ordering::Relaxed),
            1,
            "the server is looked for once"
        );
        pipe.close().await;
    }
}

#[tokio::test]
async fn no_server_is_looked_for_before_a_call_that_needs_one() {
    for revision in BOTH {
        let fixture = Fixture::new().await;
        let (looked, open) = finder(&fixture, vec![nowhere()]);
        let mut pipe = Pipe::new(open);
        pipe.begin(revision).await;
        pipe.ask(&revision.request("tools/list", json!({}))).await;
        let result = pipe
            .call(revision, "receive_messages", json!({"max": 0}))
            .await;
        assert!(text(&result).starts_with("max: "), "{}", text(&result));
        pipe.close().await;
        assert_eq!(looked.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test]
async fn a_client_that_only_probes_and_goes_is_no_error() {
    let fixture = Fixture::new().await;
    let (looked, open) = finder(&fixture, vec![nowhere()]);
    let mut pipe = Pipe::new(open);
    pipe.ask(&Revision::New.hello()).await;
    pipe.close().await;
    assert_eq!(looked.load(Ordering::Relaxed), 0);
    let (_, open) = finder(&fixture, vec![nowhere()]);
    Pipe::new(open).close().await;
}

#[tokio::test]
async fn a_server_that_has_gone_is_looked_for_once_more() {
    let fixture = Fixture::new().await;
    let served = fixture.serve().await;
    let (looked, open) = finder(&fixture, vec![nowhere(), served.addr.to_string()]);
    let mut pipe = Pipe::new(open);
    pipe.begin(Revision::Old).await;
    for _ in 0..2 {
        let listed = pipe
            .call(Revision::Old, "list_route_tokens", json!({}))
            .await;
        assert_eq!(listed["structuredContent"]["tokens"], json!([]));
    }
    assert_eq!(looked.load(Ordering::Relaxed), 2);
    pipe.close().await;

    let (looked, open) = finder(&fixture, vec![nowhere()]);
    let mut pipe = Pipe::new(open);
    pipe.begin(Revision::Old).await;
    let failed = pipe
        .call(Revision::Old, "list_route_tokens", json!({}))
        .await;
    assert_eq!(failed["isError"], true);
    assert!(
        text(&failed).contains("doorbell serve"),
        "{}",
        text(&failed)
    );
    assert_eq!(looked.load(Ordering::Relaxed), 2, "once more, not for ever");
    pipe.close().await;
}

#[tokio::test]
async fn a_refusal_to_start_a_server_is_a_tool_error_and_is_tried_again() {
    let mut pipe = Pipe::new(|_| {
        std::future::ready(Err(Refusal::Unavailable("the port is taken".to_owned())))
    });
    pipe.begin(Revision::New).await;
    for _ in 0..2 {
        let failed = pipe
            .call(Revision::New, "list_route_tokens", json!({}))
            .await;
        assert_eq!(failed["isError"], true);
        assert!(
            text(&failed).contains("the port is taken"),
            "{}",
            text(&failed)
        );
    }
    pipe.close().await;
}

#[tokio::test]
async fn stdin_that_closes_ends_a_wait_at_once() {
    let fixture = Fixture::new().await;
    let served = fixture.serve().await;
    let (_, open) = finder(&fixture, vec![served.addr.to_string()]);
    let mut pipe = Pipe::new(open);
    pipe.begin(Revision::Old).await;
    pipe.send(&Revision::Old.call("receive_messages", json!({"wait_seconds": 50})))
        .await;
    attached(&fixture, 1).await;
    pipe.close().await;
    attached(&fixture, 0).await;
}

#[tokio::test]
async fn what_was_asked_before_stdin_closed_is_answered() {
    let fixture = Fixture::new().await;
    let served = fixture.serve().await;
    let (_, open) = finder(&fixture, vec![served.addr.to_string()]);
    let mut pipe = Pipe::new(open);
    pipe.begin(Revision::Old).await;
    pipe.send(&Revision::Old.call("receive_messages", json!({})))
        .await;
    pipe.to.shutdown().await.expect("it closes");
    let line = timeout(PROMPT, pipe.from.next_line()).await;
    let line = line.expect("in time").expect("a pipe").expect("an answer");
    assert!(line.contains("Nothing is pending"), "{line}");
}
