//! How a listener's connections are told to come to an end.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::{Notify, futures::Notified};

/// What a connection is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Go on.
    Serve,
    /// Finish the request in flight and close.
    Finish,
    /// Close at once.
    Abandon,
}

/// The word to all connections of a listener.
#[derive(Default)]
pub(crate) struct Stop {
    stage: AtomicU8,
    finish: Notify,
    abandon: Notify,
}

impl Stop {
    /// Cheap enough to be asked whenever a connection wakes.
    pub(crate) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Serve,
            1 => Stage::Finish,
            _ => Stage::Abandon,
        }
    }

    /// Wakes when requests are to be finished. Look at the stage after having polled it once.
    pub(crate) fn finish_begins(&self) -> Notified<'_> {
        self.finish.notified()
    }

    /// Wakes when connections are to be abandoned.
    pub(crate) fn abandon_begins(&self) -> Notified<'_> {
        self.abandon.notified()
    }

    pub(crate) fn finish(&self) {
        self.stage.store(1, Ordering::Release);
        self.finish.notify_waiters();
    }

    pub(crate) fn abandon(&self) {
        self.stage.store(2, Ordering::Release);
        self.abandon.notify_waiters();
    }
}
