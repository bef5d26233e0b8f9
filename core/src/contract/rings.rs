//! A ring that remembers.

use std::{
    mem,
    sync::{Mutex, PoisonError},
};

use crate::{
    address::Inbox,
    message::MessageId,
    ports::{Arrived, Ring},
};

/// A ring that remembers what it was told.
#[derive(Default)]
pub struct Rings {
    rung: Mutex<Vec<(Inbox, MessageId)>>,
    grown: Mutex<bool>,
}

impl Rings {
    /// What was rung since this was last asked: inbox and message, in the order of ringing.
    pub fn take(&self) -> Vec<(Inbox, MessageId)> {
        mem::take(&mut *self.rung.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether it was told, since this was last asked, that the log has grown.
    pub fn take_grown(&self) -> bool {
        mem::take(&mut *self.grown.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Ring for Rings {
    fn ring(&self, inbox: &Inbox, messages: &[MessageId]) {
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        rung.extend(messages.iter().map(|id| (inbox.clone(), *id)));
    }

    fn grown(&self, arrived: &[Arrived<'_>]) {
        assert!(!arrived.is_empty(), "by something");
        *self.grown.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }
}
