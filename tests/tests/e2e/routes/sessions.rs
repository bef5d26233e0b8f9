//! Rules whose target is a session.

use std::{process::Stdio, time::Duration};

use e2e::{
    cli::Running,
    server::{Home, wait_for},
};
use serde_json::json;

use super::{route, went};
use crate::ringing::agent::Agent;

#[test]
fn what_is_routed_to_a_session_is_typed_as_one_line_that_names_it_and_never_its_body() {
    let home = Home::new();
    let server = home.serve();
    let eng = server.agent("acme/eng");
    let hook = eng.mint(json!({"source_label": "github"}));
    let script = "stty -echo; echo READY; while read -r line; do echo \"<$line>\"; done";
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
    let mut command = home.doorbell(&args);
    command
        .stdin(Stdio::piped())
        .stdout(home.log("run.out"))
        .stderr(home.log("run.err"));
    let _running = Running(command.spawn().expect("the binary can be started"));
    wait_for("the program", || {
        home.read("run.out").contains("READY").then_some(())
    });
    let rule = route(&eng, "hook:**", "doorbell:/sessions/build");
    let id = hook.deliver(b"secret body\nrm -rf /\n");
    let typed = wait_for("the line", || {
        let out = home.read("run.out");
        let line = out.lines().find(|line| line.contains(&id))?.to_owned();
        line.trim_end().ends_with('>').then_some(line)
    });
    assert!(
        typed.contains("github") && typed.contains(&hook.jid),
        "{typed}"
    );
    wait_for("the write to settle it", || {
        let detail = eng.get(&format!("/v1/messages/{id}"));
        (detail["state"] == "settled").then_some(())
    });
    let out = home.read("run.out");
    assert!(
        !out.contains("secret body") && !out.contains("rm -rf"),
        "{out}"
    );
    let build = "doorbell:/sessions/build";
    assert_eq!(went(&server, &id).2.as_deref(), Some(rule.as_str()));
    let tested = eng.post("/v1/routes/test", json!({"jid": hook.jid}));
    assert_eq!(
        (&tested["target"], &tested["mode"]),
        (&json!(build), &json!("trigger"))
    );
}

#[test]
fn what_is_routed_to_a_session_is_pushed_to_its_channel_and_what_is_observed_never_is() {
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let (loud, quiet) = (
        operator.hook("acme", "loud"),
        operator.hook("acme", "quiet"),
    );
    let mut agent = Agent::ready(&home, &["--channel", "--session", "build"]);
    wait_for("it to attach", || {
        let sessions = operator.get("/v1/sessions");
        (sessions["sessions"][0]["state"] == "live").then_some(())
    });
    let acme = server.agent("acme");
    route(&acme, "hook:acme/loud", "doorbell:/sessions/build");
    route(&acme, "hook:acme/quiet", "acme#observe");
    quiet.deliver(b"quiet");
    let id = loud.deliver(b"loud");
    let pushed = agent.pushed();
    let content = pushed["content"].as_str().expect("a content");
    assert!(
        content.contains("loud") && !content.contains("quiet"),
        "{content}"
    );
    assert_eq!(pushed["meta"]["jid"], json!(loud.jid));
    let received = agent.call("receive_messages", json!({}));
    assert_eq!(received["messages"][0]["id"], json!(id));
    assert_eq!(received["observed"][0]["body"], "quiet");
    // Everything pushed to it by now was that one.
    agent.ask("ping", json!({}));
    assert_eq!(agent.heard(), 0);
    agent.end();
}

#[test]
fn a_session_without_anything_attached_keeps_it_and_one_that_ended_lets_it_go_on() {
    let home = Home::new();
    let server = home.serve();
    let eng = server.agent("acme/eng");
    let hook = eng.mint(json!({"source_label": "github"}));
    eng.make("/v1/sessions", json!({"id": "build"}));
    let first = route(&eng, "hook:**", "doorbell:/sessions/build");
    let next = route(&eng, "hook:**", "acme/eng/late");
    let kept = hook.deliver(b"1");
    assert_eq!(went(&server, &kept).2.as_deref(), Some(first.as_str()));
    assert_eq!(eng.receive(json!({})).len(), 0, "it is the session's alone");
    let own = eng.clone().with("Doorbell-Session", "build");
    assert_eq!(own.receive(json!({}))[0]["id"], json!(kept));
    eng.call("DELETE", "/v1/sessions/build", None).expect(200);
    let late = hook.deliver(b"2");
    let went_on = ("acme/eng/late".into(), "trigger".into(), Some(next));
    assert_eq!(went(&server, &late), went_on);
    let tested = eng.post("/v1/routes/test", json!({"jid": hook.jid}));
    let why = tested["rules"][0]["why"].as_str().expect("a reason");
    assert!(why.contains("session"), "{tested}");
}

#[test]
fn senders_that_race_the_end_of_a_session_are_all_answered_with_200_and_nothing_is_lost() {
    let home = Home::new();
    let server = home.serve_with(&["--hook-rate", "0"]);
    let eng = server.agent("acme/eng");
    let hook = eng.mint(json!({"source_label": "github"}));
    for round in 0..5 {
        let id = format!("s{round}");
        eng.make("/v1/sessions", json!({"id": id}));
        route(&eng, "hook:**", &format!("doorbell:/sessions/{id}"));
        let sending = {
            let hook = hook.clone();
            std::thread::spawn(move || {
                for _ in 0..40 {
                    hook.post(&[], b"x").expect(200);
                }
            })
        };
        std::thread::sleep(Duration::from_millis(5));
        eng.call("DELETE", &format!("/v1/sessions/{id}"), None)
            .expect(200);
        sending.join().expect("every one is a 200");
    }
    assert_eq!(eng.log().len(), 200);
}
