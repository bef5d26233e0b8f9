//! When a program that has just begun is ready to be typed at.
//!
//! What is typed earlier is taken in canonical mode, where Enter is a newline for good, and some
//! programs throw away what came before they set their terminal up.

use std::time::Duration;

use tokio::time::Instant;

use super::{discipline::Tty, modes::Bracketed};

/// How long the first injection waits.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// At most so long, for a program that leaves its terminal as it is.
    pub at_most: Duration,
    /// So long after the program left canonical mode or asked for bracketed paste.
    pub after: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            at_most: Duration::from_millis(1_500),
            after: Duration::from_millis(100),
        }
    }
}

/// How often to look.
pub(super) const LOOK: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct Settling {
    pace: Pace,
    began: Instant,
    set_up: Option<Instant>,
    over: bool,
}

impl Settling {
    pub(super) fn begin(pace: Pace) -> Self {
        Self {
            pace,
            began: Instant::now(),
            set_up: None,
            over: false,
        }
    }

    /// Whether it was over when last looked at.
    pub(super) fn was_over(&self) -> bool {
        self.over
    }

    /// Looks whether it is over; once it is, it stays so.
    pub(super) fn is_over(&mut self, tty: &Tty, bracketed: &Bracketed) -> bool {
        if self.over {
            return true;
        }
        if self.set_up.is_none() && (bracketed.is_on() || !tty.discipline().canonical) {
            self.set_up = Some(Instant::now());
        }
        self.over = self.began.elapsed() >= self.pace.at_most
            || self
                .set_up
                .is_some_and(|at| at.elapsed() >= self.pace.after);
        self.over
    }
}
