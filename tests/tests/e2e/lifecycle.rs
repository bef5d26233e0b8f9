//! Starting, stopping, and what lies in the data directory.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, thread, time::Duration};

use e2e::{
    api::Caller,
    http::{Wire, request},
    pace::assert_within,
    server::{Home, wait_for},
};
use redb::{Database, TableDefinition};
use serde_json::{Value, json};

const ANYWHERE: [&str; 5] = [
    "serve",
    "--listen",
    "127.0.0.1:0",
    "--control",
    "127.0.0.1:0",
];

#[test]
fn a_second_server_on_the_same_data_is_refused_and_told_who_has_it() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme", "github");
    let second = home.cli(&ANYWHERE).expect(1);
    assert!(
        second.stderr.contains(&server.pid().to_string()),
        "{}",
        second.stderr
    );
    assert_eq!(second.stdout, "");
    let file = home.server_file().expect("the first one's still");
    assert_eq!(file["pid"], server.pid());
    hook.deliver(b"still served");
}

#[test]
fn a_taken_address_is_refused_and_named_and_leaves_the_data_alone() {
    let home = Home::new();
    let server = home.serve();
    let other = Home::new();
    let taken = server.front.to_string();
    let ran = other
        .cli(&["serve", "--listen", &taken, "--control", "127.0.0.1:0"])
        .expect(1);
    assert!(
        ran.stderr.contains(&taken) && ran.stderr.contains("--listen"),
        "{}",
        ran.stderr
    );
    assert_eq!(other.server_file(), None);
    other
        .serve()
        .operator()
        .hook("acme", "github")
        .deliver(b"{}");
}

#[test]
fn a_stop_in_order_answers_what_is_in_flight_and_takes_nothing_more() {
    let home = Home::new();
    let mut server = home.serve();
    let agent = server.agent("acme");
    let hook = agent.mint(json!({"source_label": "github"}));
    let mut uploading = Wire::open(server.front).expect("connected");
    let length = [("Content-Length", "8")];
    uploading
        .write(&request("POST", &hook.path(), &length, b"half"))
        .expect("written");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            agent.clone().call(
                "POST",
                "/v1/messages/receive",
                Some(&json!({"wait_seconds": 50})),
            )
        });
        server.until_waited_at(1);
        assert!(!waiting.is_finished());
        server.signal("TERM");
        wait_for("the front door to close", || {
            Wire::open(server.front).is_err().then_some(())
        });
        uploading.write(b"half").expect("written");
        let reply = uploading.reply(false).expect("an answer").expect(200);
        assert!(reply.header("x-message-id").is_some());
        // A wait is ended early, with an answer that a client can go on from.
        let waited = waiting.join().expect("no panic");
        assert!(matches!(waited.status, 200 | 503), "{waited:?}");
    });
    assert!(server.wait().success());
    assert_eq!(home.server_file(), None);
    let server = home.serve();
    let agent = Caller::new(&server, agent.key().to_owned());
    assert_eq!(agent.log()[0]["body"], "halfhalf");
}

#[test]
fn ctrl_c_stops_it_as_well_and_with_idle_connections_it_stops_at_once() {
    let home = Home::new();
    let mut server = home.serve();
    let idle = Wire::open(server.front).expect("connected");
    let idle_control = Wire::open(server.control).expect("connected");
    let began = std::time::Instant::now();
    server.signal("INT");
    assert!(server.wait().success());
    assert_within(Duration::from_secs(5), began.elapsed());
    drop((idle, idle_control));
}

#[test]
fn the_operators_key_is_for_its_owners_eyes_and_stays_the_same() {
    let home = Home::new();
    let mut server = home.serve();
    let mode = |name: &str| {
        let meta = fs::metadata(home.data().join(name)).expect("it is there");
        meta.permissions().mode() & 0o777
    };
    assert_eq!(mode("operator.key"), 0o600);
    assert_eq!(mode(""), 0o700);
    let key = home.operator_key();
    assert!(key.starts_with("dbk_") && key.len() == 53);
    server.stop_and_restart();
    assert_eq!(home.operator_key(), key);
    server.operator().get("/v1/keys");
    // Who deletes the file gets a new key at the next start.
    fs::remove_file(home.data().join("operator.key")).expect("removed");
    server.stop_and_restart();
    assert_ne!(home.operator_key(), key);
    assert_eq!(mode("operator.key"), 0o600);
    server.operator().get("/v1/keys");
}

/// All that an operator can see of an instance.
fn picture(operator: &Caller) -> Value {
    let whole = |message: &Value| {
        let id = message["id"].as_str().expect("an id");
        operator.get(&format!("/v1/messages/{id}"))
    };
    json!({
        "messages": operator.log().iter().map(whole).collect::<Vec<_>>(),
        "tokens": operator.get("/v1/route_tokens"),
        "keys": operator.get("/v1/keys"),
    })
}

