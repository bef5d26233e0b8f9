//! Real senders, and the providers' own libraries on the other side of the inbox.

use std::{io::Write, process::Stdio};

use base64::{Engine, prelude::BASE64_STANDARD};
use e2e::{
    binary,
    foreign::{self, node, python},
    server::Home,
};
use serde_json::{Value, json};

/// Sends `count` requests of a provider through a hook and gets them back by both ways in; checks
/// them with the provider's library and with the skill that an agent would use.
fn round_trip(provider: &str, secret_name: &str, count: usize) {
    let home = Home::new();
    let server = home.serve();
    let agent = server.agent("acme/eng");
    let hook = agent.mint(json!({"source_label": provider}));
    let mut sender = node(&home, "senders.mjs");
    let (code, requests) = foreign::talk(
        &home,
        sender.args([provider, "--count", &count.to_string()]),
        &[],
    );
    assert_eq!((code, requests.len()), (0, count));
    for request in &requests {
        let headers = request["headers"].as_object().expect("headers").iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| (name.as_str(), value.as_str().expect("text")))
            .collect();
        hook.post(&headers, &body_of(request)).expect(200);
    }
    let mut received = Vec::new();
    while received.len() < count {
        let messages = agent.receive(json!({"max": 100}));
        assert!(!messages.is_empty(), "{} of {count} came", received.len());
        assert!(agent.ack(&messages).iter().all(|status| status == "acked"));
        received.extend(messages);
    }
    for (message, request) in received.iter().zip(&requests) {
        assert_eq!(
            message["body"].as_str().map(str::as_bytes),
            Some(&*body_of(request))
        );
        for (name, value) in request["headers"].as_object().expect("headers") {
            assert_eq!(&message["headers"][name.to_lowercase()], value, "{name}");
        }
    }
    let read = agent.log();
    assert_eq!(read.len(), count, "the log shows the same");
    for way in [&received, &read] {
        let lines: Vec<Value> = way
            .iter()
            .zip(&requests)
            .map(|(message, request)| json!({"message": message, "secret": request["secret"]}))
            .collect();
        let (code, said) = foreign::talk(&home, node(&home, "verifiers.mjs").arg(provider), &lines);
        assert!(
            said.iter().all(|line| line["ok"] == true),
            "{provider}: {said:?}"
        );
        assert_eq!((code, said.len()), (0, count));
    }
    let skill = Skill {
        home: &home,
        provider,
        secret_name,
    };
    for (message, request) in received.iter().zip(&requests) {
        let secret = request["secret"].as_str().expect("a secret");
        let (code, said) = skill.run(message, secret);
        assert!(
            code == 0 && said.starts_with("verified: "),
            "{provider}: {code} {said}"
        );
    }
    let mut forged = received[0].clone();
    forged["body"] = format!("{} ", forged["body"].as_str().expect("text")).into();
    let (code, said) = skill.run(&forged, requests[0]["secret"].as_str().expect("a secret"));
    assert!(
        code == 1 && said.starts_with("refused: "),
        "{provider}: {code} {said}"
    );
}

fn body_of(request: &Value) -> Vec<u8> {
    let text = request["body_base64"].as_str().expect("a body");
    BASE64_STANDARD.decode(text).expect("base64")
}

struct Skill<'a> {
    home: &'a Home,
    provider: &'a str,
    secret_name: &'a str,
}

impl Skill<'_> {
    /// What the skill's script says of a message, and its exit code.
    fn run(&self, message: &Value, secret: &str) -> (i32, String) {
        let script = binary::workspace()
            .join("examples/skills")
            .join(self.provider)
            .join("verify.py");
        let mut child = python(self.home, &script)
            .env(self.secret_name, secret)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(self.home.log("skill.err"))
            .spawn()
            .expect("Python can be started");
        let mut stdin = child.stdin.take().expect("piped");
        stdin
            .write_all(message.to_string().as_bytes())
            .expect("the script reads it all");
        drop(stdin);
        let output = child.wait_with_output().expect("our own child");
        let said = String::from_utf8(output.stdout).expect("UTF-8");
        (output.status.code().unwrap_or(-1), said)
    }
}

#[test]
fn githubs_own_examples_verify_after_the_trip_one_of_each_event() {
    round_trip("github", "GITHUB_WEBHOOK_SECRET", 58);
}

#[test]
fn what_stripe_signs_verifies_after_the_trip() {
    round_trip("stripe", "STRIPE_WEBHOOK_SECRET", 6);
}

#[test]
fn what_slack_signs_verifies_after_the_trip() {
    round_trip("slack", "SLACK_SIGNING_SECRET", 8);
}

#[test]
fn what_linear_signs_verifies_after_the_trip() {
    round_trip("linear", "LINEAR_WEBHOOK_SECRET", 6);
}

#[test]
fn what_standard_webhooks_signs_verifies_after_the_trip() {
    round_trip("standard-webhooks", "STANDARD_WEBHOOKS_SECRET", 6);
}
