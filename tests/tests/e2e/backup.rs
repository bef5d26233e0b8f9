//! A backup while serving, and what comes back out of it.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use e2e::{
    api::{Caller, Hook, ids},
    http,
    server::{Home, wait_for},
};
use serde_json::{Value, json};

/// All that a caller can see.
fn picture(caller: &Caller) -> Value {
    let whole = |message: &Value| {
        let id = message["id"].as_str().expect("an id");
        caller.get(&format!("/v1/messages/{id}"))
    };
    json!({
        "messages": caller.log().iter().map(whole).collect::<Vec<_>>(),
        "tokens": caller.get("/v1/route_tokens")["tokens"],
        "sessions": caller.get("/v1/sessions"),
        "channels": caller.get("/v1/channels"),
    })
}

fn post(front: std::net::SocketAddr, hook: &Hook, id: &str) -> http::Reply {
    let headers = [("webhook-id", id)];
    http::send(front, "POST", &hook.path(), &headers, b"settled").expect("an answer")
}

#[test]
fn a_backup_taken_under_load_gives_the_same_messages_tokens_sessions_and_keys() {
    let home = Home::new();
    let server = home.serve_with(&["--hook-rate", "0"]);
    let agent = server.agent("acme").named("one");
    let hook = agent.mint(json!({"source_label": "github", "context": "be brief"}));
    let revoked = agent.mint(json!({"source_label": "gone"}));
    agent
        .call("DELETE", &format!("/v1/route_tokens/{}", revoked.jid), None)
        .expect(200);
    for (n, body) in [
        b"settled".as_slice(),
        b"\xff\0binary",
        b"nacked",
        &[b'x'; 700_000],
    ]
    .iter()
    .enumerate()
    {
        hook.post(&[("webhook-id", &n.to_string())], body)
            .expect(200);
    }
    let leased = agent.receive(json!({"max": 3}));
    assert_eq!(agent.ack(&leased[..1]), ["acked"]);
    assert_eq!(agent.nack(&leased[2..]), ["nacked"]);
    agent.make("/v1/sessions", json!({"id": "build"}));
    let said = agent.make("/v1/channels", json!({"session_id": "build"}));
    let said = format!("/hook/{}", said["token"].as_str().expect("a token"));
    let hello = br#"{"message":"hello","idempotency_key":"1"}"#;
    server.front("POST", &said, &[], hello).expect(202);
    let before = picture(&agent);
    let keys = server.operator().get("/v1/keys");

    let busy = server.operator().hook("busy", "x");
    let over = AtomicBool::new(false);
    let (answered, file) = thread::scope(|scope| {
        let posting = scope.spawn(|| {
            let mut answered = Vec::new();
            while !over.load(Ordering::SeqCst) {
                answered.push(busy.deliver(b"{}"));
            }
            answered
        });
        let log = || server.operator().narrowed_to("busy").log();
        let begun = wait_for("some traffic", || Some(log()).filter(|log| log.len() > 10));
        let file = home.dir().join("doorbell.bak");
        home.cli(&["backup", file.to_str().expect("UTF-8")])
            .expect(0);
        over.store(true, Ordering::SeqCst);
        let answered = posting.join().expect("no panic");
        assert!(
            ids(&begun)
                .iter()
                .zip(&answered)
                .all(|(log, answered)| log == answered)
        );
        ((begun.len(), answered), file)
    });
    let mode = fs::metadata(&file)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(server);

    let other = Home::new();
    other
        .cli(&["restore", file.to_str().expect("UTF-8")])
        .expect(0);
    let server = other.serve();
    let agent = Caller::new(&server, agent.key().to_owned()).named("one");
    assert_eq!(picture(&agent), before);
    // This instance has an operator's key of its own beside those of the backup.
    let restored = server.operator().get("/v1/keys");
    for key in keys["keys"].as_array().expect("keys") {
        assert!(
            restored["keys"].as_array().expect("keys").contains(key),
            "{key}"
        );
    }
    // Every message before the backup began is in it, and what came meanwhile up to one moment.
    let (begun, answered) = answered;
    let kept = server.operator().narrowed_to("busy").log();
    let kept = ids(&kept);
    assert!(kept.len() >= begun && kept.len() <= answered.len());
    assert!(
        kept.iter()
            .zip(&answered)
            .all(|(kept, answered)| kept == answered),
        "there is a gap"
    );
    // URLs stay good, the revoked one stays dead, repeats are still known, the lease still holds.
    let again = post(server.front, &hook, "0").expect(200);
    assert_eq!(again.header("x-duplicate-of"), leased[0]["id"].as_str());
    assert_eq!(
        post(server.front, &hook, "new")
            .expect(200)
            .header("x-duplicate-of"),
        None
    );
    post(server.front, &revoked, "x").expect(401);
    let repeated = server.front("POST", &said, &[], hello).expect(200).json();
    assert_eq!(repeated["duplicate"], true);
    server
        .front("POST", &said, &[], br#"{"message":"new"}"#)
        .expect(202);
    let late = agent.clone().named("other");
    assert_eq!(late.ack(&leased[1..2]), ["not_found"]);
    assert_eq!(agent.ack(&leased[1..2]), ["acked"]);
}

#[test]
fn half_a_backup_or_a_bent_one_is_refused_and_puts_nothing_in_place() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme", "github");
    for _ in 0..20 {
        hook.deliver(&vec![b'x'; 30_000]);
    }
    let file = home.dir().join("doorbell.bak");
    home.cli(&["backup", file.to_str().expect("UTF-8")])
        .expect(0);
    let whole = fs::read(&file).expect("readable");
    let bent = |at: usize| {
        let mut bent = whole.clone();
        bent[at] ^= 1;
        bent
    };
    let middle = whole.len() / 2;
    for (what, bytes) in [
        ("empty", Vec::new()),
        ("half", whole[..middle].to_vec()),
        ("one byte short", whole[..whole.len() - 1].to_vec()),
        ("bent in the middle", bent(middle)),
        ("bent at the start", bent(0)),
        ("something else", b"not a backup at all".to_vec()),
    ] {
        let other = Home::new();
        let path = other.dir().join("bad.bak");
        fs::write(&path, bytes).expect("written");
        let ran = other.cli(&["restore", path.to_str().expect("UTF-8")]);
        assert_eq!(ran.code, 1, "{what}: {}", ran.stderr);
        let left = fs::read_dir(other.data()).map_or(0, |dir| {
            let names = dir.map(|entry| entry.expect("readable").file_name());
            names
                .filter(|name| name.to_string_lossy().ends_with(".redb"))
                .count()
        });
        assert_eq!(left, 0, "{what}");
        // The data directory is as good as new, and the true backup still goes into it.
        other
            .cli(&["restore", file.to_str().expect("UTF-8")])
            .expect(0);
    }
}

