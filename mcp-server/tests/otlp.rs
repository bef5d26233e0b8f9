//! Traces, as a collector gets them: the real binary, with the feature, and a collector of our own.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use doorbell_core::testing::PATIENCE;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// Takes what is exported, over HTTP with protobuf in it, and hands it on as it came.
fn collector() -> (SocketAddr, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let addr = listener.local_addr().expect("bound");
    let (sender, exported) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            std::thread::spawn(move || {
                while let Some((head, body)) = request(&stream) {
                    assert!(head.starts_with("POST /v1/traces "), "{head}");
                    assert!(
                        head.to_lowercase().contains("application/x-protobuf"),
                        "{head}"
                    );
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
                    (&stream).write_all(answer).expect("written");
                    if sender.send(body).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (addr, exported)
}

/// The next request of a connection: its head and its body.
fn request(stream: &TcpStream) -> Option<(String, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse().expect("a length"))
    });
    let mut body = vec![0; length.expect("a length")];
    reader.read_exact(&mut body).expect("the whole body");
    Some((head, body))
}

fn doorbell(data: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorbell"));
    command
        .args(args)
        .env_clear()
        .env("DOORBELL_DATA_DIR", data)
        .stdin(Stdio::null());
    command
}

fn serve(data: &Path, collector: SocketAddr) -> (Child, BufReader<ChildStdout>) {
    let mut server = doorbell(
        data,
        &[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--control",
            "127.0.0.1:0",
        ],
    )
    .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}"))
    .env(
        "OTEL_EXPORTER_OTLP_HEADERS",
        "authorization=Basic%20Zml4dHVyZQ==",
    )
    .stdout(Stdio::piped())
    .stderr(Stdio::null())
    .spawn()
    .expect("the server starts");
    let mut greeting = BufReader::new(server.stdout.take().expect("piped"));
    let mut line = String::new();
    while !line.starts_with("Ctrl-C") {
        line.clear();
        assert_ne!(
            greeting.read_line(&mut line).expect("readable"),
            0,
            "it ended"
        );
    }
    (server, greeting)
}

/// Posts to a webhook's URL; the whole answer.
fn post(url: &str, target: &str, headers: &str) -> String {
    let rest = url.strip_prefix("http://").expect("an http URL");
    let (addr, _) = rest.split_once('/').expect("a path");
    let mut stream = TcpStream::connect(addr).expect("connected");
    let ask = format!(
        "POST {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n{headers}\r\n{{}}"
    );
    stream.write_all(ask.as_bytes()).expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    answer
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_post_belongs_to_its_senders_trace_and_no_span_holds_a_token() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data = dir.path().join("data");
    let (addr, exported) = collector();
    let (mut server, _out) = serve(&data, addr);
    let issued = doorbell(&data, &["token", "issue", "acme", "hook", "github"]).output();
    let url = String::from_utf8(issued.expect("it runs").stdout).expect("UTF-8");
    let url = url.trim();
    let token = url.rsplit('/').next().expect("a token");

    let target = format!("/hook/{token}");
    let traced = format!("traceparent: 00-{TRACE}-{PARENT}-01\r\n");
    let answer = post(url, &target, &traced);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let id = answer
        .lines()
        .find_map(|line| line.strip_prefix("x-message-id: "));
    let id = id.expect("an id");
    let shown = doorbell(&data, &["messages", "show", id, "--json"]).output();
    let shown = String::from_utf8(shown.expect("it runs").stdout).expect("UTF-8");
    assert!(
        shown.contains(&format!("00-{TRACE}-{PARENT}-01")),
        "{shown}"
    );
    // Without a good one it is a trace of its own, and nothing is made up for the message.
    let answer = post(url, &target, "traceparent: 00-nonsense\r\n");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer = post(url, &target, "");
    let untraced = answer
        .lines()
        .find_map(|line| line.strip_prefix("x-message-id: "));
    let shown = doorbell(
        &data,
        &["messages", "show", untraced.expect("an id"), "--json"],
    )
    .output();
    let shown = String::from_utf8(shown.expect("it runs").stdout).expect("UTF-8");
    assert!(!shown.contains("traceparent"), "{shown}");
    post(
        url,
        &format!("{target}x?token={token}"),
        &format!("authorization: Bearer {token}\r\n"),
    );
    post(url, &format!("/{token}/{token}"), "");

    let stop = Command::new("kill").arg(server.id().to_string()).status();
    assert!(stop.expect("kill(1) is there").success());
    assert!(server.wait().expect("our own child").success());
    let mut spans: Vec<Span> = Vec::new();
    let mut raw = Vec::new();
    // What was left was sent before it ended.
    while let Ok(body) = exported.recv_timeout(match spans.is_empty() {
        true => PATIENCE,
        false => Duration::ZERO,
    }) {
        let request = ExportTraceServiceRequest::decode(&body[..]).expect("OTLP");
        for one in &request.resource_spans {
            let resource = one.resource.as_ref().expect("a resource");
            assert_eq!(text(&resource.attributes, "service.name"), Some("doorbell"));
        }
        let scopes = request
            .resource_spans
            .into_iter()
            .flat_map(|one| one.scope_spans);
        spans.extend(scopes.flat_map(|one| one.spans));
        raw.extend(body);
    }
    let secret = &token.as_bytes()[4..47];
    assert!(
        !raw.windows(secret.len()).any(|bytes| bytes == secret),
        "a token was sent"
    );
    let operator = std::fs::read(data.join("operator.key")).expect("the key");
    assert!(
        !raw.windows(43).any(|bytes| bytes == &operator[4..47]),
        "a key was sent"
    );

    let theirs: Vec<_> = spans
        .iter()
        .filter(|span| hex(&span.trace_id) == TRACE)
        .collect();
    assert_eq!(theirs.len(), 1);
    assert_eq!(hex(&theirs[0].parent_span_id), PARENT);
    assert_eq!(theirs[0].name, "POST /hook/{token}");
    assert_eq!(
        text(&theirs[0].attributes, "http.route"),
        Some("/hook/{token}")
    );
    assert_eq!(text(&theirs[0].attributes, "doorbell.message.id"), Some(id));
    let named = |name: &str| spans.iter().filter(|span| span.name == name).count();
    assert_eq!(named("POST /hook/{token}"), 4);
    assert_eq!(named("POST (none)"), 1);
    assert_eq!(named("POST /v1/route_tokens/hook"), 1);
    assert_eq!(named("GET /v1/messages/{id}"), 2);
    assert!(
        spans
            .iter()
            .filter(|span| hex(&span.trace_id) != TRACE)
            .all(|span| span.parent_span_id.is_empty())
    );
}
