//! The program behaves as if it were run bare.

use std::time::Duration;

use rustix::process::Signal;

use super::rig::Rig;

#[tokio::test]
async fn the_exit_status_is_the_programs() {
    for (script, code) in [
        ("exit 0", 0),
        ("exit 7", 7),
        ("kill -9 $$", 137),
        ("kill -15 $$", 143),
    ] {
        assert_eq!(
            Rig::start(&["sh", "-c", script], false).exit_code().await,
            code,
            "{script}"
        );
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_or_is_none_says_so_as_shells_do() {
    let (_, missing) = Rig::start(&["no-such-program-here"], false).end().await;
    let missing = missing.expect_err("it did not run");
    assert_eq!(missing.exit_code(), 127);
    assert!(
        missing
            .to_string()
            .starts_with("cannot run no-such-program-here: "),
        "{missing}"
    );
    let (_, not_one) = Rig::start(&["/etc/passwd"], false).end().await;
    assert_eq!(not_one.expect_err("it did not run").exit_code(), 126);
}

#[tokio::test]
async fn its_last_word_is_heard_even_if_something_it_left_holds_the_terminal() {
    let script = "trap '' HUP; sleep 600 & seq 1 20000; echo $!; exit 3";
    let (printed, status) = Rig::start(&["sh", "-c", script], false).end().await;
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), 20_001);
    let left: i32 = lines[20_000].parse().expect("a process number");
    let left = rustix::process::Pid::from_raw(left).expect("a process number");
    rustix::process::kill_process(left, Signal::KILL).expect("it was still there");
    assert_eq!(status.expect("it ran"), 3);
}

#[tokio::test]
async fn it_has_a_controlling_terminal_of_the_right_size() {
    let (printed, _) = Rig::start(
        &[
            "sh",
            "-c",
            "test -t 0 && echo at a tty > /dev/tty; stty size",
        ],
        false,
    )
    .end()
    .await;
    assert_eq!(printed, "at a tty\r\n24 80\r\n");
}

#[tokio::test]
async fn it_is_told_when_the_size_changes() {
    let mut rig =
        Rig::sh("trap 'stty size; exit 5' WINCH; echo READY; while :; do sleep .01; done").await;
    rig.resize(50, 132).await;
    rig.until("50 132").await;
    assert_eq!(rig.exit_code().await, 5);
}

#[tokio::test]
async fn typed_signals_reach_it_through_the_line_discipline() {
    for (key, code) in [(3, 130), (28, 131)] {
        let rig = Rig::sh("echo READY; exec sleep 600").await;
        rig.keys([key]).await;
        assert_eq!(rig.exit_code().await, code);
    }
}

#[tokio::test]
async fn a_shells_job_control_is_whole() {
    let mut rig = Rig::start(&["bash", "--norc", "--noprofile", "-i"], false);
    rig.until("$ ").await;
    // It says when it runs, and is one process: a shell that is about to vfork cannot be stopped.
    rig.keys("(echo u''p; exec cat)\r").await;
    rig.until("up\r\n").await;
    rig.keys([26]).await;
    rig.until("Stopped").await;
    rig.until("$ ").await;
    rig.keys("fg\r").await;
    rig.until("exec cat").await;
    rig.keys("still\r").await;
    rig.until("still\r\n").await;
    rig.keys([3]).await;
    rig.until("$ ").await;
    rig.keys("exit $?\r").await;
    assert_eq!(rig.exit_code().await, 130);
}

#[tokio::test]
async fn a_program_that_stops_itself_says_so_and_goes_on_when_its_user_is_back() {
    let mut rig = Rig::sh("echo READY; kill -STOP $$; echo ON; exit 6").await;
    rig.stopped().await;
    rig.go_on().await;
    rig.until("ON").await;
    assert_eq!(rig.exit_code().await, 6);
}

#[tokio::test]
async fn signals_sent_to_us_are_its_and_their_status_too() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let rig = Rig::sh("echo READY; exec sleep 600").await;
        rig.signal(signal).await;
        assert_eq!(rig.exit_code().await, code);
    }
    let rig = Rig::sh("trap 'exit 9' TERM; echo READY; while :; do sleep .01; done").await;
    rig.signal(Signal::TERM).await;
    assert_eq!(rig.exit_code().await, 9);
}

#[tokio::test]
async fn a_pipe_goes_through_and_its_end_is_the_end_of_the_input() {
    for text in ["one\ntwo\n", "one\nhalf a line", ""] {
        let mut rig = Rig::start(&["cat"], true);
        if !text.is_empty() {
            rig.keys(text).await;
        }
        rig.close();
        let (printed, status) = rig.end().await;
        assert_eq!(printed, text);
        assert_eq!(status.expect("it ran"), 0);
    }
}

#[tokio::test]
async fn the_end_of_a_terminal_is_not_typed() {
    let mut rig = Rig::sh("echo READY; cat; echo ENDED").await;
    rig.close();
    assert!(rig.until("\n").await.trim().is_empty());
    assert!(rig.is_silent_for(Duration::from_millis(300)).await);
    rig.signal(Signal::HUP).await;
    assert_eq!(rig.exit_code().await, 129);
}
