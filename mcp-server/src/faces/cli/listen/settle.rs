//! Telling the server what became of a message, and why.

use std::time::Duration;

use doorbell_core::message::{MAX_REASON, Reason};

use super::super::{Failure, again::Again, log::Subject, stop::Stop};
use crate::{
    desk::{Answer, Desk, Remote},
    wire::{Ack, Count, Message, Nack, SettleStatus, Text},
};

/// What is to become of a message.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// It is done with.
    Settled,
    /// It comes again after a rest; the attempt counts.
    Failed {
        /// Why, as its life keeps it.
        reason: String,
        /// How long it rests.
        rest: Duration,
    },
    /// Nothing was tried, and nothing counts: it is there again at once, for anyone.
    Untried {
        /// Why, as its life keeps it.
        reason: String,
        /// How long we leave it alone ourselves.
        rest: Duration,
    },
}

/// Settles what it leased: a receiver of its own.
pub(super) struct Settler<'a> {
    subject: &'a Subject<'a>,
    desk: Remote,
    name: &'a str,
}

impl<'a> Settler<'a> {
    /// At this desk, under this receiver's name.
    pub(super) fn new(subject: &'a Subject<'a>, desk: Remote, name: &'a str) -> Self {
        Self {
            subject,
            desk,
            name,
        }
    }

    /// Where it leases and settles.
    pub(super) fn desk(&self) -> &Remote {
        &self.desk
    }

    /// Looks for the server again: it may be elsewhere by now.
    pub(super) fn reconnect(&mut self) -> Result<(), Failure> {
        self.desk = self.subject.desk()?.named(self.name);
        Ok(())
    }

    /// Settles by the verdict. A server that is away for a moment is waited for.
    pub(super) async fn settle(
        &mut self,
        message: &Message,
        verdict: &Verdict,
        stop: &mut Stop,
    ) -> Result<SettleStatus, Failure> {
        let mut again = Again::default();
        let status = loop {
            match self.once(message, verdict).await {
                Ok(status) => break status,
                Err(refusal) if Again::worth_it(&refusal) => {
                    if !again.wait(&refusal.to_string(), stop).await {
                        return Err(refusal.into());
                    }
                    self.reconnect()?;
                }
                Err(refusal) => return Err(refusal.into()),
            }
        };
        again.over();
        Ok(status)
    }

    /// Gives back what was leased and not looked at.
    pub(super) async fn give_back(&self, message: &Message) -> Result<(), Failure> {
        let verdict = Verdict::Untried {
            reason: "listen was stopped before it was handed on".to_owned(),
            rest: Duration::ZERO,
        };
        self.once(message, &verdict).await?;
        Ok(())
    }

    async fn once(&self, message: &Message, verdict: &Verdict) -> Answer<SettleStatus> {
        let ids = vec![message.id.0.to_string()];
        let (delay, reason, attempted) = match verdict {
            Verdict::Settled => {
                let results = self.desk.ack(Ack { ids }).await?.results;
                return Ok(first(&results));
            }
            Verdict::Failed { reason, rest } => (rest.as_secs(), reason, true),
            Verdict::Untried { reason, .. } => (0, reason, false),
        };
        let ask = Nack {
            ids,
            delay_seconds: Some(Count::clamped(delay)),
            reason: kept(reason),
            attempted: (!attempted).then_some(false),
        };
        Ok(first(&self.desk.nack(ask).await?.results))
    }
}

/// As much of a reason as is kept.
fn kept(reason: &str) -> Option<Text<Reason>> {
    let reason: String = reason.chars().take(MAX_REASON).collect();
    reason.parse().ok().map(Text)
}

fn first(results: &[crate::wire::Settled]) -> SettleStatus {
    results
        .first()
        .map_or(SettleStatus::NotFound, |settled| settled.status)
}