#[test]
fn a_backup_goes_into_no_place_where_something_would_be_lost() {
    let home = Home::new();
    let server = home.serve();
    server.operator().hook("acme", "github").deliver(b"kept");
    let file = home.dir().join("doorbell.bak");
    let file = file.to_str().expect("UTF-8");
    home.cli(&["backup", file]).expect(0);
    home.cli(&["restore", file]).expect(1);
    server
        .operator()
        .hook("acme", "github")
        .deliver(b"still served");
    server.stop();
    home.cli(&["restore", file]).expect(1);
    assert_eq!(home.serve().operator().log().len(), 2);
}

#[test]
fn without_a_server_there_is_no_backup_and_no_file() {
    let home = Home::new();
    home.serve().stop();
    home.cli(&["backup", "doorbell.bak"]).expect(1);
    let names = fs::read_dir(home.dir()).expect("readable");
    let names = names.map(|entry| {
        entry
            .expect("readable")
            .file_name()
            .into_string()
            .expect("UTF-8")
    });
    assert_eq!(names.filter(|name| name.contains(".bak")).count(), 0);
}

/// Undoes what a restore did last, as if it had been killed before that.
fn cut_short(home: &Home, moved: usize) {
    let ready = home.data().join("restore.ready");
    fs::create_dir(&ready).expect("made");
    let mut files: Vec<_> = fs::read_dir(home.data())
        .expect("listed")
        .map(|entry| entry.expect("listed").path())
        .filter(|path| path.extension().is_some_and(|it| it == "redb"))
        .collect();
    // The control file goes last.
    files.sort_by_key(|path| path.ends_with("doorbell.redb"));
    for path in &files[moved..] {
        fs::rename(path, ready.join(path.file_name().expect("a name"))).expect("moved");
    }
}

#[test]
fn a_restore_that_was_killed_goes_on_and_a_cursor_from_before_it_misses_nothing() {
    let home = Home::new();
    let server = home.serve();
    let agent = server.agent("acme");
    let hook = agent.mint(json!({"source_label": "github"}));
    let kept = hook.deliver(b"kept");
    let file = home.dir().join("doorbell.bak");
    let file = file.to_str().expect("UTF-8");
    home.cli(&["backup", file]).expect(0);
    let [.., last] = [(); 5].map(|()| hook.deliver(b"lost"));
    let cursor = agent.get("/v1/messages")["cursor"].clone();
    let cursor = cursor.as_str().expect("a cursor");
    server.stop();

    for again in [false, true] {
        let other = Home::new();
        other.cli(&["restore", file]).expect(0);
        cut_short(&other, 1);
        if again {
            other.cli(&["restore", file]).expect(0);
            other.cli(&["restore", file]).expect(1);
        }
        let server = other.serve();
        let agent = Caller::new(&server, agent.key().to_owned());
        assert_eq!(ids(&agent.log()), [kept.as_str()], "again: {again}");
        let path = hook.path();
        let reply = server.front("POST", &path, &[], b"new").expect(200);
        let new = reply.header("x-message-id").expect("an id").to_owned();
        assert!(new > last, "ids rise: {new} after {last}");
        let page = agent.get(&format!("/v1/messages?cursor={cursor}"));
        let page = page["messages"].as_array().expect("messages");
        assert_eq!(ids(page), [new.as_str()], "again: {again}");
    }
}
