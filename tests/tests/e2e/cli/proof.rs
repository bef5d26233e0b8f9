//! The operator's key goes only to a server that proves that it holds it too.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use e2e::{http, server::Home};
use serde_json::{Value, json};

/// Somebody who took a port: hears everything, and answers as `answer` says.
struct Thief {
    addr: SocketAddr,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Thief {
    fn begin(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("an address");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (hears, answer) = (Arc::clone(&heard), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (hears, answer) = (Arc::clone(&hears), Arc::clone(&answer));
                thread::spawn(move || hear(stream, &hears, &*answer));
            }
        });
        Self { addr, heard }
    }

    fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().expect("unpoisoned")).into_owned()
    }
}

fn hear(mut stream: TcpStream, heard: &Mutex<Vec<u8>>, answer: &dyn Fn(&str) -> String) {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut piece) {
        request.extend_from_slice(&piece[..read]);
        heard
            .lock()
            .expect("unpoisoned")
            .extend_from_slice(&piece[..read]);
        if request.windows(4).any(|four| four == b"\r\n\r\n") {
            let answer = answer(&String::from_utf8_lossy(&request));
            request.clear();
            // Whoever asked may have gone.
            let _ = stream.write_all(answer.as_bytes());
        }
    }
}

fn reply(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Makes clients of this data directory believe that its server is there.
fn point(home: &Home, control: SocketAddr) {
    let file = json!({
        "pid": 1, "version": "0.1.0", "listen": "http://127.0.0.1:9",
        "control": format!("http://{control}"), "public_url": "http://127.0.0.1:9",
        "started_at": "2026-11-25T00:00:00.000Z",
    });
    std::fs::write(home.data().join("server.json"), file.to_string()).expect("written");
}

/// Every kind of command that shows a key.
const COMMANDS: [&[&str]; 9] = [
    &["token", "ls"],
    &["token", "issue", "demo", "hook", "github"],
    &["messages", "ls"],
    &["key", "ls"],
    &["session", "ls"],
    &["listen"],
    &["run", "--folder", "demo", "--", "true"],
    &["doctor"],
    &["backup", "all.bak"],
];

#[test]
fn whoever_took_the_port_of_a_server_that_died_is_not_shown_the_operators_key() {
    let home = Home::new();
    let mut server = home.serve();
    let key = home.operator_key();
    server.kill();
    for answer in [
        reply("404 Not Found", "{}"),
        reply("200 OK", "ready"),
        reply("200 OK", "{\"address\":\"127.0.0.1:1\",\"mac\":\"00\"}"),
        "no HTTP\r\n\r\n".to_owned(),
        String::new()
            + "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    ] {
        let thief = Thief::begin(move |request| {
            // It says that it is ready, so that those who look first go on.
            match request.starts_with("GET /readyz") || request.starts_with("GET /healthz") {
                true => reply("200 OK", "ready"),
                false => answer.clone(),
            }
        });
        point(&home, thief.addr);
        for command in COMMANDS {
            let ran = home.cli(command);
            assert_eq!(ran.code, 1, "{command:?}: {}{}", ran.stdout, ran.stderr);
            let heard = thief.heard();
            assert!(!heard.contains(&key[4..47]), "{command:?}:\n{heard}");
            assert!(!heard.contains("uthorization"), "{command:?}:\n{heard}");
        }
        assert!(thief.heard().contains("nonce="), "{}", thief.heard());
    }
}

#[test]
fn a_question_passed_on_to_the_server_itself_proves_nothing() {
    let home = Home::new();
    let server = home.serve();
    let (key, control) = (home.operator_key(), server.control);
    let thief = Thief::begin(move |request| {
        let target = request.split(' ').nth(1).unwrap_or_default();
        let answer = http::send(control, "GET", target, &[], b"").expect("the server answers");
        reply("200 OK", &answer.text())
    });
    point(&home, thief.addr);
    let ran = home.cli(&["token", "ls"]).expect(1);
    assert!(ran.stderr.contains("does not prove"), "{}", ran.stderr);
    let heard = thief.heard();
    assert!(
        heard.contains("nonce=") && !heard.contains(&key[4..47]),
        "{heard}"
    );
    // The same question, asked of the server where it is, is answered well.
    point(&home, server.control);
    home.cli(&["token", "ls"]).expect(0);
    for name in ["localhost", "127.0.0.1"] {
        let url = format!("http://{name}:{}", server.control.port());
        home.cli_with(&["key", "ls"], &[("DOORBELL_URL", &url)])
            .expect(0);
    }
}

#[test]
fn another_directorys_server_is_told_from_our_own_and_a_key_in_the_environment_needs_no_proof() {
    let (home, other) = (Home::new(), Home::new());
    let server = home.serve();
    let others = other.serve();
    point(&home, others.control);
    let ran = home.cli(&["token", "ls"]).expect(1);
    assert!(ran.stderr.contains("--data-dir"), "{}", ran.stderr);
    let key = server.operator().issue_key("acme");
    let url = format!("http://{}", server.control);
    let env = [
        ("DOORBELL_URL", url.as_str()),
        ("DOORBELL_KEY", key.as_str()),
    ];
    home.cli_with(&["token", "ls"], &env).expect(0);
    let env = [
        ("DOORBELL_URL", format!("http://{}", others.control)),
        ("DOORBELL_KEY", key.clone()),
    ];
    let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
    let ran = home.cli_with(&["token", "ls"], &env).expect(1);
    assert!(ran.stderr.contains("DOORBELL_KEY"), "{}", ran.stderr);
}

#[test]
fn a_proof_is_for_one_question_and_a_question_has_a_form() {
    let home = Home::new();
    let server = home.serve();
    let ask = |nonce: &str| {
        let target = format!("/proof?nonce={nonce}");
        http::send(server.control, "GET", &target, &[], b"").expect("an answer")
    };
    let mac = |reply: http::Reply| -> Value { reply.expect(200).json()["mac"].clone() };
    let (one, other) = ("0".repeat(64), "1".repeat(64));
    assert_ne!(mac(ask(&one)), mac(ask(&other)));
    assert_eq!(mac(ask(&one)), mac(ask(&one)));
    for bad in ["", "0", &"g".repeat(64), &"0".repeat(65)] {
        assert_eq!(ask(bad).status, 400, "{bad}");
    }
}
