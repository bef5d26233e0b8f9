//! What the tests of every crate share.

use std::time::Duration;

/// How long anything may take before a test takes it for lost. Far longer than anything takes, even
/// while other programs keep every core busy: only what hangs meets it, and a slow machine makes a test
/// slow, never red.
pub const PATIENCE: Duration = Duration::from_secs(300);
