//! When the program's last word was read.

use std::time::Duration;

use tokio::time::Instant;

use super::output::Progress;

/// How often to look.
const LOOK: Duration = Duration::from_millis(2);
/// How long a silence means that there is no more, where something the program started holds its
/// terminal open.
const SILENCE: Duration = Duration::from_millis(50);
/// More than a terminal can hold, in bytes: what comes behind that was printed by those the program
/// left behind.
const MOST: u64 = 256 * 1024;

/// Waits until what the program printed before its end was handed on. The relay must run meanwhile.
pub(super) async fn wait(progress: &Progress) {
    let first = progress.bytes.get();
    let mut seen = (first, Instant::now());
    loop {
        tokio::time::sleep(LOOK).await;
        let bytes = progress.bytes.get();
        if bytes != seen.0 || progress.held_up.get() {
            seen = (bytes, Instant::now());
        }
        let is_all = progress.closed.get() || seen.1.elapsed() >= SILENCE || bytes - first > MOST;
        if is_all && !progress.held_up.get() {
            return;
        }
    }
}
