//! Many messages made pending again in one call.

use doorbell_core::{
    acl::Scope,
    message::{MessageId, State},
    ports::{Order, ReadRequest},
};

use super::{
    Answer,
    local::{Local, MAX_IDS},
};
use crate::{
    refusal::Refusal,
    wire::{Replay, ReplayState, ReplayedMany},
};

/// How many messages are looked at in one go: their headers come along.
const PAGE: usize = 100;

impl Local {
    /// Replays what is named, or what is dead.
    pub(super) async fn replay_all(&self, ask: Replay) -> Answer<ReplayedMany> {
        let scope = self.use_messages()?.scope();
        let (ids, more) = match (&ask.ids, ask.state) {
            (Some(ids), None) => (named(ids, &ask)?, false),
            (None, Some(ReplayState::Dead)) => self.dead(scope.clone(), ask).await?,
            (Some(_), Some(_)) => {
                return Err(Refusal::invalid("state", "cannot stand beside ids"));
            }
            (None, None) => {
                return Err(Refusal::invalid(
                    "ids",
                    "is required, or state: \"dead\" instead",
                ));
            }
        };
        let now = self.house.clock.now();
        let replayed = self.house.store.replay_many(ids, scope, now).await?;
        let replayed = replayed.into_iter().filter(|replayed| *replayed).count() as u64;
        tracing::info!(replayed, by = %self.caller, "replay asked for");
        Ok(ReplayedMany { replayed, more })
    }

    /// The oldest of the dead that are asked for, and whether there are more.
    async fn dead(&self, scope: Scope, ask: Replay) -> Answer<(Vec<MessageId>, bool)> {
        let mut request = ReadRequest {
            scope,
            within: ask.folder.map(|folder| folder.0),
            pattern: ask.pattern.map(|pattern| pattern.0),
            state: Some(State::Dead),
            since: ask.since.map(|since| since.0),
            until: None,
            cursor: None,
            order: Order::OldestFirst,
            limit: PAGE,
            body_limit: 0,
            budget: usize::MAX,
            now: self.house.clock.now(),
        };
        let mut ids = Vec::new();
        loop {
            let page = self.house.store.read(request.clone()).await?;
            if page.messages.is_empty() {
                return Ok((ids, false));
            }
            ids.extend(page.messages.iter().map(|message| message.id));
            if ids.len() > MAX_IDS {
                ids.truncate(MAX_IDS);
                return Ok((ids, true));
            }
            request.cursor = Some(page.cursor);
        }
    }
}

/// The messages that are named; a text that is no id names none.
fn named(ids: &[String], ask: &Replay) -> Answer<Vec<MessageId>> {
    for (field, given) in [
        ("match", ask.pattern.is_some()),
        ("folder", ask.folder.is_some()),
        ("since", ask.since.is_some()),
    ] {
        if given {
            return Err(Refusal::invalid(
                field,
                "goes with state: \"dead\", not with ids",
            ));
        }
    }
    if ids.is_empty() || ids.len() > MAX_IDS {
        return Err(Refusal::invalid("ids", format!("1 to {MAX_IDS} ids")));
    }
    Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
}
