//! Channel grants, sessions and signing keys, in memory.

use std::sync::Arc;

use super::{MemoryStore, Tables, answer};
use crate::{
    acl::Scope,
    address::SessionRef,
    bound::Count,
    capability::{KeyRing, SigningKey},
    channel::ChannelGrant,
    folder::Folder,
    grant::GrantId,
    label::SessionId,
    ports::{Answer, ChannelStore, ChannelUse, Channels, MakeSession},
    session::Session,
    time::Timestamp,
};

impl Tables {
    pub(super) fn channel(&self, id: GrantId) -> Option<&Arc<ChannelGrant>> {
        self.channels.iter().find(|grant| grant.id == id)
    }

    /// The newest of that id.
    pub(super) fn session(&self, id: &SessionId) -> Option<&Arc<Session>> {
        let mut newest_first = self.sessions.iter().rev();
        newest_first.find(|session| session.id == *id)
    }

    pub(super) fn session_of(&self, this: &SessionRef) -> Option<&Arc<Session>> {
        let mut sessions = self.sessions.iter();
        sessions.find(|session| session.reference() == *this)
    }
}

impl Channels for MemoryStore {
    fn signing_keys(&self) -> KeyRing {
        KeyRing::new(self.tables().signing_keys.clone())
    }

    fn channel_grant(&self, id: GrantId) -> Option<Arc<ChannelGrant>> {
        self.tables().channel(id).cloned()
    }

    fn session(&self, id: &SessionId) -> Option<Arc<Session>> {
        self.tables().session(id).cloned()
    }

    fn session_of(&self, session: &SessionRef) -> Option<Arc<Session>> {
        self.tables().session_of(session).cloned()
    }
}

impl ChannelStore for MemoryStore {
    fn insert_channel_grant(&self, grant: ChannelGrant) -> Answer<'_, Arc<ChannelGrant>> {
        let grant = Arc::new(grant);
        self.tables().channels.push(grant.clone());
        answer(Ok(grant))
    }

    fn revoke_channel_grant(&self, id: GrantId, at: Timestamp) -> Answer<'_, bool> {
        let mut tables = self.tables();
        let live = tables
            .channels
            .iter_mut()
            .find(|grant| grant.id == id && grant.revoked_at.is_none());
        answer(Ok(live.is_some_and(|grant| {
            Arc::make_mut(grant).revoked_at = Some(at);
            true
        })))
    }

    fn list_channel_grants(&self, scope: &Scope) -> Vec<ChannelUse> {
        let tables = self.tables();
        let mut list: Vec<_> = tables
            .channels
            .iter()
            .filter(|grant| scope.covers(&grant.owner_folder))
            .map(|grant| ChannelUse {
                grant: grant.clone(),
                last_used_at: tables.last_used_at(grant.id),
            })
            .collect();
        list.sort_by_key(|entry| (entry.grant.created_at, entry.grant.id));
        list
    }

    fn count_channel_grants(&self, beside: &Folder) -> Count {
        let tables = self.tables();
        let standing = tables.channels.iter();
        let standing = standing.filter(|grant| grant.revoked_at.is_none());
        Count::beside(beside, standing.map(|grant| &grant.owner_folder))
    }

    fn count_sessions(&self, beside: &Folder) -> Count {
        let tables = self.tables();
        let open = tables.sessions.iter();
        let open = open.filter(|session| session.ended_at.is_none());
        Count::beside(beside, open.map(|session| &session.folder))
    }

    fn make_session(&self, mut session: Session) -> Answer<'_, MakeSession> {
        let mut tables = self.tables();
        match tables.session(&session.id) {
            Some(stands) if stands.ended_at.is_none() => {
                return answer(Ok(MakeSession::Stands(stands.clone())));
            }
            Some(before) => session.created_at = session.created_after(before),
            None => {}
        }
        let session = Arc::new(session);
        tables.sessions.push(session.clone());
        answer(Ok(MakeSession::Made(session)))
    }

    fn end_session(&self, id: SessionId, at: Timestamp) -> Answer<'_, bool> {
        let mut tables = self.tables();
        let open = tables
            .sessions
            .iter_mut()
            .find(|session| session.id == id && session.ended_at.is_none());
        let Some(session) = open else {
            return answer(Ok(false));
        };
        Arc::make_mut(session).ended_at = Some(at);
        let rings = tables.reroute(at);
        drop(tables);
        self.ring_all(rings);
        answer(Ok(true))
    }

    fn list_sessions(&self, scope: &Scope) -> Vec<Arc<Session>> {
        let mut list = self.tables().sessions.clone();
        list.retain(|session| scope.covers(&session.folder));
        list.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        list
    }

    fn add_signing_key(&self, key: SigningKey, alone: bool) -> Answer<'_, ()> {
        let keys = &mut self.tables().signing_keys;
        if alone {
            keys.clear();
        }
        keys.push(key);
        answer(Ok(()))
    }
}
