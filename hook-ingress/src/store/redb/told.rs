//! What the log says of messages once they are stored: a line for each thing that happened, with the
//! address and the grant it came through, so that a search for either finds a hook's life.
//!
//! What a consumer does for every message is told at DEBUG, but for the end of it.

use doorbell_core::{
    message::{Message, MessageId, Reason},
    ports::Settlement,
};
use tracing::Level;

use super::{decide::Target, events::Event, segment, shared::Shared};

/// How many deaths are told one by one in one turn of the writer; the rest is counted.
const DEATHS: usize = 100;

impl Shared {
    /// It was acknowledged, or given back.
    pub(super) fn tell_settled(&self, target: &Target, how: &Settlement) {
        if !tracing::enabled!(Level::INFO) {
            return;
        }
        let Some(origin) = self.origins.get(target.origin) else {
            return;
        };
        let (jid, grant, id) = (&*origin.address_text, origin.grant, target.id);
        match how {
            Settlement::Ack => tracing::info!(%jid, %grant, %id, "acked"),
            Settlement::Nack {
                delay,
                reason,
                attempted,
            } => {
                let delay_ms = delay.as_secs_f64() * 1e3;
                let reason = reason.as_ref().map(tracing::field::display);
                tracing::info!(%jid, %grant, %id, delay_ms, attempted, reason, "nacked");
            }
        }
    }

    /// It is pending again.
    pub(super) fn tell_replayed(&self, target: &Target) {
        if let Some(origin) = self.origins.get(target.origin) {
            let (jid, grant, id) = (&*origin.address_text, origin.grant, target.id);
            tracing::info!(%jid, %grant, %id, "replayed");
        }
    }

    /// These were given up.
    pub(super) fn tell_dead(&self, dead: &[Event]) {
        for event in dead.iter().take(DEATHS) {
            let Event { seq, attempt, .. } = *event;
            let entry = self
                .segment_of(seq)
                .and_then(|segment| segment.read(|txn| segment::entry(txn, seq)).ok().flatten());
            let Some(entry) = entry else { continue };
            let Some(origin) = self.origins.get(entry.origin) else {
                continue;
            };
            let (jid, grant, id) = (&*origin.address_text, origin.grant, entry.id);
            let reason = event.reason.as_ref().map(tracing::field::display);
            // What its session took along is not replayed.
            let again = event.reason != Some(Reason::session_ended());
            let again = again.then(|| format!("doorbell messages replay {id}"));
            tracing::warn!(%jid, %grant, %id, attempt, reason, again, "dead");
        }
        if dead.len() > DEATHS {
            let messages = dead.len() - DEATHS;
            tracing::warn!(messages, "more died in the same moment");
        }
    }

    /// Whoever waits at an inbox was told of these: the newest through one grant, and how many.
    pub(super) fn tell_rung(&self, number: u32, newest: MessageId, messages: usize, told: usize) {
        if let Some(origin) = self.origins.get(number) {
            let (jid, grant) = (&*origin.address_text, origin.grant);
            tracing::info!(%jid, %grant, id = %newest, messages, told, "rung");
        }
    }
}

/// A receiver holds it.
pub(super) fn tell_leased(message: &Message) {
    tracing::debug!(
        jid = %message.address,
        grant = %message.grant,
        id = %message.id,
        bytes = message.body_bytes,
        attempt = message.attempt,
        "leased"
    );
}
