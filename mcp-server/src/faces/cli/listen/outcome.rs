//! What came of handing a message on.

use std::time::Duration;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is done with.
    Done(String),
    /// It was tried and came to nothing.
    Failed(String),
    /// It could not even be tried: no connection, no process. That is nothing against the message.
    NotBegun(String),
}

impl Outcome {
    /// It is done with, in a few words: `200`, `exit 0`.
    pub(super) fn done(said: impl Into<String>) -> Self {
        Self::Done(said.into())
    }

    /// It came to nothing: `500`, `exit 1`, `no answer in 30 s`.
    pub(super) fn failed(said: impl Into<String>) -> Self {
        Self::Failed(said.into())
    }

    /// It was not tried: `no connection: connection refused`.
    pub(super) fn not_begun(said: impl Into<String>) -> Self {
        Self::NotBegun(said.into())
    }

    /// Why it is given back, as its life keeps it: a bare status says what it is.
    pub(super) fn reason(&self) -> String {
        match self.said() {
            status if status.bytes().all(|byte| byte.is_ascii_digit()) => {
                format!("status {status}")
            }
            said => said.to_owned(),
        }
    }

    /// In a few words.
    pub(super) fn said(&self) -> &str {
        match self {
            Self::Done(said) | Self::Failed(said) | Self::NotBegun(said) => said,
        }
    }
}

/// How long a message rests after its nth attempt came to nothing.
pub(super) fn rest_after(attempt: u8) -> Duration {
    Duration::from_secs(match attempt {
        0 | 1 => 1,
        2 => 5,
        3 => 30,
        _ => 120,
    })
}

/// How long to wait before the next try where none could be made: twice as long each time.
#[derive(Debug, Default)]
pub(super) struct Outage {
    tries: u32,
}

impl Outage {
    const LONGEST: Duration = Duration::from_secs(60);

    /// One more try could not be made: how long to wait now.
    pub(super) fn wait(&mut self) -> Duration {
        let wait = Duration::from_secs(1 << self.tries.min(6)).min(Self::LONGEST);
        self.tries += 1;
        wait
    }

    /// It could be tried again. Whether that was not so before.
    pub(super) fn is_over(&mut self) -> bool {
        std::mem::take(&mut self.tries) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_rests_longer_after_each_attempt() {
        let rests: Vec<Duration> = (1..=5).map(rest_after).collect();
        assert!(rests.is_sorted(), "{rests:?}");
        assert!(rests[0] < rests[3]);
    }

    #[test]
    fn an_outage_is_waited_out_in_steps_of_a_minute_at_most() {
        let mut outage = Outage::default();
        let waits: Vec<u64> = (0..9).map(|_| outage.wait().as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert!(outage.is_over() && !outage.is_over());
        assert_eq!(outage.wait().as_secs(), 1);
    }
}
