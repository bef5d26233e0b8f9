//! Channel grants, sessions and signing keys in memory. The control file is the truth.

use std::{collections::HashMap, sync::Arc};

use doorbell_core::{
    acl::Scope, address::SessionRef, bound::Counts, capability::KeyRing, channel::ChannelGrant,
    grant::GrantId, label::SessionId, ports::ChannelUse, session::Session, time::Timestamp,
};

use crate::store::redb::registry::Registry;

/// A change to what is known.
#[derive(Debug)]
pub(in super::super) enum ChannelChange {
    /// A grant is new or was revoked.
    Grant(Arc<ChannelGrant>),
    /// A session is new or has ended.
    Session(Arc<Session>),
    /// These sign from now on, and no others.
    Keys(KeyRing),
    /// A grant that nobody needs to remember.
    ForgetGrant(GrantId),
    /// A session that nobody needs to remember.
    ForgetSession(SessionRef),
}

/// All of them.
#[derive(Default)]
pub(in super::super) struct Known {
    pub(in super::super) grants: HashMap<GrantId, Arc<ChannelGrant>>,
    pub(in super::super) sessions: HashMap<SessionRef, Arc<Session>>,
    /// Grants that were not revoked, by their owners.
    pub(super) standing: Counts,
    /// Sessions that have not ended.
    pub(super) open: Counts,
    /// When the newest session of each id was made.
    newest: HashMap<SessionId, Timestamp>,
    /// Made once per change, so that the front door only copies a pointer.
    pub(in super::super) ring: KeyRing,
}

impl Known {
    /// Takes in a change.
    pub(in super::super) fn apply(&mut self, change: &ChannelChange) {
        match change {
            ChannelChange::Grant(grant) => self.keep_grant(grant.clone()),
            ChannelChange::Session(session) => self.keep_session(session.clone()),
            ChannelChange::Keys(ring) => self.ring = ring.clone(),
            ChannelChange::ForgetGrant(id) => {
                let before = self.grants.remove(id);
                self.was_standing(before);
            }
            ChannelChange::ForgetSession(session) => {
                let before = self.sessions.remove(session);
                self.was_open(before);
                if self.newest.get(&session.id) == Some(&session.made) {
                    self.newest.remove(&session.id);
                }
            }
        }
    }

    /// Takes in a grant.
    pub(super) fn keep_grant(&mut self, grant: Arc<ChannelGrant>) {
        if grant.revoked_at.is_none() {
            self.standing.add(&grant.owner_folder);
        }
        let before = self.grants.insert(grant.id, grant);
        self.was_standing(before);
    }

    fn was_standing(&mut self, grant: Option<Arc<ChannelGrant>>) {
        if let Some(grant) = grant.filter(|grant| grant.revoked_at.is_none()) {
            self.standing.remove(&grant.owner_folder);
        }
    }

    /// Takes in a session.
    pub(super) fn keep_session(&mut self, session: Arc<Session>) {
        let newest = self.newest.entry(session.id.clone()).or_default();
        *newest = session.created_at.max(*newest);
        if session.ended_at.is_none() {
            self.open.add(&session.folder);
        }
        let before = self.sessions.insert(session.reference(), session);
        self.was_open(before);
    }

    fn was_open(&mut self, session: Option<Arc<Session>>) {
        if let Some(session) = session.filter(|session| session.ended_at.is_none()) {
            self.open.remove(&session.folder);
        }
    }

    /// The newest session of an id.
    pub(super) fn session(&self, id: &SessionId) -> Option<&Arc<Session>> {
        let made = *self.newest.get(id)?;
        let session = SessionRef {
            id: id.clone(),
            made,
        };
        self.sessions.get(&session)
    }

    pub(super) fn list_sessions(&self, scope: &Scope) -> Vec<Arc<Session>> {
        let mut list: Vec<_> = self
            .sessions
            .values()
            .filter(|session| scope.covers(&session.folder))
            .cloned()
            .collect();
        list.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        list
    }
}

impl Registry {
    pub(super) fn list_channel_grants(&self, scope: &Scope) -> Vec<ChannelUse> {
        let mut list: Vec<_> = self
            .channels
            .grants
            .values()
            .filter(|grant| scope.covers(&grant.owner_folder))
            .map(|grant| ChannelUse {
                grant: grant.clone(),
                last_used_at: self.last_used(grant.id),
            })
            .collect();
        list.sort_by_key(|entry| (entry.grant.created_at, entry.grant.id));
        list
    }
}
