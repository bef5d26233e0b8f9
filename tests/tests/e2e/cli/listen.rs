//! `listen`: looks, hands on, settles by outcome.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    process::{ChildStderr, Stdio},
    thread,
};

use e2e::{
    cli::Running,
    http::{Reply, Wire, send},
    server::{Doorbell, Home, signal, wait_for},
};
use serde_json::{Value, json};

fn detail(server: &Doorbell<'_>, id: &str) -> Value {
    server.operator().get(&format!("/v1/messages/{id}"))
}

#[test]
fn off_a_terminal_listen_prints_a_message_a_line_and_leases_nothing() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let (ours, other) = (operator.hook("acme", "x"), operator.hook("other", "x"));
    let listening = home.start(&["listen", "hook:acme/**"], "listen");
    wait_for("listen to begin", || {
        ours.deliver(b"begin");
        thread::sleep(std::time::Duration::from_millis(50));
        home.read("listen.out").contains("begin").then_some(())
    });
    other.deliver(b"not ours");
    let id = ours.deliver(b"\xff\x1b[2J");
    let line = wait_for("the message", || {
        home.read("listen.out")
            .lines()
            .find(|line| line.contains(&id))
            .map(str::to_owned)
    });
    drop(listening);
    let shown: Value = serde_json::from_str(&line).expect("a line is an object");
    assert_eq!(
        (&shown["body_encoding"], &shown["jid"]),
        (&json!("base64"), &json!("hook:acme/x"))
    );
    assert!(!home.read("listen.out").contains("not ours"));
    let state = detail(&server, &id);
    assert_eq!(
        (&state["state"], &state["attempt"]),
        (&json!("pending"), &json!(0))
    );
}

#[test]
fn listen_exec_settles_by_the_commands_exit_status_and_gives_it_the_exact_body() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let (good, bad) = (operator.hook("acme", "good"), operator.hook("acme", "bad"));
    let script = "cat > \"body-$DOORBELL_ID\"; test \"$DOORBELL_SENDER\" = good";
    let _listening = home.start(&["listen", "--folder", "acme", "--exec", script], "listen");
    let body = b"exact \xff\0 bytes\n $(touch owned)";
    let done = good.deliver(body);
    let failed = bad.deliver(b"{}");
    wait_for("the good one to be settled", || {
        (detail(&server, &done)["state"] == "settled").then_some(())
    });
    let kept = std::fs::read(home.dir().join(format!("body-{done}"))).expect("the command ran");
    assert_eq!(kept, body);
    let state = wait_for("the bad one to be given back", || {
        let life = detail(&server, &failed);
        life["life"]
            .as_array()?
            .iter()
            .any(|event| event["what"] == "nacked")
            .then_some(life)
    });
    assert_ne!(state["state"], "settled");
    assert!(!home.dir().join("owned").exists());
}

#[test]
fn listen_forward_to_posts_what_came_and_settles_on_a_2xx() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme", "x");
    let target = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!(
        "http://{}/webhooks?own=1",
        target.local_addr().expect("bound")
    );
    let _listening = home.start(
        &["listen", "--folder", "acme", "--forward-to", &url],
        "listen",
    );
    // What the target is told, and its answers: no, then yes.
    let heard = thread::spawn(move || {
        ["500 No", "204 Yes"].map(|status| {
            let (mut stream, _) = target.accept().expect("listen dials");
            let mut heard = Vec::new();
            let mut chunk = [0; 4096];
            while !heard.ends_with(b"\n$end") {
                let length = stream.read(&mut chunk).expect("readable");
                assert!(length > 0, "{}", String::from_utf8_lossy(&heard));
                heard.extend_from_slice(&chunk[..length]);
            }
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).expect("writable");
            heard
        })
    });
    let signed = [
        ("X-Hub-Signature-256", "sha256=fixture"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("Content-Type", "application/json"),
    ];
    let body = b"{ \"a\":1.0,\xff\r\n}\n$end";
    let reply = server
        .front("PUT", &format!("{}?b=%202", hook.path()), &signed, body)
        .expect(200);
    let id = reply.header("x-message-id").expect("an id").to_owned();
    for heard in heard.join().expect("both came") {
        let head = String::from_utf8_lossy(&heard).to_lowercase();
        assert!(
            head.starts_with("put /webhooks?own=1&b=%202 http/1.1\r\n"),
            "{head}"
        );
        assert!(
            head.contains("x-hub-signature-256: sha256=fixture"),
            "{head}"
        );
        assert!(head.contains("\r\ntraceparent: 00-0af76519"), "{head}");
        assert!(heard.ends_with(body), "{head}");
    }
    // The state may show a moment before the event that led to it is durable.
    let life = wait_for("it to be settled", || {
        let message = detail(&server, &id);
        let life = message["life"].as_array().expect("a life").iter();
        // Whether it rang depends on whether the listener was waiting just then.
        let life: Vec<_> = life
            .map(|event| event["what"].clone())
            .filter(|what| what != "rung")
            .collect();
        (life.last()? == "acked").then_some(life)
    });
    let expected = ["accepted", "matched", "leased", "nacked", "leased", "acked"];
    assert_eq!(life, expected);
    assert_eq!(detail(&server, &id)["state"], "settled");
}

