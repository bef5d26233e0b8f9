//! `doorbell run`: a program live as a session.

use std::{
    fs,
    process::Stdio,
    time::{Duration, Instant},
};

use doorbell_core::testing::PATIENCE;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use super::house::{House, client};

/// A program that says back each line it is told.
const ECHO: &str = "stty -echo; echo READY; while read -r line; do echo \"<$line>\"; done";
const SETTINGS: &str = "listen = \"127.0.0.1:0\"\ncontrol = \"127.0.0.1:0\"\nhook_rate = 0\n";

async fn house() -> House {
    let mut house = House::with_settings(SETTINGS);
    house.serve().await;
    house
}

/// Starts `script` in the session `build`.
fn build(house: &House, script: &str) -> (super::house::Running, tokio::process::ChildStdin) {
    let args = [
        "run",
        "--folder",
        "acme/eng",
        "--session",
        "build",
        "--",
        "sh",
        "-c",
        script,
    ];
    house.start_with_input(&args)
}

/// Mints a token for the session `build`; its URL.
async fn expose(house: &House) -> String {
    let exposed = house
        .run(&["channel", "expose", "--session", "build", "--json"])
        .await;
    assert_eq!(exposed.code, Some(0), "{}", exposed.err);
    let exposed: Value = serde_json::from_str(&exposed.out).expect("JSON");
    exposed["url"].as_str().expect("a URL").to_owned()
}

/// Says something: the answer.
async fn knock(client: &reqwest::Client, url: &str, message: &str) -> Value {
    let knock = client
        .post(url)
        .json(&json!({"message": message, "from": "ci"}));
    knock
        .send()
        .await
        .expect("answered")
        .json()
        .await
        .expect("JSON")
}

/// Waits until a message is settled.
async fn settled(house: &House, answer: &Value) {
    let id = answer["message_id"].as_str().expect("an id");
    let began = Instant::now();
    while house.life(id).await["state"] != "settled" {
        assert!(began.elapsed() < PATIENCE, "{id} is not settled");
    }
}

#[tokio::test]
async fn the_program_is_its_own_and_its_session_ends_with_it() {
    let house = house().await;
    let run = house
        .run(&[
            "run",
            "--folder",
            "acme/eng",
            "--",
            "sh",
            "-c",
            "echo $DOORBELL_SESSION $DOORBELL_FOLDER; tty >&2; exit 7",
        ])
        .await;
    assert_eq!(run.code, Some(7), "{}", run.err);
    let lines: Vec<&str> = run.out.lines().collect();
    let (session, folder) = lines[0].split_once(' ').expect("both");
    assert_eq!(folder, "acme/eng");
    assert!(lines[1].starts_with("/dev/"), "{lines:?}");
    assert_eq!(run.err, "");
    let list = house.run(&["session", "ls", "--json"]).await.out;
    let entry: Value = serde_json::from_str(&list).expect("one");
    assert_eq!(
        (&entry["id"], &entry["state"]),
        (&json!(session), &json!("ended"))
    );
}

#[tokio::test]
async fn an_operator_names_the_folder_and_a_missing_program_is_127() {
    let house = house().await;
    let run = house.run(&["run", "--", "true"]).await;
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("folder: is required"), "{}", run.err);
    let run = house
        .run(&["run", "--folder", "acme", "--", "no-such-program"])
        .await;
    assert_eq!(run.code, Some(127));
    assert!(
        run.err.contains("cannot run no-such-program"),
        "{}",
        run.err
    );
}

