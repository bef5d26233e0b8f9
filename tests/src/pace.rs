//! How fast this machine is just now: what is promised at once comes later where others keep it busy.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

pub use doorbell_core::testing::PATIENCE;

/// What starting a program and waiting for its end takes on a machine with a core to spare.
const USUAL: Duration = Duration::from_millis(4);
/// Beyond that nothing is measured any more.
const SLOWEST: f64 = 30.0;

/// A promised time, stretched by as much as the machine is slower now than one with a core to spare.
pub fn stretched(promised: Duration) -> Duration {
    promised.mul_f64(slowness())
}

/// Fails the test unless what was promised within a time has come within it, as fast as this machine is.
#[track_caller]
pub fn assert_within(promised: Duration, took: Duration) {
    if took >= promised {
        let here = stretched(promised);
        assert!(
            took < here,
            "took {took:?}; promised within {promised:?}, which is {here:?} on this machine just now"
        );
    }
}

fn slowness() -> f64 {
    // The slowest of a few: it is a busy machine's turns that are waited for, and they come and go.
    let slowest = (0..8).map(|_| one_program()).max().unwrap_or(USUAL);
    (slowest.as_secs_f64() / USUAL.as_secs_f64()).clamp(1.0, SLOWEST)
}

fn one_program() -> Duration {
    let began = Instant::now();
    let ended = Command::new("true").stdin(Stdio::null()).status();
    assert!(ended.expect("true(1) is there").success());
    began.elapsed()
}
