//! Whatever is said reaches the program as harmless text, or not at all.

use std::{fs, time::Duration};

use super::rig::{Rig, id};

const MIB: usize = 1024 * 1024;

/// Everything that has been tried on terminals.
const HOSTILE: &str = "\x1b]52;c;cm0gLXJm\x07a\x1b[201~\nrm -rf /\r\u{9b}201~b\u{9d}0;t\u{9c}\
    \x03\x04\x1a\x1c\x11\x13\x16\x7f\x08\x00\x1bP$q\x1b\\\x1b[6n\x1b[c\x1b[21t\x0e\u{85}c\r\nd\te";

/// Records `count` bytes that are typed at a raw terminal, and prints DONE.
fn recorder(set_up: &str, file: &std::path::Path, count: usize) -> String {
    let file = file.display();
    format!("stty raw -echo; printf '{set_up}READY'; head -c {count} > {file}; printf DONE")
}

async fn recorded(set_up: &str, text: &str, expected: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("typed");
    let mut rig = Rig::sh(&recorder(set_up, &file, expected.len())).await;
    rig.say(1, text);
    rig.until("DONE").await;
    assert_eq!(rig.settled().await, id(1));
    assert_eq!(rig.exit_code().await, 0);
    let typed = fs::read(&file).expect("recorded");
    assert_eq!(String::from_utf8_lossy(&typed), expected);
}

#[tokio::test]
async fn a_program_that_asked_for_bracketed_paste_gets_one_paste_and_one_enter() {
    let text = "]52;c;cm0gLXJma[201~\nrm -rf /\n201~b0;tP$q\\[6n[c[21tc\nd\te";
    recorded(
        "\\033[?2004h",
        HOSTILE,
        &format!("\x1b[200~{text}\x1b[201~\r"),
    )
    .await;
}

#[tokio::test]
async fn any_other_program_gets_one_line_and_one_enter() {
    let text = "]52;c;cm0gLXJma[201~ rm -rf / 201~b0;tP$q\\[6n[c[21tc d e";
    recorded("", HOSTILE, &format!("{text}\r")).await;
    recorded("\\033[?2004h\\033c", HOSTILE, &format!("{text}\r")).await;
}

#[tokio::test]
async fn a_mebibyte_of_it_is_whole_at_a_raw_terminal() {
    let text = format!("{}{HOSTILE}", "0123456789abcdef".repeat(MIB / 16));
    let end = "]52;c;cm0gLXJma[201~\nrm -rf /\n201~b0;tP$q\\[6n[c[21tc\nd\te";
    let body = "0123456789abcdef".repeat(MIB / 16);
    let expected = format!("\x1b[200~{body}{end}\x1b[201~\r");
    recorded("\\033[?2004h", &text, &expected).await;
}

#[tokio::test]
async fn a_mebibyte_in_one_line_loses_nothing_in_canonical_mode() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("typed");
    let script = format!(
        "stty -echo; echo READY; head -c {} > {}; echo DONE",
        MIB + 1,
        file.display()
    );
    let mut rig = Rig::sh(&script).await;
    let text = "0123456789abcdé".repeat(MIB / 16);
    rig.say(1, &text);
    rig.until("DONE").await;
    let typed = fs::read(&file).expect("recorded");
    assert_eq!(typed, format!("{text}\n").as_bytes());
    rig.exit_code().await;
}

#[tokio::test]
async fn what_a_program_does_not_read_stops_neither_its_output_nor_its_user() {
    let mut rig = Rig::sh("stty -echo; echo READY; sleep 600; echo AGAIN; cat").await;
    rig.say(1, &"x".repeat(MIB));
    rig.say(2, "second");
    // The terminal is full, and the program can still be interrupted.
    assert!(rig.until("\n").await.trim().is_empty());
    assert!(rig.is_silent_for(Duration::from_millis(500)).await);
    assert!(!rig.is_settled());
    rig.keys([3]).await;
    assert_eq!(rig.exit_code().await, 130);
}

#[tokio::test]
async fn an_injection_that_is_held_up_goes_on_where_it_was() {
    let script = "stty raw -echo; echo READY; sleep 1; printf STILL; printf HERE; \
        head -c 1048577 | tr -d x | od -c | head -3; head -c 4 | od -c; echo DONE";
    let mut rig = Rig::sh(script).await;
    rig.say(1, &"x".repeat(MIB));
    rig.until("STILLHERE").await;
    rig.keys("keys").await;
    assert_eq!(rig.settled().await, id(1));
    let printed = rig.until("DONE").await;
    let words: Vec<&str> = printed.split_whitespace().collect();
    assert_eq!(
        words,
        [
            "0000000", "\\r", "0000001", "0000000", "k", "e", "y", "s", "0000004"
        ]
    );
    rig.exit_code().await;
}

#[tokio::test]
async fn what_has_nothing_left_presses_no_enter_and_is_settled() {
    let mut rig = Rig::sh("stty raw -echo; printf READY; head -c 3 | od -c; printf DONE").await;
    rig.say(1, "\x1b\x07\u{9b}\x03");
    assert_eq!(rig.settled().await, id(1));
    rig.say(2, "ok");
    let printed = rig.until("DONE").await;
    assert!(printed.contains("o   k  \\r"), "{printed}");
    rig.exit_code().await;
}
