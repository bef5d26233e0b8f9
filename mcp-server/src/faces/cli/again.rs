//! Going on after the server went away: what to tell the person, and how long to wait.

use std::time::Duration;

use super::{stop::Stop, terminal};
use crate::refusal::Refusal;

const FIRST: Duration = Duration::from_millis(250);
const LAST: Duration = Duration::from_secs(5);

/// One outage at a time: a line when it begins, a line when it is over.
#[derive(Debug, Default)]
pub(super) struct Again {
    next: Option<Duration>,
}

impl Again {
    /// Whether a refusal may go away by itself.
    pub(super) fn worth_it(refusal: &Refusal) -> bool {
        matches!(refusal, Refusal::Unavailable(_) | Refusal::Unreachable(_))
    }

    /// Says why, once in an outage, and waits; false: told to stop meanwhile.
    pub(super) async fn wait(&mut self, why: &str, stop: &mut Stop) -> bool {
        let wait = self.next.unwrap_or_else(|| {
            terminal::explain(&format!("{}; trying again", terminal::printable(why)));
            FIRST
        });
        self.next = Some((wait * 2).min(LAST));
        tokio::select! {
            biased;
            () = stop.told() => false,
            () = tokio::time::sleep(wait) => true,
        }
    }

    /// The server answers again.
    pub(super) fn over(&mut self) {
        if self.next.take().is_some() {
            terminal::explain("connected again");
        }
    }
}
