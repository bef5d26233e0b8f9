//! A data directory and a backup of the first released version, opened by the real binary.

use std::{fs, os::unix::fs::OpenOptionsExt, path::PathBuf};

use e2e::{
    api::{Caller, ids},
    http,
    server::{Doorbell, Home},
};
use serde_json::{Value, json};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/format-1")
        .join(name)
}

fn facts() -> Value {
    serde_json::from_slice(&fs::read(fixture("facts.json")).expect("kept")).expect("JSON")
}

/// A secret of the fixture's with its prefix, which it is kept without.
fn secret(prefix: &str, name: &str) -> String {
    format!("{prefix}_{}", facts()[name].as_str().expect("a secret"))
}

fn channel(name: &str) -> String {
    let parts = &facts()[name];
    let [claims, mac] = [&parts[0], &parts[1]].map(|part| part.as_str().expect("a part"));
    format!("/hook/dbc_{claims}.{mac}")
}

/// What was let in is let in, what was over is over, and every message stands as it stood.
fn means_what_it_meant(server: &Doorbell<'_>, messages: usize) {
    let agent = Caller::new(server, secret("dbk", "agent_key"));
    let log = agent.log();
    assert_eq!(log.len(), messages, "{log:?}");
    let state = |name: &str| {
        let id = facts()["ids"][name].as_str().expect("an id").to_owned();
        agent.get(&format!("/v1/messages/{id}"))["state"].clone()
    };
    for (name, expected) in [
        ("settled", "settled"),
        ("nacked", "pending"),
        ("dead", "dead"),
        ("pending", "pending"),
        ("observed", "observed"),
        ("said", "pending"),
    ] {
        assert_eq!(state(name), expected, "{name}");
    }
    let post = |path: &str, body: &[u8]| {
        http::send(server.front, "POST", path, &[], body).expect("an answer")
    };
    let hook = format!("/hook/{}", secret("dbh", "hook"));
    let revoked = format!("/hook/{}", secret("dbh", "revoked"));
    post(&revoked, b"x").expect(401);
    let said = json!({"message": "after the upgrade"}).to_string();
    post(&channel("channel"), said.as_bytes()).expect(202);
    post(&channel("ended_channel"), said.as_bytes()).expect(410);
    // A session that is made under the ended one's id has nothing of it.
    agent.make("/v1/sessions", json!({"id": "over", "folder": "acme"}));
    post(&channel("ended_channel"), said.as_bytes()).expect(410);
    let new = post(&hook, b"new").expect(200);
    let id = new.header("x-message-id").expect("an id").to_owned();
    let inbox = agent.receive(json!({"folder": "acme", "max": 100}));
    assert_eq!(ids(&inbox).last().copied(), Some(id.as_str()));
    assert_eq!(agent.ack(&inbox[inbox.len() - 1..]), ["acked"]);
}

#[test]
fn a_data_directory_of_the_first_release_is_upgraded_where_it_lies() {
    let home = Home::new();
    fs::create_dir_all(home.data()).expect("made");
    for name in ["doorbell.redb", "log-00000000000000000001.redb"] {
        fs::copy(fixture(name), home.data().join(name)).expect("copied");
    }
    let mut key = fs::File::options();
    let key = key.create_new(true).write(true).mode(0o600);
    let mut key = key.open(home.data().join("operator.key")).expect("made");
    std::io::Write::write_all(&mut key, secret("dbk", "operator_key").as_bytes()).expect("written");
    let mut server = home.serve_with(&["--retain", "36500d"]);
    means_what_it_meant(&server, 10);
    server.crash_and_restart();
    let operator = server.operator();
    assert_eq!(
        operator.log().len(),
        12,
        "nothing is there twice, and nothing is gone"
    );
    let keys = operator.get("/v1/keys");
    assert_eq!(
        keys["keys"].as_array().map(Vec::len),
        Some(2),
        "no key was made anew"
    );
}

#[test]
fn a_backup_of_the_first_release_restores() {
    let home = Home::new();
    let copy = fixture("backup");
    home.cli(&["restore", copy.to_str().expect("UTF-8")])
        .expect(0);
    let server = home.serve_with(&["--retain", "36500d"]);
    means_what_it_meant(&server, 9);
}
