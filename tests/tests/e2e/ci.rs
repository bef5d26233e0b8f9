//! The tests themselves, as `.ci/test` runs them: what it sums up, and that they hold in the background.

use std::{
    os::unix::process::ExitStatusExt,
    process::{Command, Output},
};

use e2e::{binary::workspace, signals};

/// A script that has what `.ci/test` has to run steps and to sum up, and ends as told.
fn summed_up(steps: &str) -> (Output, Vec<String>) {
    let script = format!("set -uo pipefail; . .ci/summary.sh; {steps}");
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(workspace())
        .output()
        .expect("bash is there");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, said.lines().map(str::to_owned).collect())
}

const CARGO: &str =
    "test result: FAILED. 3 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out";

#[test]
fn the_last_line_sums_up_all_that_ran_and_what_failed_kept_nothing_from_running() {
    let steps = format!(
        "check lints false; suite unit sh -c 'echo \"test a::b ... FAILED\"; echo \"{CARGO}\"; exit 101'; \
         suite node sh -c 'echo \"ℹ pass 4\"; echo \"ℹ fail 0\"; echo \"ℹ skipped 1\"'"
    );
    let (output, lines) = summed_up(&steps);
    assert_eq!(
        lines.last().expect("a line"),
        "7 passed, 2 failed, 3 skipped"
    );
    assert_eq!(output.status.code(), Some(1));
    for red in ["!! FAILED lints", "!! FAILED a::b"] {
        assert!(lines.iter().any(|line| line == red), "{red}: {lines:?}");
    }
    let (output, lines) = summed_up(&format!("suite unit echo \"{}\"", CARGO.replace('1', "0")));
    assert_eq!(
        lines.last().expect("a line"),
        "3 passed, 0 failed, 2 skipped"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn what_does_not_build_dies_runs_nothing_or_ends_early_is_red_and_summed_up() {
    for (steps, last) in [
        ("suite unit false", "0 passed, 1 failed, 0 skipped"),
        (
            "suite unit sh -c 'kill -9 $$'",
            "0 passed, 1 failed, 0 skipped",
        ),
        ("suite unit true", "0 passed, 1 failed, 0 skipped"),
        (
            "check fine true; give_up no network; check not true",
            "1 passed, 1 failed, 0 skipped",
        ),
        (
            "check fine true; kill -TERM $$",
            "1 passed, 1 failed, 0 skipped",
        ),
    ] {
        let (output, lines) = summed_up(steps);
        assert_eq!(lines.last().expect("a line"), last, "{steps}");
        assert!(!output.status.success(), "{steps}");
    }
}

#[test]
fn what_is_skipped_is_counted_and_said_with_its_reason() {
    let steps = format!(
        "suite unit echo \"{}\"; printf 'test\\ta::b\\tno groff\\ntest\\ta::b\\tno mandoc\\n\
         check\\tadvisories\\tno network\\n' >>\"$DOORBELL_TEST_SKIPS\"",
        CARGO.replace('1', "0")
    );
    let (_, lines) = summed_up(&steps);
    // A test that skips itself had passed for its runner.
    assert_eq!(
        lines.last().expect("a line"),
        "2 passed, 0 failed, 4 skipped"
    );
    for said in [
        "!! SKIPPED a::b: no groff",
        "!! SKIPPED a::b: no mandoc",
        "!! SKIPPED advisories: no network",
    ] {
        assert!(lines.iter().any(|line| line == said), "{said}: {lines:?}");
    }
}

#[test]
fn what_a_test_starts_can_be_interrupted() {
    signals::restore_for_children();
    for (name, number) in [("INT", 2), ("QUIT", 3)] {
        let script = format!("kill -{name} $$; exit 0");
        let ended = Command::new("sh").args(["-c", &script]).status();
        assert_eq!(ended.expect("sh is there").signal(), Some(number), "{name}");
    }
}

#[test]
fn what_a_test_starts_can_be_interrupted_where_the_tests_run_in_the_background() {
    let ours = std::env::current_exe().expect("a running program has a path");
    let again = Command::new("sh")
        .args([
            "-c",
            "trap '' INT QUIT; exec \"$0\" --exact ci::what_a_test_starts_can_be_interrupted",
        ])
        .arg(ours)
        .output()
        .expect("sh is there");
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(said.contains("1 passed; 0 failed"), "{said}");
}