#[tokio::test]
async fn a_thousand_said_meanwhile_are_typed_in_order_and_once() {
    let house = house().await;
    let (first, input) = build(&house, "exit 0");
    assert_eq!(first.ended().await, Some(0));
    drop(input);
    let (client, url) = (client(), expose(&house).await);
    let mut last = Value::Null;
    for n in 0..1_000 {
        last = knock(&client, &url, &format!("message {n}")).await;
        assert_eq!(last["status"], "buffered", "{last}");
    }
    let (mut run, input) = build(&house, ECHO);
    assert_eq!(run.out().await, "READY");
    for n in 0..1_000 {
        assert_eq!(run.out().await, format!("<[ci] message {n}>"));
    }
    settled(&house, &last).await;
    drop(input);
    assert_eq!(run.ended().await, Some(0));
}

#[tokio::test]
async fn what_is_said_is_in_the_program_within_50_milliseconds_at_the_median() {
    let house = house().await;
    let (mut run, _input) = build(&house, ECHO);
    assert_eq!(run.out().await, "READY");
    let (client, url) = (client(), expose(&house).await);
    let mut times = Vec::new();
    for n in 0..60 {
        let answer = knock(&client, &url, &format!("message {n}")).await;
        let answered = Instant::now();
        assert_eq!(answer["status"], "delivered", "{answer}");
        assert_eq!(run.out().await, format!("<[ci] message {n}>"));
        times.push(answered.elapsed());
    }
    times.sort();
    println!(
        "answered to printed by the program: median {:?}, last {:?}",
        times[30], times[58]
    );
    assert!(times[30] < Duration::from_millis(50), "{times:?}");
}

#[tokio::test]
async fn one_program_at_a_time_is_attached() {
    let house = house().await;
    let (mut run, input) = build(&house, ECHO);
    assert_eq!(run.out().await, "READY");
    let second = house
        .run(&[
            "run",
            "--folder",
            "acme/eng",
            "--session",
            "build",
            "--",
            "echo",
            "RAN",
        ])
        .await;
    assert_eq!(second.code, Some(1));
    assert_eq!(second.out, "");
    assert!(
        second
            .err
            .contains("another program is attached to the session build"),
        "{}",
        second.err
    );
    drop(input);
    assert_eq!(run.ended().await, Some(0));
}

#[tokio::test]
async fn the_program_runs_on_when_its_session_is_ended_and_the_next_is_in_another_of_that_id() {
    let house = house().await;
    let (mut run, input) = build(&house, ECHO);
    assert_eq!(run.out().await, "READY");
    assert_eq!(house.run(&["session", "end", "build"]).await.code, Some(0));
    let mut input = input;
    tokio::io::AsyncWriteExt::write_all(&mut input, b"still here\n")
        .await
        .expect("typed");
    assert_eq!(run.out().await, "<still here>");
    drop(input);
    let notice = run.err().await;
    assert!(
        notice.contains("the session build was over before the program"),
        "{notice}"
    );
    assert_eq!(run.ended().await, Some(0));
    let (mut again, input) = build(&house, ECHO);
    assert_eq!(again.out().await, "READY");
    let list = house.run(&["session", "ls", "--json"]).await.out;
    let sessions: Vec<Value> = list
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let states: Vec<_> = sessions.iter().map(|session| &session["state"]).collect();
    assert_eq!(states, [&json!("ended"), &json!("live")], "{list}");
    assert!(sessions.iter().all(|session| session["id"] == "build"));
    drop(input);
    assert_eq!(again.ended().await, Some(0));
}

#[tokio::test]
async fn a_restart_of_the_server_loses_nothing_and_types_nothing_twice() {
    let mut house = house().await;
    let (mut run, input) = build(&house, ECHO);
    assert_eq!(run.out().await, "READY");
    let client = client();
    let url = expose(&house).await;
    let before = knock(&client, &url, "before").await;
    assert_eq!(run.out().await, "<[ci] before>");
    settled(&house, &before).await;
    house.stop().await;
    house.serve().await;
    let url = expose(&house).await;
    let after = knock(&client, &url, "after").await;
    assert_eq!(run.out().await, "<[ci] after>");
    settled(&house, &after).await;
    drop(input);
    assert_eq!(run.ended().await, Some(0));
    let log = fs::read_to_string(house.data_dir().join("run-build.log")).expect("noted");
    assert!(log.contains("attached again"), "{log}");
}

