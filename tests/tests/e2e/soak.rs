//! The soak, in short: that it runs, and finds nothing.

use std::process::Command;

use e2e::binary;

#[test]
fn a_short_soak_loses_nothing_and_finds_what_it_takes_of_the_machine_flat() {
    // A second of it is enough for a kill and a full disk.
    let soak = Command::new(env!("CARGO_BIN_EXE_soak"))
        .args(["--for", "5s", "--senders", "4"])
        .env("DOORBELL_E2E_BINARY", binary::doorbell())
        .output()
        .expect("it can be started");
    let said = String::from_utf8_lossy(&soak.stdout);
    assert!(
        soak.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&soak.stderr)
    );
    let summary = said.lines().find(|line| line.contains(" posted: "));
    let summary = summary.expect("it sums up");
    assert!(summary.contains(" kills"), "{summary}");
    assert!(!summary.starts_with("0 posted"), "{summary}");
    for nothing in [" 0 answered 200", " 0 kills"] {
        assert!(!summary.contains(nothing), "{summary}");
    }
}
