//! A thousand at once, in order, each whole, among the user's own keys.

use std::{
    fs,
    time::{Duration, Instant},
};

use super::rig::{Rig, id};

const MANY: u32 = 1_000;

#[tokio::test]
async fn a_thousand_injections_and_the_users_keys_are_never_mixed() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("typed");
    // Keys of every kind, cut at every byte.
    let keys = [
        "a",
        "é",
        "🔔",
        "\x1b[A",
        "\x1b[15;5~",
        "\x1b[<0;10;20M",
        "\x1bOP",
    ];
    let typed: Vec<u8> = (0..300)
        .flat_map(|n| keys[n % keys.len()].bytes())
        .collect();
    let said: Vec<String> = (0..MANY).map(|n| format!("<said {n:04} é>")).collect();
    let total = typed.len() + said.iter().map(|text| text.len() + 1).sum::<usize>();
    let script = format!(
        "stty raw -echo; printf READY; head -c {total} > {}; printf DONE",
        file.display()
    );
    let mut rig = Rig::sh(&script).await;
    let keyboard = rig.keyboard();
    let user = {
        let typed = typed.clone();
        tokio::spawn(async move {
            for byte in typed {
                keyboard.send(vec![byte]).await.expect("the program runs");
            }
        })
    };
    for (n, text) in (0..).zip(&said) {
        rig.say(n, text);
    }
    user.await.expect("typed");
    rig.until("DONE").await;
    for n in 0..MANY {
        assert_eq!(rig.settled().await, id(n));
    }
    rig.exit_code().await;
    let recorded = fs::read(&file).expect("recorded");
    let mut rest = String::from_utf8(recorded).expect("no character was cut in two");
    for text in &said {
        let at = rest
            .find(&format!("{text}\r"))
            .unwrap_or_else(|| panic!("no whole {text}"));
        // What comes before it are whole keys.
        let before: String = rest.drain(..at).collect();
        let mut left = before.as_str();
        while !left.is_empty() {
            let key = keys.iter().find(|key| left.starts_with(**key));
            left = &left[key.unwrap_or_else(|| panic!("cut in {before:?}")).len()..];
        }
        rest.drain(..=text.len());
    }
    let mut all = String::from_utf8(fs::read(&file).expect("recorded")).expect("text");
    for text in &said {
        all = all.replacen(&format!("{text}\r"), "", 1);
    }
    assert_eq!(all.as_bytes(), typed, "the user's keys, in order");
}

#[tokio::test]
async fn a_thousand_lines_reach_a_program_that_reads_lines_in_order_and_once() {
    let mut rig =
        Rig::sh("stty -echo; echo READY; while read -r line; do echo \"<$line>\"; done").await;
    for n in 0..MANY {
        rig.say(n, &format!("message {n}"));
    }
    for n in 0..MANY {
        let before = rig.until(&format!("<message {n}>\r\n")).await;
        assert_eq!(before.trim(), "", "something came before message {n}");
        assert_eq!(rig.settled().await, id(n));
    }
    rig.keys([4]).await;
    assert_eq!(rig.exit_code().await, 0);
}

#[tokio::test]
async fn a_text_is_in_the_program_a_moment_after_it_was_said() {
    let mut rig = Rig::sh("stty -echo; echo READY; cat").await;
    let mut times: Vec<Duration> = Vec::new();
    for n in 0..200 {
        let began = Instant::now();
        rig.say(n, &format!("text {n}"));
        rig.until(&format!("text {n}\r\n")).await;
        times.push(began.elapsed());
    }
    times.sort();
    let (median, late) = (times[100], times[198]);
    println!("said to printed by the program: median {median:?}, 99th percentile {late:?}");
    assert!(median < Duration::from_millis(50), "{median:?}");
    rig.keys([4]).await;
    rig.exit_code().await;
}
