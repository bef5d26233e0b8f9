//! The REST API against a fuzzer that knows nothing of it but `/openapi.json`: Schemathesis.
//!
//! It sends what the document allows and what it forbids, follows ids from answers into requests,
//! and holds every answer to what the document says of it. Another seed is tried with
//! `DOORBELL_TEST_SEED=n`.

use e2e::{
    foreign::{clients, schemathesis},
    server::{Doorbell, Home},
};

/// Cases for each operation, in each of its phases.
const CASES: &str = "12";

fn finds_nothing(home: &Home, server: &Doorbell<'_>, key: &str) {
    let seed = std::env::var("DOORBELL_TEST_SEED").unwrap_or_else(|_| "1".to_owned());
    let scratch = tempfile::tempdir().expect("a directory");
    let ended = schemathesis(home, scratch.path())
        .arg("--config-file")
        .arg(clients().join("python/schemathesis.toml"))
        .args(["run", &format!("http://{}/openapi.json", server.control)])
        .args(["--header", &format!("Authorization: Bearer {key}")])
        // It does not end, and has tests of its own.
        .args(["--exclude-path", "/v1/stream"])
        .args(["--max-examples", CASES, "--seed", &seed])
        .args(["--continue-on-failure", "--no-color"])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&ended.stdout);
    let cried = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}\n{cried}");
    for phase in ["✅ Coverage", "✅ Fuzzing", "✅ Stateful"] {
        assert!(said.contains(phase), "{said}");
    }
}

#[test]
fn a_fuzzer_that_reads_the_document_finds_no_answer_that_it_does_not_describe() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme/eng", "github");
    for n in 0..20 {
        hook.deliver(format!("{{\"n\":{n}}}").as_bytes());
    }
    finds_nothing(&home, &server, server.agent("acme").key());
    finds_nothing(&home, &server, operator.key());
}
