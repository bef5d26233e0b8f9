//! `/metrics`, read by the parsers of Prometheus' own client after real traffic.

use std::{collections::BTreeMap, io::Write, path::Path, process::Stdio};

use e2e::{
    api::Caller,
    binary::workspace,
    foreign::python,
    secrets::{forge, tokens_in},
    server::{Home, wait_for},
};
use serde_json::{Value, json};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0";

/// A scrape's samples, each by its name and labels as Prometheus would write them.
#[derive(Debug)]
struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    #[track_caller]
    fn take(home: &Home, operator: &Caller, accept: &str) -> Self {
        let (dialect, sent_as) = match accept {
            OPENMETRICS => ("openmetrics", "application/openmetrics-text; version=1.0.0"),
            _ => ("plain", "text/plain; version=0.0.4"),
        };
        let caller = operator.clone().with("Accept", accept);
        let reply = caller.call("GET", "/metrics", None).expect(200);
        let content_type = reply.header("content-type").expect("a content type");
        assert_eq!(content_type, format!("{sent_as}; charset=utf-8"));
        assert_eq!(tokens_in(&reply.body), Vec::<String>::new());
        let script = workspace().join("tests/clients/python/figures.py");
        Self(parse(home, &script, dialect, &reply.body))
    }

    /// One sample; it must be there.
    #[track_caller]
    fn of(&self, sample: &str) -> f64 {
        let found = self.0.get(sample);
        *found.unwrap_or_else(|| panic!("no {sample} in {:#?}", self.0))
    }
}

fn parse(home: &Home, script: &Path, dialect: &str, text: &[u8]) -> BTreeMap<String, f64> {
    let mut parser = python(home, script)
        .arg(dialect)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(home.log("foreign.err"))
        .spawn()
        .expect("the interpreter can be started");
    let mut stdin = parser.stdin.take().expect("piped");
    stdin.write_all(text).expect("the parser reads");
    drop(stdin);
    let read = parser.wait_with_output().expect("our own child");
    assert!(read.status.success(), "{}", home.read("foreign.err"));
    let lines = String::from_utf8(read.stdout).expect("UTF-8");
    let samples = lines.lines().map(|line| {
        let sample: Value = serde_json::from_str(line).expect("JSON");
        let labels = sample["labels"].as_object().expect("labels").iter();
        let labels: Vec<_> = labels
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let name = sample["name"].as_str().expect("a name");
        let key = match labels.is_empty() {
            true => name.to_owned(),
            false => format!("{name}{{{}}}", labels.join(",")),
        };
        (key, sample["value"].as_f64().expect("a number"))
    });
    samples.collect()
}

