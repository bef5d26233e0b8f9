//! Programs that take turns with their user.

use std::time::Duration;

use super::{
    super::Pace,
    rig::{Rig, id},
};

#[tokio::test]
async fn what_is_said_is_a_line_to_a_program_that_reads_lines() {
    let mut rig =
        Rig::sh("stty -echo; echo READY; while read -r line; do echo \"<$line>\"; done").await;
    rig.say(1, "[ci] tests\nfailed");
    rig.until("<[ci] tests failed>").await;
    rig.keys("mine\r").await;
    rig.until("<mine>").await;
    rig.keys([4]).await;
    assert_eq!(rig.settled().await, id(1));
    assert_eq!(rig.exit_code().await, 0);
}

#[tokio::test]
async fn a_shell_takes_a_paste_of_several_lines_as_one_command() {
    let mut rig = Rig::start(&["bash", "--norc", "--noprofile", "-i"], false);
    rig.until("\x1b[?2004h").await;
    rig.say(1, "echo one;\necho t''wo");
    rig.until("one\r\ntwo\r\n").await;
    rig.keys("exit 4\r").await;
    assert_eq!(rig.exit_code().await, 4);
}

#[tokio::test]
async fn nothing_is_typed_before_the_program_has_set_its_terminal_up() {
    let pace = Pace {
        at_most: Duration::from_secs(60),
        after: Duration::from_millis(50),
    };
    let script = "sleep 1; stty raw -echo; printf READY; head -c 6 | od -c; printf DONE";
    let mut rig = Rig::at_pace(&["sh", "-c", script], false, pace);
    rig.say(1, "early");
    let before = rig.until("READY").await;
    assert_eq!(before, "", "typed at a terminal that still echoed");
    let printed = rig.until("DONE").await;
    assert!(
        printed.contains("e   a   r   l   y  \\r"),
        "an Enter and not a newline: {printed}"
    );
    rig.exit_code().await;
}

#[tokio::test]
async fn the_program_runs_on_when_its_session_has_ended() {
    let mut rig = Rig::sh("stty -echo; echo READY; cat").await;
    rig.end_session();
    rig.say(1, "too late");
    rig.keys("mine\r").await;
    assert_eq!(rig.until("mine").await.trim(), "");
    rig.keys([4]).await;
    assert_eq!(rig.exit_code().await, 0);
}

#[tokio::test]
async fn a_key_that_has_begun_is_ended_first_and_waited_for_no_longer_than_a_key_takes() {
    let script = "stty raw -echo; printf READY; head -c 13 | od -An -c; printf DONE";
    let mut rig = Rig::sh(script).await;
    rig.keys([0xc3]).await;
    rig.say(1, "said");
    rig.keys([0xa9]).await;
    // A lone ESC is a key too.
    assert_eq!(rig.settled().await, id(1));
    rig.keys([0x1b]).await;
    rig.say(2, "ag");
    assert_eq!(rig.settled().await, id(2));
    rig.keys("abc").await;
    let printed = rig.until("DONE").await;
    let words: Vec<&str> = printed.split_whitespace().collect();
    let expected = "303 251 s a i d \\r 033 a g \\r a b";
    assert_eq!(words.join(" "), expected);
    rig.exit_code().await;
}

#[tokio::test]
async fn the_users_own_paste_is_not_broken_into() {
    let script = "stty raw -echo; printf '\\033[?2004hREADY'; head -c 41 | od -An -c; printf DONE";
    let mut rig = Rig::sh(script).await;
    rig.keys("\x1b[200~my ").await;
    rig.say(1, "said");
    rig.keys("own pas").await;
    rig.keys("te\x1b[201~").await;
    let printed = rig.until("DONE").await;
    let typed: String = printed.split_whitespace().collect();
    assert_eq!(typed, "033[200~myownpaste033[201~033[200~said033[201~\\r");
    rig.exit_code().await;
}