#[test]
fn a_stop_and_a_crash_leave_everything_as_it_was() {
    let home = Home::new();
    let mut server = home.serve();
    let (one, other) = (
        server.agent("acme").named("one"),
        server.agent("acme").named("other"),
    );
    let hook = one.mint(json!({"source_label": "github", "context": "be brief"}));
    let doomed = one.mint(json!({"source_label": "gone"}));
    hook.post(&[("webhook-id", "1"), ("x-a", "caf\u{e9}")], b"settled")
        .expect(200);
    hook.post(&[("webhook-id", "2")], b"\xff\0binary")
        .expect(200);
    hook.post(&[("webhook-id", "3")], b"nacked").expect(200);
    let large = vec![b'x'; 500 * 1024];
    hook.post(&[("webhook-id", "4")], &large).expect(200);
    let leased = one.receive(json!({"max": 3}));
    assert_eq!(one.ack(&leased[..1]), ["acked"]);
    assert_eq!(one.nack(&leased[2..]), ["nacked"]);
    one.call("DELETE", &format!("/v1/route_tokens/{}", doomed.jid), None)
        .expect(200);
    let mut before = picture(&server.operator());
    for crash in [true, false, true] {
        if crash {
            server.crash_and_restart()
        } else {
            server.stop_and_restart()
        };
        assert_eq!(picture(&server.operator()), before, "crash: {crash}");
        doomed.post(&[], b"").expect(401);
        let again = hook.post(&[("webhook-id", "1")], b"settled").expect(200);
        assert_eq!(again.header("x-duplicate-of"), leased[0]["id"].as_str());
        // The repeat is counted, and that is there the next time too.
        before = picture(&server.operator());
    }
    let repeats = &before["messages"][0]["repeats"]["count"];
    assert_eq!(*repeats, 3, "{before}");
    // The lease holds: what one has, other does not get, and one may still settle it.
    let rest = other.receive(json!({"max": 100}));
    let bodies: Vec<_> = rest
        .iter()
        .map(|message| message["attempt"].clone())
        .collect();
    assert_eq!(
        bodies,
        [json!(2), json!(1)],
        "the nacked one again, the large one first"
    );
    assert_eq!(other.ack(&leased[1..2]), ["not_found"]);
    assert_eq!(one.ack(&leased[1..2]), ["acked"]);
    assert_eq!(other.ack(&rest), ["acked", "acked"]);
}

/// Counts a file's format version up, as a newer program would.
fn age(path: &Path, control: bool) {
    let store = Database::open(path).expect("no server has it");
    let write = store.begin_write().expect("writable");
    if control {
        let meta: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("meta");
        let mut meta = write.open_table(meta).expect("the table");
        meta.insert(b"format".as_slice(), 99_u64.to_le_bytes().as_slice())
            .expect("written");
    } else {
        let meta: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("meta");
        let mut meta = write.open_table(meta).expect("the table");
        meta.insert(0, 99_u64.to_le_bytes().as_slice())
            .expect("written");
    }
    write.commit().expect("committed");
}

#[test]
fn a_store_file_of_a_newer_version_is_refused_and_named() {
    for control in [true, false] {
        let home = Home::new();
        let server = home.serve();
        server.operator().hook("acme", "github").deliver(b"{}");
        server.stop();
        let mut files = fs::read_dir(home.data())
            .expect("readable")
            .map(|entry| entry.expect("readable").path());
        let path = files.find(|path| {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if control {
                name == "doorbell.redb"
            } else {
                name.starts_with("log-") && name.ends_with(".redb")
            }
        });
        let path = path.expect("the file is there");
        age(&path, control);
        // The second time as the first: it was not put right meanwhile.
        home.cli(&ANYWHERE).expect(1);
        let ran = home.cli(&ANYWHERE).expect(1);
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        assert!(
            ran.stderr.contains(name) && ran.stderr.contains("99"),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains("newer"), "{}", ran.stderr);
    }
}

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_file_in_the_data_directory() {
    let home = Home::new();
    fs::create_dir(home.data()).expect("made");
    let file = "public_url = \"https://file.example\"\nhook_rate = 7\n";
    fs::write(home.data().join("doorbell.toml"), file).expect("written");
    // One in the working directory is never read.
    fs::write(
        home.dir().join("doorbell.toml"),
        "public_url = \"https://here.example\"\n",
    )
    .expect("written");
    let public = |env: &[(&str, &str)], flags: &[&str]| {
        let mut command = home.doorbell(&ANYWHERE);
        command.args(flags).envs(env.iter().copied());
        command
            .stdout(home.log("server.out"))
            .stderr(home.log("server.err"));
        let running = e2e::cli::Running(command.spawn().expect("started"));
        let pid = running.0.id();
        let file = wait_for("server.json", || {
            home.server_file().filter(|file| file["pid"] == pid)
        });
        file["public_url"].as_str().expect("a URL").to_owned()
    };
    let env = [("DOORBELL_PUBLIC_URL", "https://env.example")];
    assert_eq!(public(&[], &[]), "https://file.example");
    assert_eq!(public(&env, &[]), "https://env.example");
    assert_eq!(
        public(&env, &["--public-url", "https://flag.example/in/"]),
        "https://flag.example/in"
    );
    fs::write(
        home.data().join("doorbell.toml"),
        "public_ulr = \"https://file.example\"\n",
    )
    .expect("written");
    let ran = home.cli(&ANYWHERE).expect(1);
    assert!(ran.stderr.contains("public_ulr"), "{}", ran.stderr);
}

