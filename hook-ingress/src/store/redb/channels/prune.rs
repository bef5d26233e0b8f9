//! What need not be remembered any more.

use doorbell_core::{address::Inbox, time::Timestamp};

use super::ChannelChange;
use crate::store::redb::shared::Shared;

/// Forgets the grants and the sessions that ended before `kept_since`.
///
/// A session in whose inbox something still waits is remembered, so that it is told as ended.
pub(in super::super) fn past(shared: &Shared, kept_since: Timestamp) -> Vec<ChannelChange> {
    let registry = shared
        .registry
        .read()
        .expect("nothing panics under this lock");
    let mut changes = Vec::new();
    for grant in registry.channels.grants.values() {
        let ended = grant
            .revoked_at
            .map_or(grant.expires_at, |at| at.min(grant.expires_at));
        let used = registry.last_used(grant.id);
        if ended < kept_since && used.is_none_or(|at| at < kept_since) {
            changes.push(ChannelChange::ForgetGrant(grant.id));
        }
    }
    let index = shared.index();
    for session in registry.channels.sessions.values() {
        if session.ended_at.is_some_and(|at| at < kept_since)
            && index.is_quiet(&Inbox::Session(session.reference()))
        {
            changes.push(ChannelChange::ForgetSession(session.reference()));
        }
    }
    changes
}
