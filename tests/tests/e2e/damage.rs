//! A disk that does not hold what was written: the real server, and the doctor of a stopped one.

use std::{fs, path::PathBuf};

use e2e::server::Home;
use serde_json::{Value, json};

/// Turns a bit wherever these bytes stand in the log's first file.
fn turn(home: &Home, found: &[u8]) {
    let path = log(home);
    let mut bytes = fs::read(&path).expect("it is there");
    let places: Vec<usize> = (0..bytes.len() - found.len())
        .filter(|at| &bytes[*at..*at + found.len()] == found)
        .collect();
    assert!(!places.is_empty(), "nothing to damage");
    for at in places {
        bytes[at] ^= 1;
    }
    fs::write(path, bytes).expect("damaged");
}

fn log(home: &Home) -> PathBuf {
    home.data().join("log-00000000000000000001.redb")
}

#[test]
fn a_turned_bit_is_told_with_its_message_and_the_doctor_salvages_the_rest() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme", "github");
    let ids: Vec<String> = ["one body", "two bodies", "three bodies"]
        .iter()
        .map(|body| hook.deliver(body.as_bytes()))
        .collect();
    server.stop();
    turn(&home, b"two bodies");

    let server = home.serve();
    let operator = server.operator();
    let log = operator.log();
    let of = |n: usize| {
        log.iter()
            .find(|it| it["id"] == json!(ids[n]))
            .expect("listed")
    };
    assert_eq!(
        (&of(0)["body"], &of(2)["body"]),
        (&json!("one body"), &json!("three bodies"))
    );
    assert_eq!(
        (&of(1)["damaged"], &of(1)["body"]),
        (&json!(true), &json!(""))
    );
    assert_eq!(of(0).get("damaged"), None);
    assert!(home.read("server.err").contains(&ids[1]), "it is named");
    let leased = operator.receive(json!({"folder": "acme", "max": 9}));
    let leased: Vec<&Value> = leased.iter().map(|it| &it["body"]).collect();
    assert_eq!(leased, ["one body", "three bodies"]);
    let dead = operator.get(&format!("/v1/messages/{}", ids[1]));
    assert_eq!(
        (&dead["state"], &dead["damaged"]),
        (&json!("dead"), &json!(true))
    );
    let raw = home.cli(&["messages", "show", &ids[1], "--raw"]).expect(1);
    assert!(
        raw.stderr.contains("damaged") && raw.stdout.is_empty(),
        "{}",
        raw.stderr
    );
    let served = home.cli(&["doctor", "--store"]).expect(1);
    assert!(
        served.stderr.contains("is in use by process"),
        "{}",
        served.stderr
    );
    server.stop();

    let found = home.cli(&["doctor", "--store"]).expect(1);
    let named = format!("damaged  log-00000000000000000001.redb: message {}", ids[1]);
    assert!(found.stdout.contains(&named), "{}", found.stdout);
    assert!(found.stderr.contains("--salvage"), "{}", found.stderr);
    let to = home.dir().join("salvaged");
    let to = to.to_str().expect("a path");
    let salvaged = home
        .cli(&["doctor", "--store", "--salvage", to, "--json"])
        .expect(0);
    assert_eq!(salvaged.json()[0]["messages"], 2);
    home.cli(&["doctor", "--store", "--salvage", to]).expect(1);
    let whole = home.cli(&["doctor", "--store", "--data-dir", to]).expect(0);
    assert!(
        whole
            .stdout
            .contains("2 whole messages: nothing is damaged"),
        "{}",
        whole.stdout
    );

    // The URL, and what is whole, are as they were in the new directory.
    fs::rename(home.data(), home.dir().join("before")).expect("put away");
    fs::rename(to, home.data()).expect("put in its place");
    let server = home.serve();
    let reply = e2e::http::send(server.front, "POST", &hook.path(), &[], b"on").expect("answered");
    reply.expect(200);
    let log = server.operator().log();
    let bodies: Vec<&Value> = log.iter().map(|it| &it["body"]).collect();
    assert_eq!(bodies.len(), 3);
    assert!(
        bodies.iter().all(|body| *body != "two bodies"),
        "{bodies:?}"
    );
}

#[test]
fn what_the_doctor_prints_of_a_damaged_store_can_be_typed_as_it_is() {
    let home = Home::new();
    let server = home.serve();
    server.operator().hook("acme", "github").deliver(b"one");
    server.stop();
    turn(&home, b"one");
    let typed = |line: &str| {
        let mut shell = std::process::Command::new("sh");
        let done = shell.args(["-c", line]).current_dir(home.dir()).output();
        done.expect("a shell")
    };
    let after = |said: &str, mark: &str| {
        let (_, line) = said.split_once(mark).expect("it says what to type");
        line.lines().next().expect("a line").to_owned()
    };

    let data = home.data();
    let found = home.cli(&[
        "doctor",
        "--store",
        "--data-dir",
        data.to_str().expect("a path"),
    ]);
    let salvage = after(&found.expect(1).stderr, "new data directory: ");
    let salvaged = typed(&salvage);
    let said = String::from_utf8_lossy(&salvaged.stderr);
    assert!(salvaged.status.success(), "{salvage}: {said}");

    let serve = after(&said, "Start it with: ");
    let status = typed(&serve.replace(" serve ", " status --json "));
    let said = String::from_utf8_lossy(&status.stdout);
    let new = data.with_extension("salvaged");
    let new = new.to_str().expect("a path");
    assert!(said.contains(new), "{serve}: {status:?}");
}

#[test]
fn a_zeroed_or_foreign_file_is_refused_by_name_with_what_to_do_and_without_a_panic() {
    for (name, bytes) in [
        ("doorbell.redb", vec![0; 100_000]),
        ("log-00000000000000000001.redb", vec![0; 100_000]),
        (
            "log-00000000000000000001.redb",
            b"PK\x03\x04 an archive".repeat(99),
        ),
        ("doorbell.redb", Vec::new()),
    ] {
        let home = Home::new();
        let server = home.serve();
        server.operator().hook("acme", "github").deliver(b"one");
        server.stop();
        fs::write(home.data().join(name), bytes).expect("damaged");
        let refused = home.cli(&[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--control",
            "127.0.0.1:0",
        ]);
        let refused = refused.expect(1);
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert!(said.contains(name), "{said}");
        assert!(said.contains("doctor --store --salvage"), "{said}");
        assert!(
            !said.contains("panicked") && !said.contains("RUST_BACKTRACE"),
            "{said}"
        );
        let found = home.cli(&["doctor", "--store"]).expect(1);
        assert!(
            found.stdout.contains(&format!("damaged  {name}: ")),
            "{}",
            found.stdout
        );
        assert!(!found.stderr.contains("panicked"), "{}", found.stderr);
    }
}
