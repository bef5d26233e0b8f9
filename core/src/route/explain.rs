//! Why a message would go where it would go, rule by rule.

use std::{fmt, sync::Arc};

use super::{
    Outcome, Rule, Sessions, Table, default_outcome,
    owned::{EFFORT, applies},
};
use crate::{grant::Grant, message::Headers};

/// What one rule would make of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It decides.
    Matched,
    /// One before it does.
    NotReached,
    /// Its pattern is about other addresses.
    Pattern,
    /// Its sender is another.
    Sender,
    /// It asks for this header, and there is none.
    HeaderAbsent(String),
    /// This header does not match its glob.
    HeaderDiffers(String),
    /// Its session has ended, is unknown, or is not its owner's.
    NoSession,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Matched => f.write_str("the first that matches"),
            Self::NotReached => f.write_str("not reached: a rule before it matches"),
            Self::Pattern => f.write_str("match does not match the jid"),
            Self::Sender => f.write_str("sender is another"),
            Self::HeaderAbsent(name) => write!(f, "headers.{name}: there is no such header"),
            Self::HeaderDiffers(name) => {
                write!(f, "headers.{name}: the value does not match the glob")
            }
            Self::NoSession => f.write_str("target: the session has ended or is unknown"),
        }
    }
}

/// A rule and what it makes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Considered {
    /// The rule.
    pub rule: Arc<Rule>,
    /// What it makes of it.
    pub verdict: Verdict,
}

impl Table {
    /// Tries every rule of the owners that contain the grant's target folder, one after another,
    /// and says what comes of it: the same as [`Self::decide`] finds without trying them.
    pub fn explain(
        &self,
        grant: &Grant,
        headers: &Headers,
        sessions: Sessions<'_>,
    ) -> (Outcome, Vec<Considered>) {
        let jid = grant.jid();
        let mut outcome = None;
        // Every rule is tried here, those too that a look-up would pass by.
        let mut effort = EFFORT * 5;
        let of_folder = self
            .iter()
            .filter(|rule| rule.owner.contains(&grant.target_folder));
        let considered = of_folder.map(|rule| {
            let verdict = if outcome.is_some() {
                Verdict::NotReached
            } else if !rule.pattern.matches(jid.as_str()) {
                Verdict::Pattern
            } else if !applies(rule, jid.as_str(), grant.sender()) {
                Verdict::Sender
            } else {
                match (
                    rule.headers.unmatched(headers, &mut effort),
                    rule.destination(sessions),
                ) {
                    (Some((name, false)), _) => Verdict::HeaderAbsent(name.to_owned()),
                    (Some((name, true)), _) => Verdict::HeaderDiffers(name.to_owned()),
                    (None, None) => Verdict::NoSession,
                    (None, Some((to, mode))) => {
                        let rule = Some(Arc::new(rule.matched()));
                        outcome = Some(Outcome { to, mode, rule });
                        Verdict::Matched
                    }
                }
            };
            Considered {
                rule: rule.clone(),
                verdict,
            }
        });
        let considered = considered.collect();
        (
            outcome.unwrap_or_else(|| default_outcome(grant)),
            considered,
        )
    }
}