#[test]
fn what_is_forwarded_has_the_header_bytes_that_came() {
    let home = Home::new();
    let server = home.serve();
    let hook = server.operator().hook("acme", "x");
    let target = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = target.local_addr().expect("bound").port().to_string();
    let _listening = home.start(
        &["listen", "--folder", "acme", "--forward-to", &port],
        "listen",
    );
    let mut wire = Wire::open(server.front).expect("connected");
    let head = format!("POST {} HTTP/1.1\r\nHost: bell.example\r\n", hook.path());
    wire.write(head.as_bytes()).expect("written");
    wire.write(b"X-Latin: caf\xe9\r\nX-Utf: caf\xc3\xa9\r\nContent-Length: 4\r\n\r\n$end")
        .expect("written");
    wire.reply(false).expect("an answer").expect(200);
    let (mut stream, _) = target.accept().expect("listen dials");
    let mut heard = Vec::new();
    let mut chunk = [0; 4096];
    while !heard.ends_with(b"$end") {
        let length = stream.read(&mut chunk).expect("readable");
        assert!(length > 0, "{}", String::from_utf8_lossy(&heard));
        heard.extend_from_slice(&chunk[..length]);
    }
    let holds = |line: &[u8]| heard.windows(line.len()).any(|at| at == line);
    assert!(holds(b"x-latin: caf\xe9\r\n"), "{heard:?}");
    assert!(holds(b"x-utf: caf\xc3\xa9\r\n"), "{heard:?}");
}

#[test]
fn an_operator_must_name_the_inbox_that_is_emptied() {
    let home = Home::new();
    let _server = home.serve();
    let ran = home.cli(&["listen", "--exec", "true"]).expect(1);
    assert!(ran.stderr.contains("--folder"), "{}", ran.stderr);
    home.cli(&[
        "listen",
        "--folder",
        "acme",
        "--exec",
        "true",
        "--forward-to",
        "http://127.0.0.1:9",
    ])
    .expect(2);
    home.cli(&["listen", "--folder", "acme", "--forward-to", "not a url"])
        .expect(1);
}

/// `listen --issue`, and the URL that it printed. Its standard error is kept nowhere: it holds the
/// token, as it is meant to.
struct Issued {
    running: Running,
    stderr: BufReader<ChildStderr>,
    path: String,
}

impl Issued {
    fn start(home: &Home, args: &[&str]) -> Self {
        let mut child = home
            .doorbell(args)
            .stdout(home.log("listen.out"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be started");
        let mut stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut url = String::new();
        stderr.read_line(&mut url).expect("it prints the URL");
        e2e::run::register(url.trim());
        let path = url.trim().split_once("/hook/").expect("a URL").1;
        Self {
            path: format!("/hook/{path}"),
            running: Running(child),
            stderr,
        }
    }

    fn post(&self, server: &Doorbell<'_>) -> Reply {
        send(server.front, "POST", &self.path, &[], b"{}").expect("the front door answers")
    }

    /// Posts, and waits until it is shown.
    fn deliver(&self, home: &Home, server: &Doorbell<'_>) -> String {
        let reply = self.post(server).expect(200);
        let id = reply.header("x-message-id").expect("an id").to_owned();
        wait_for("the message", || {
            home.read("listen.out").contains(&id).then_some(())
        });
        id
    }

    /// Presses Ctrl-C, and returns what it had to say.
    fn interrupt(&mut self) -> String {
        signal(self.running.0.id(), "INT");
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).expect("it ends");
        assert!(self.running.0.wait().expect("it ends").success(), "{rest}");
        rest
    }
}

#[test]
fn a_url_of_its_own_lives_as_long_as_listen_and_what_nobody_took_is_settled() {
    let home = Home::new();
    let server = home.serve();
    let mut listening = Issued::start(&home, &["listen", "--issue", "github"]);
    let id = listening.deliver(&home, &server);
    assert_eq!(detail(&server, &id)["jid"], "hook:demo/github");
    assert_eq!(detail(&server, &id)["state"], "pending");
    let last = listening.interrupt();
    assert!(last.contains("revoked, and 1 message settled"), "{last}");
    assert_eq!(listening.post(&server).status, 401);
    assert_eq!(detail(&server, &id)["state"], "settled");
}

#[test]
fn what_is_kept_outlives_listen_by_a_day_at_the_most() {
    let home = Home::new();
    let server = home.serve();
    let args = ["listen", "--issue", "ci", "--keep", "--folder", "acme"];
    let mut listening = Issued::start(&home, &args);
    let id = listening.deliver(&home, &server);
    let last = listening.interrupt();
    assert!(last.contains("token revoke"), "{last}");
    assert_eq!(listening.post(&server).status, 200);
    assert_eq!(detail(&server, &id)["state"], "pending");
    let live = &server.operator().get("/v1/route_tokens")["tokens"][0];
    assert!(live["expires_at"].is_string(), "{live}");
}
