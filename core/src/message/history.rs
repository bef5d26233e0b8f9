//! What happens to a message after it was stored, and why.

use std::{fmt, str::FromStr, sync::Arc};

use super::MAX_ATTEMPTS;
use crate::time::Timestamp;

/// The longest reason, in characters: what JSON Schema counts.
pub const MAX_REASON: usize = 500;

/// Why a message was given back, or given up: "the database is down", "exit status 1".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reason(Arc<str>);

/// A text that is no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reason is 1 to {MAX_REASON} characters long")]
pub struct ReasonError;

impl Reason {
    /// The text, exactly as it was given: it may hold line breaks and control characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Of a death that nobody asked for.
    pub fn lease_ended() -> Self {
        Self(format!("lease {MAX_ATTEMPTS} of {MAX_ATTEMPTS} ended without an ack").into())
    }

    /// Of a dead message that is pending again because it was sent again.
    pub fn sent_again() -> Self {
        Self("its sender sent it again".into())
    }

    /// Of what waited for a session that ended.
    pub fn session_ended() -> Self {
        Self("session ended".into())
    }

    /// Of what the disk does not hold as it was written.
    pub fn damaged() -> Self {
        Self("damaged on the disk".into())
    }

    /// Of a death by a nack that gave no reason of its own.
    pub fn given_back() -> Self {
        Self(format!("given back on attempt {MAX_ATTEMPTS} of {MAX_ATTEMPTS}").into())
    }
}

impl FromStr for Reason {
    type Err = ReasonError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if (1..=MAX_REASON).contains(&text.chars().count()) {
            Ok(Self(text.into()))
        } else {
            Err(ReasonError)
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something that happened to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifeEvent {
    /// What.
    pub what: Happening,
    /// When.
    pub at: Timestamp,
    /// Which attempt it was, counted from 1; 0 where it belongs to none.
    pub attempt: u8,
    /// Whether that attempt counts. It does unless a nack said that nothing had been tried.
    pub attempted: bool,
    /// Why, where somebody said, and of every death.
    pub reason: Option<Reason>,
}

/// What can happen to a message after it was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Happening {
    /// A receiver leased it.
    Leased,
    /// It was acknowledged.
    Acked,
    /// It was given back.
    Nacked,
    /// It was given up.
    Died,
    /// It was put back as new.
    Replayed,
    /// Its session ended, and it was routed anew, as if it had just come.
    Rerouted,
    /// It was met as context.
    Observed,
    /// It came again. Told in sum and not in the life: there may be very many.
    Repeated,
}

impl Happening {
    /// As it is written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Leased => "leased",
            Self::Acked => "acked",
            Self::Nacked => "nacked",
            Self::Died => "dead",
            Self::Replayed => "replayed",
            Self::Rerouted => "rerouted",
            Self::Observed => "observed",
            Self::Repeated => "repeated",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_to_five_hundred_characters_of_any_kind() {
        let lines = "exit status 1:\n\u{1b}[31mno such table";
        assert_eq!(
            lines.parse::<Reason>().map(|r| r.to_string()),
            Ok(lines.to_owned())
        );
        assert!("é".repeat(MAX_REASON).parse::<Reason>().is_ok());
        assert_eq!("".parse::<Reason>(), Err(ReasonError));
        assert_eq!(
            "é".repeat(MAX_REASON + 1).parse::<Reason>(),
            Err(ReasonError)
        );
    }
}