#[tokio::test]
async fn the_users_terminal_is_as_it_was_however_the_program_ends() {
    let house = house().await;
    for (end, code) in [
        ("exit 3", "3"),
        ("kill -TERM $PPID; sleep 600", "143"),
        ("kill -9 $$", "137"),
    ] {
        let (mut pty, pts) = pty_process::open().expect("a terminal");
        pty.resize(pty_process::Size::new(31, 97)).expect("resized");
        let at = |name: &str| house.path().join(name).display().to_string();
        let script = format!(
            "stty -a > {before}; \"$0\" run --folder acme -- sh -c 'stty size > {size}; {end}'; \
             echo $? > {code}; stty -a > {after}",
            before = at("before"),
            size = at("size"),
            code = at("code"),
            after = at("after"),
        );
        let mut child = pty_process::Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_doorbell")])
            .env("DOORBELL_DATA_DIR", house.data_dir())
            .kill_on_drop(true)
            .spawn(pts)
            .expect("started");
        let mut printed = Vec::new();
        let wait = async {
            tokio::select! {
                _ = pty.read_to_end(&mut printed) => child.wait().await,
                ended = child.wait() => ended,
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .expect("in time")
            .expect("ended");
        let read = |name: &str| fs::read_to_string(at(name)).expect("written");
        assert_eq!(
            read("code").trim(),
            code,
            "{}",
            String::from_utf8_lossy(&printed)
        );
        assert_eq!(read("size").trim(), "31 97");
        assert_eq!(read("after"), read("before"), "after {end}");
    }
}

#[tokio::test]
async fn where_nobody_reads_any_more_the_program_hears_a_hangup() {
    let house = house().await;
    let mut yes = house
        .command(&["run", "--folder", "acme", "--", "yes"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(house.log())
        .spawn()
        .expect("started");
    let mut first = [0; 2];
    let mut out = yes.stdout.take().expect("piped");
    out.read_exact(&mut first).await.expect("read");
    drop(out);
    let ended = tokio::time::timeout(PATIENCE, yes.wait()).await;
    assert_eq!(ended.expect("in time").expect("ended").code(), Some(129));
}

#[tokio::test]
async fn a_mebibyte_of_hostile_text_is_harmless_text_to_the_program() {
    let house = house().await;
    let text = "0123456789".repeat(90_000);
    // C1 in UTF-8 takes two bytes and the rest is escaped: the request stays under a mebibyte.
    let hostile = text.replacen(
        "0123456789",
        "\u{9b}201~\u{1b}[201~\u{3}\u{4}\r\n0123456789",
        3_000,
    );
    let harmless = text.replacen("0123456789", "201~[201~\n0123456789", 3_000);
    let script = format!(
        "stty raw -echo; printf '\\033[?2004hREADY\\n'; head -c {} > typed; stty sane; echo DONE",
        harmless.len() + 13
    );
    let args = [
        "run",
        "--folder",
        "acme/eng",
        "--session",
        "build",
        "--",
        "sh",
        "-c",
        &script,
    ];
    let mut run = house
        .command(&args)
        .current_dir(house.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(house.log())
        .spawn()
        .expect("started");
    let _input = run.stdin.take();
    let mut out = super::house::lines(run.stdout.take().expect("piped"));
    assert!(super::house::next(&mut out).await.contains("READY"));
    let url = expose(&house).await;
    let client = client();
    let knock = client
        .post(&url)
        .json(&json!({"message": hostile}))
        .send()
        .await;
    assert_eq!(knock.expect("answered").status(), 200);
    assert_eq!(super::house::next(&mut out).await, "DONE");
    let typed = fs::read(house.path().join("typed")).expect("recorded");
    assert!(typed == format!("\x1b[200~{harmless}\x1b[201~\r").as_bytes());
}
