//! Going on after the server went away: what to tell the person, and how long to wait.

use std::time::Duration;

use super::{stop::Stop, terminal};
use crate::refusal::Refusal;

const FIRST: Duration = Duration::from_millis(250);
const LAST: Duration = Duration::from_secs(5);

/// How long to wait: twice as long each time, until it is over.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    next: Option<Duration>,
}

impl Backoff {
    /// How long this time.
    pub(super) fn wait(&mut self) -> Duration {
        let wait = self.next.unwrap_or(FIRST);
        self.next = Some((wait * 2).min(LAST));
        wait
    }

    /// Whether something was waited for.
    pub(super) fn has_begun(&self) -> bool {
        self.next.is_some()
    }

    /// It went well: the next wait is short again. Whether something was waited for.
    pub(super) fn over(&mut self) -> bool {
        self.next.take().is_some()
    }
}

/// One outage at a time: a line when it begins, a line when it is over.
#[derive(Debug, Default)]
pub(super) struct Again(Backoff);

impl Again {
    /// Whether a refusal may go away by itself.
    pub(super) fn worth_it(refusal: &Refusal) -> bool {
        matches!(refusal, Refusal::Unavailable(_) | Refusal::Unreachable(_))
    }

    /// Says why, once in an outage, and waits; false: told to stop meanwhile.
    pub(super) async fn wait(&mut self, why: &str, stop: &mut Stop) -> bool {
        if !self.0.has_begun() {
            terminal::explain(&format!("{}; trying again", terminal::printable(why)));
        }
        let wait = self.0.wait();
        tokio::select! {
            biased;
            () = stop.told() => false,
            () = tokio::time::sleep(wait) => true,
        }
    }

    /// The server answers again.
    pub(super) fn over(&mut self) {
        if self.0.over() {
            terminal::explain("connected again");
        }
    }
}