#[test]
fn health_needs_no_credential_and_the_greeting_says_where_everything_is() {
    let home = Home::new();
    let server = home.serve_with(&["--public-url", "https://bell.example"]);
    for (addr, path) in [
        (server.front, "/healthz"),
        (server.control, "/healthz"),
        (server.control, "/readyz"),
    ] {
        let reply = e2e::http::send(addr, "GET", path, &[], b"")
            .expect("an answer")
            .expect(200);
        assert!(!reply.body.is_empty(), "{path}");
    }
    let greeting = wait_for("the greeting", || {
        Some(home.read("server.out")).filter(|text| text.contains("Ctrl-C"))
    });
    for said in [
        "https://bell.example".to_owned(),
        format!("http://{}", server.control),
        home.data().display().to_string(),
        "doorbell token issue".to_owned(),
    ] {
        assert!(greeting.contains(&said), "{said} is not in:\n{greeting}");
    }
    let hook = server.operator().hook("acme", "github");
    assert_eq!(
        hook.url,
        format!("https://bell.example/hook/{}", hook.token)
    );
}

#[test]
fn the_data_lies_in_the_users_home_and_not_in_the_working_directory() {
    let home = Home::new();
    let mut command = home.doorbell(&ANYWHERE);
    command
        .env_remove("DOORBELL_DATA_DIR")
        .env("XDG_DATA_HOME", home.dir().join("xdg"));
    command
        .stdout(home.log("server.out"))
        .stderr(home.log("server.err"));
    let running = e2e::cli::Running(command.spawn().expect("started"));
    let data = home.dir().join("xdg/doorbell");
    wait_for("server.json", || {
        data.join("server.json").exists().then_some(())
    });
    drop(running);
    let names: Vec<_> = fs::read_dir(home.dir())
        .expect("readable")
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .filter(|name| !name.starts_with("server."))
        .collect();
    assert_eq!(names, ["xdg"]);
}

#[test]
fn the_most_talkative_log_names_no_token() {
    for format in ["text", "json"] {
        let home = Home::new();
        let server = home.serve_with(&["--log", "trace", "--log-format", format]);
        let operator = server.operator();
        let hook = operator.hook("acme", "github");
        let proxied = format!("/hook/{}", hook.token);
        hook.post(&[("X-Original-URI", &proxied)], b"{}")
            .expect(200);
        let query = format!("{proxied}?again={}", hook.token);
        server.front("POST", &query, &[], b"{}").expect(200);
        server.front("DELETE", &proxied, &[], b"").expect(405);
        let bearer = format!("Bearer {}", hook.token);
        server
            .front("POST", "/hook", &[("Authorization", &bearer)], b"{}")
            .expect(200);
        server
            .front("POST", &format!("{proxied}x"), &[], b"{}")
            .expect(401);
        server
            .front("POST", &format!("{proxied}/x"), &[], b"{}")
            .expect(404);
        operator
            .call("DELETE", &format!("/v1/route_tokens/{}", hook.token), None)
            .expect(404);
        operator
            .call("GET", &format!("/v1/messages/{}", hook.token), None)
            .expect(404);
        let bad = json!({"source_label": hook.token, "jid_suffix": "a b"});
        operator
            .call("POST", "/v1/route_tokens/hook", Some(&bad))
            .expect(400);
        server.stop();
        let log = home.read("server.err");
        assert!(log.len() > 200, "it is silent:\n{log}");
        let secret = &hook.token[4..47];
        assert!(
            !log.contains(secret) && !log.contains(&operator.key()[4..47]),
            "{format}"
        );
    }
}
