//! What a turn decides about channels: each decision sees those before it in the same turn.

use std::sync::Arc;

use doorbell_core::{
    address::SessionRef,
    capability::{KeyRing, SigningKey},
    channel::ChannelGrant,
    grant::GrantId,
    label::SessionId,
    ports::MakeSession,
    session::Session,
    time::Timestamp,
};

use super::{ChannelChange, ChannelCommand, Known};
use crate::store::redb::{
    control::Change,
    registry::Registry,
    shared::Shared,
    turn::{Turn, reply},
};

/// Channel grants, sessions and signing keys as a turn leaves them, where it changed them.
#[derive(Default)]
pub(in super::super) struct Changed {
    known: Known,
    has_ring: bool,
}

impl Changed {
    /// A grant as it stands now.
    pub(in super::super) fn grant(
        &self,
        shared: &Shared,
        id: GrantId,
    ) -> Option<Arc<ChannelGrant>> {
        let changed = self.known.grants.get(&id).cloned();
        changed.or_else(|| {
            committed(shared, |registry| {
                registry.channels.grants.get(&id).cloned()
            })
        })
    }

    /// The newest session of an id as it stands now.
    pub(in super::super) fn session(
        &self,
        shared: &Shared,
        id: &SessionId,
    ) -> Option<Arc<Session>> {
        let changed = self.known.session(id).cloned();
        changed.or_else(|| committed(shared, |registry| registry.channels.session(id).cloned()))
    }

    /// This very session as it stands now.
    pub(in super::super) fn session_of(
        &self,
        shared: &Shared,
        session: &SessionRef,
    ) -> Option<Arc<Session>> {
        let changed = self.known.sessions.get(session).cloned();
        changed.or_else(|| {
            committed(shared, |registry| {
                registry.channels.sessions.get(session).cloned()
            })
        })
    }

    fn ring(&self, shared: &Shared) -> KeyRing {
        if self.has_ring {
            self.known.ring.clone()
        } else {
            committed(shared, |registry| registry.channels.ring.clone())
        }
    }
}

fn committed<T>(shared: &Shared, read: impl FnOnce(&Registry) -> T) -> T {
    read(
        &shared
            .registry
            .read()
            .expect("nothing panics under this lock"),
    )
}

impl Turn {
    /// Decides what is asked about channels; it is answered once it is durable.
    pub(in super::super) fn channel(&mut self, shared: &Shared, command: ChannelCommand) {
        let reply = match command {
            ChannelCommand::InsertGrant(grant, answer) => {
                let grant = Arc::new(grant);
                self.change(ChannelChange::Grant(grant.clone()));
                reply(answer, grant)
            }
            ChannelCommand::RevokeGrant(id, at, answer) => {
                reply(answer, self.revoke_channel_grant(shared, id, at))
            }
            ChannelCommand::MakeSession(session, answer) => {
                reply(answer, self.make_session(shared, session))
            }
            ChannelCommand::EndSession(id, at, answer) => {
                reply(answer, self.end_session(shared, &id, at))
            }
            ChannelCommand::AddSigningKey(key, alone, answer) => {
                self.add_signing_key(shared, key, alone);
                reply(answer, ())
            }
        };
        self.control_replies.push(reply);
    }

    fn change(&mut self, change: ChannelChange) {
        self.channels.known.apply(&change);
        self.changes.push(Change::Channel(change));
    }

    fn revoke_channel_grant(&mut self, shared: &Shared, id: GrantId, at: Timestamp) -> bool {
        let known = self.channels.grant(shared, id);
        let Some(mut grant) = known.filter(|grant| grant.revoked_at.is_none()) else {
            return false;
        };
        Arc::make_mut(&mut grant).revoked_at = Some(at);
        self.change(ChannelChange::Grant(grant));
        true
    }

    fn make_session(&mut self, shared: &Shared, mut session: Session) -> MakeSession {
        match self.channels.session(shared, &session.id) {
            Some(stands) if stands.ended_at.is_none() => return MakeSession::Stands(stands),
            Some(before) => session.created_at = session.created_after(&before),
            None => {}
        }
        let session = Arc::new(session);
        self.change(ChannelChange::Session(session.clone()));
        MakeSession::Made(session)
    }

    fn end_session(&mut self, shared: &Shared, id: &SessionId, at: Timestamp) -> bool {
        let known = self.channels.session(shared, id);
        let Some(mut session) = known.filter(|session| session.ended_at.is_none()) else {
            return false;
        };
        Arc::make_mut(&mut session).ended_at = Some(at);
        self.lingering.insert(session.reference());
        self.change(ChannelChange::Session(session));
        true
    }

    fn add_signing_key(&mut self, shared: &Shared, key: SigningKey, alone: bool) {
        let mut keys = Vec::new();
        if !alone {
            keys.extend(self.channels.ring(shared).iter().cloned());
        }
        keys.push(key);
        self.channels.has_ring = true;
        self.change(ChannelChange::Keys(KeyRing::new(keys)));
    }
}
