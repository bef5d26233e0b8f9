//! Whom a message rang, and how: remembered for the newest messages, so that nobody is left
//! guessing why an agent did or did not hear. It is kept in memory alone: a ring is a hint.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use doorbell_core::{address::Inbox, label::SessionId, message::MessageId, time::Timestamp};
use doorbell_ingress::figures::Counter;

/// Of how many messages it is remembered.
const MESSAGES: usize = 4_096;
/// How many rings of one message are remembered.
const RINGS: usize = 16;

/// One ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    /// When.
    pub at: Timestamp,
    /// Whom, and how.
    pub how: How,
}

/// Whom a message rang, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// So many who waited at its inbox were told to look.
    Waiting(Inbox, usize),
    /// It was pushed to whatever is attached to a session.
    Pushed(SessionId),
}

impl How {
    /// In words.
    pub fn describe(&self) -> String {
        match self {
            Self::Waiting(inbox, count) => format!("{count} waiting at {inbox}"),
            Self::Pushed(session) => format!("pushed to session {session}"),
        }
    }
}

/// The rings of the newest messages.
#[derive(Debug, Default)]
pub struct Journal {
    kept: Mutex<Kept>,
    /// Messages that whoever waited was told of, ever.
    pub waiting: Counter,
    /// Messages that were pushed, ever.
    pub pushed: Counter,
}

#[derive(Debug, Default)]
struct Kept {
    rings: HashMap<MessageId, Vec<Rung>>,
    order: VecDeque<MessageId>,
}

impl Journal {
    /// Notes that some messages rang.
    pub fn note(&self, messages: &[MessageId], rung: &Rung) {
        match rung.how {
            How::Waiting(..) => &self.waiting,
            How::Pushed(_) => &self.pushed,
        }
        .add(messages.len() as u64);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for id in messages.iter().rev().take(MESSAGES) {
            if !kept.rings.contains_key(id) {
                kept.order.push_back(*id);
                if kept.order.len() > MESSAGES
                    && let Some(oldest) = kept.order.pop_front()
                {
                    kept.rings.remove(&oldest);
                }
            }
            let rings = kept.rings.entry(*id).or_default();
            if rings.len() < RINGS {
                rings.push(rung.clone());
            }
        }
    }

    /// The rings of a message, oldest first, as far as they are remembered.
    pub fn of(&self, id: MessageId) -> Vec<Rung> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.rings.get(&id).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rung(at: u64) -> Rung {
        let how = How::Pushed("build".parse().expect("legal"));
        Rung {
            at: Timestamp::from_millis(at),
            how,
        }
    }

    #[test]
    fn the_newest_messages_are_remembered_and_the_oldest_forgotten() {
        let journal = Journal::default();
        let id = |n: usize| MessageId::from_u128(n as u128);
        for n in 0..MESSAGES + 10 {
            journal.note(&[id(n)], &rung(1));
        }
        assert!(journal.of(id(9)).is_empty());
        assert_eq!(journal.of(id(10)), [rung(1)]);
        for at in 2..100 {
            journal.note(&[id(10)], &rung(at));
        }
        assert_eq!(journal.of(id(10)).len(), RINGS);
    }
}
