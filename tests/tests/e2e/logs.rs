//! The log, as whoever runs the server reads it.

use e2e::server::Home;
use serde_json::{Value, json};

/// A hook's life, from its issue to its revocation; what the log says of it.
fn live(format: &str) -> (String, String) {
    let home = Home::new();
    let flags = [
        "--log",
        "info",
        "--log-format",
        format,
        "--hook-rate",
        "1",
        "--hook-burst",
        "4",
    ];
    let server = home.serve_with(&flags);
    let operator = server.operator();
    let hook = operator.hook("acme/eng", "github");
    let other = operator.hook("acme", "linear");
    let eng = server.agent("acme/eng");
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = [("webhook-id", "1"), ("traceparent", trace)];
    hook.post(&headers, b"12345").expect(200);
    hook.post(&headers, b"12345").expect(200);
    let leased = eng.receive(json!({}));
    assert_eq!(eng.nack(&leased), ["nacked"]);
    assert_eq!(eng.ack(&eng.receive(json!({}))), ["acked"]);
    let replay = format!(
        "/v1/messages/{}/replay",
        leased[0]["id"].as_str().expect("an id")
    );
    operator.post(&replay, json!({}));
    for _ in 0..5 {
        eng.nack(&eng.receive(json!({})));
    }
    while hook.post(&[], b"").status != 429 {}
    other.deliver(b"another's");
    operator
        .call("DELETE", &format!("/v1/route_tokens/{}", hook.jid), None)
        .expect(200);
    server.stop();
    (home.read("server.err"), hook.grant_id)
}

#[test]
fn a_search_for_a_hook_finds_its_life() {
    let (log, grant) = live("text");
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("hook:acme/eng/github"))
        .collect();
    let mut left = lines.iter();
    for word in [
        "issued",
        "accepted",
        "deduplicated",
        "nacked",
        "acked",
        "replayed",
        "dead",
        "refused",
        "revoked",
    ] {
        let found = left.any(|line| line.contains(&format!(" {word} ")));
        assert!(found, "no {word}, or out of order:\n{}", lines.join("\n"));
    }
    for line in &lines {
        assert!(line.contains(&grant), "no grant: {line}");
        assert!(!line.contains("linear"), "{line}");
    }
    assert!(log.contains("0af7651916cd43dd8448eb211c80319c"), "no trace");
    assert!(
        !log.chars().any(|c| c.is_control() && c != '\n'),
        "a control byte"
    );
    assert!(!log.contains("12345"), "a body");
}

#[test]
fn a_machine_reads_the_same_in_json() {
    let (log, grant) = live("json");
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect();
    let of = |word: &str| {
        let mut lines = lines.iter().filter(|line| line["message"] == *word);
        lines
            .next()
            .unwrap_or_else(|| panic!("no {word} in {log}"))
            .clone()
    };
    for word in ["accepted", "deduplicated"] {
        let line = of(word);
        assert_eq!(line["jid"], "hook:acme/eng/github", "{line}");
        assert_eq!(line["grant"], grant, "{line}");
        assert_eq!(line["bytes"], 5, "{line}");
        assert!(
            line["duration_ms"].as_f64().is_some_and(|ms| ms > 0.0),
            "{line}"
        );
        assert_eq!(line["level"], "INFO", "{line}");
    }
    let refused = of("refused");
    assert_eq!(refused["code"], "rate_limited");
    assert!(refused["duration_ms"].is_number(), "{refused}");
}