#[test]
fn the_figures_are_those_of_what_happened() {
    let home = Home::new();
    let server = home.serve_with(&["--hook-rate", "1", "--hook-burst", "6"]);
    let operator = server.operator();
    let hook = operator.hook("acme/eng", "github");
    let other = operator.hook("acme", "linear");
    hook.post(&[("webhook-id", "1")], b"12345").expect(200);
    hook.post(&[("webhook-id", "1")], b"12345").expect(200);
    hook.deliver(b"12345");
    hook.deliver(b"12345");
    other.deliver(b"");
    operator.make("/v1/sessions", json!({"id": "build", "folder": "acme/eng"}));
    let channel = operator.make("/v1/channels", json!({"session_id": "build"}));
    let said = format!("/hook/{}", channel["token"].as_str().expect("a token"));
    server.front("POST", &said, &[], br#"{"message":"hi"}"#);

    let unknown = format!("/hook/{}", forge("dbh_", &"0".repeat(43)));
    server.front("POST", &unknown, &[], b"{}").expect(401);
    server.front("DELETE", &hook.path(), &[], b"").expect(405);
    server.front("GET", "/elsewhere", &[], b"").expect(404);
    hook.post(&[], &vec![b'x'; 1024 * 1024 + 1]).expect(413);
    hook.deliver(b"");
    hook.post(&[], b"").expect(429);

    let eng = server.agent("acme/eng");
    let leased = eng.receive(json!({"max": 2}));
    assert_eq!(eng.ack(&leased[..1]), ["acked"]);
    let scrape = Scrape::take(&home, &operator, OPENMETRICS);
    for (sample, expected) in [
        (r#"doorbell_messages_accepted_total{kind="hook"}"#, 5.0),
        (r#"doorbell_messages_accepted_total{kind="channel"}"#, 1.0),
        ("doorbell_messages_deduplicated_total", 1.0),
        ("doorbell_accepted_body_bytes_total", 17.0),
        (
            r#"doorbell_requests_refused_total{reason="invalid_token"}"#,
            1.0,
        ),
        (
            r#"doorbell_requests_refused_total{reason="method_not_allowed"}"#,
            1.0,
        ),
        (
            r#"doorbell_requests_refused_total{reason="not_found"}"#,
            1.0,
        ),
        (
            r#"doorbell_requests_refused_total{reason="body_too_large"}"#,
            1.0,
        ),
        (
            r#"doorbell_requests_refused_total{reason="rate_limited"}"#,
            1.0,
        ),
        (
            r#"doorbell_requests_refused_total{reason="storage_full"}"#,
            0.0,
        ),
        (
            r#"doorbell_request_duration_seconds_count{outcome="accepted"}"#,
            7.0,
        ),
        (
            r#"doorbell_request_duration_seconds_count{outcome="refused"}"#,
            5.0,
        ),
        ("doorbell_commit_messages_sum", 6.0),
        (r#"doorbell_inbox_pending_messages{inbox="acme/eng"}"#, 2.0),
        (r#"doorbell_inbox_leased_messages{inbox="acme/eng"}"#, 1.0),
        (r#"doorbell_inbox_pending_messages{inbox="acme"}"#, 1.0),
        (
            r#"doorbell_inbox_pending_messages{inbox="doorbell:/sessions/build"}"#,
            1.0,
        ),
        ("doorbell_dead_messages", 0.0),
        (r#"doorbell_sessions{state="idle"}"#, 1.0),
        (r#"doorbell_sessions{state="live"}"#, 0.0),
        ("doorbell_store_ready", 1.0),
    ] {
        assert_eq!(scrape.of(sample), expected, "{sample}");
    }
    let age = scrape.of(r#"doorbell_inbox_oldest_unacked_age_seconds{inbox="acme/eng"}"#);
    assert!(age > 0.0 && age < 60.0, "{age}");
    let spent = scrape.of(r#"doorbell_request_duration_seconds_sum{outcome="accepted"}"#);
    assert!(spent > 0.0 && spent < 60.0, "{spent}");
    assert!(scrape.of("doorbell_commit_duration_seconds_count") >= 6.0);
    assert!(scrape.of("doorbell_store_disk_bytes") > 1_000.0);
    assert!(scrape.of("process_resident_memory_bytes") > 1e6);
    assert!(scrape.of("process_open_fds") > 3.0);
    assert!(scrape.of("process_start_time_seconds") > 1.7e9);

    // The older format says the same of what only moves when something happens.
    let plain = Scrape::take(&home, &operator, "*/*");
    for (sample, value) in &scrape.0 {
        let moves = ["inbox", "disk"].iter().any(|word| sample.contains(word));
        if sample.starts_with("doorbell_") && !moves {
            assert_eq!(plain.of(sample), *value, "{sample}");
        }
    }
}

#[test]
fn who_is_attached_and_what_was_rung_is_counted() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "github");
    let scrape = || Scrape::take(&home, &operator, OPENMETRICS);
    assert_eq!(scrape().of("doorbell_attachments"), 0.0);
    let acme = server.agent("acme");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| acme.receive(json!({"wait_seconds": 50})));
        wait_for("the receiver to be attached", || {
            (scrape().of("doorbell_attachments") == 1.0).then_some(())
        });
        hook.deliver(b"wake up");
        assert_eq!(waiting.join().expect("no panic").len(), 1);
    });
    assert_eq!(
        scrape().of(r#"doorbell_messages_rung_total{how="waiting"}"#),
        1.0
    );
    let stream = "/v1/stream?timeout_seconds=50";
    std::thread::scope(|scope| {
        let following = scope.spawn(|| acme.call("GET", stream, None));
        wait_for("the stream to be open", || {
            (scrape().of("doorbell_streams") == 1.0).then_some(())
        });
        server.signal("TERM");
        following.join().expect("no panic").expect(200);
    });
}

#[test]
fn inboxes_without_end_are_shown_as_one() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    for folder in 0..202 {
        operator.hook(&format!("f{folder}"), "x").deliver(b"");
    }
    operator.hook("f7", "y").deliver(b"");
    let scrape = Scrape::take(&home, &operator, OPENMETRICS);
    let named = |sample: &&String| sample.starts_with("doorbell_inbox_pending_messages");
    assert_eq!(scrape.0.keys().filter(named).count(), 201);
    let pending = |inbox: &str| {
        scrape.of(&format!(
            "doorbell_inbox_pending_messages{{inbox=\"{inbox}\"}}"
        ))
    };
    assert_eq!(pending("(other)"), 2.0);
    assert_eq!(pending("f7"), 2.0);
}
