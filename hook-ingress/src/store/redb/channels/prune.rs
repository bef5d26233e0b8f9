//! What need not be remembered any more.

use doorbell_core::{
    address::Inbox,
    bound::{GRANTS_REMEMBERED, SESSIONS_REMEMBERED},
    time::Timestamp,
};

use super::ChannelChange;
use crate::store::redb::{remembered::Over, shared::Shared};

/// Forgets the grants and the sessions that ended before `kept_since`, and those of whoever has too
/// many that are over.
///
/// A session in whose inbox something still waits is remembered, so that it is told as ended.
pub(in super::super) fn past(
    shared: &Shared,
    kept_since: Timestamp,
    now: Timestamp,
) -> Vec<ChannelChange> {
    let registry = shared
        .registry
        .read()
        .expect("nothing panics under this lock");
    let mut changes = Vec::new();
    let mut over = Over::at_most(GRANTS_REMEMBERED);
    for grant in registry.channels.grants.values() {
        let ended = grant
            .revoked_at
            .map_or(grant.expires_at, |at| at.min(grant.expires_at));
        let used = registry.last_used(grant.id);
        if ended < kept_since && used.is_none_or(|at| at < kept_since) {
            changes.push(ChannelChange::ForgetGrant(grant.id));
        } else if ended <= now {
            over.add(&grant.owner_folder, ended, grant.id);
        }
    }
    changes.extend(over.too_many().map(ChannelChange::ForgetGrant));
    let index = shared.index();
    let mut over = Over::at_most(SESSIONS_REMEMBERED);
    for session in registry.channels.sessions.values() {
        let Some(ended) = session.ended_at else {
            continue;
        };
        if !index.is_quiet(&Inbox::Session(session.reference())) {
            continue;
        }
        if ended < kept_since {
            changes.push(ChannelChange::ForgetSession(session.reference()));
        } else {
            over.add(&session.folder, ended, session.reference());
        }
    }
    changes.extend(over.too_many().map(ChannelChange::ForgetSession));
    changes
}
