//! The ports about channels: looked up in memory, changed by the writer.

use std::sync::Arc;

use doorbell_core::{
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

use super::ChannelCommand;
use crate::store::redb::{RedbStore, command};

impl RedbStore {
    fn ask_channel<T: Send + 'static>(
        &self,
        command: impl FnOnce(command::Answer<T>) -> ChannelCommand + 'static,
    ) -> Answer<'_, T> {
        Box::pin(self.ask(|answer| command::Command::Channel(Box::new(command(answer)))))
    }
}

impl Channels for RedbStore {
    fn signing_keys(&self) -> KeyRing {
        self.registry().channels.ring.clone()
    }

    fn channel_grant(&self, id: GrantId) -> Option<Arc<ChannelGrant>> {
        self.registry().channels.grants.get(&id).cloned()
    }

    fn session(&self, id: &SessionId) -> Option<Arc<Session>> {
        self.registry().channels.session(id).cloned()
    }

    fn session_of(&self, session: &SessionRef) -> Option<Arc<Session>> {
        self.registry().channels.sessions.get(session).cloned()
    }
}

impl ChannelStore for RedbStore {
    fn insert_channel_grant(&self, grant: ChannelGrant) -> Answer<'_, Arc<ChannelGrant>> {
        self.ask_channel(move |answer| ChannelCommand::InsertGrant(grant, answer))
    }

    fn revoke_channel_grant(&self, id: GrantId, at: Timestamp) -> Answer<'_, bool> {
        self.ask_channel(move |answer| ChannelCommand::RevokeGrant(id, at, answer))
    }

    fn list_channel_grants(&self, scope: &Scope) -> Vec<ChannelUse> {
        self.registry().list_channel_grants(scope)
    }

    fn count_channel_grants(&self, beside: &Folder) -> Count {
        self.registry().channels.standing.beside(beside)
    }

    fn count_sessions(&self, beside: &Folder) -> Count {
        self.registry().channels.open.beside(beside)
    }

    fn make_session(&self, session: Session) -> Answer<'_, MakeSession> {
        self.ask_channel(move |answer| ChannelCommand::MakeSession(session, answer))
    }

    fn end_session(&self, id: SessionId, at: Timestamp) -> Answer<'_, bool> {
        let ended = self.ask_channel(move |answer| ChannelCommand::EndSession(id, at, answer));
        Box::pin(async move {
            let ended = ended.await?;
            if ended {
                self.reroute(at).await?;
            }
            Ok(ended)
        })
    }

    fn list_sessions(&self, scope: &Scope) -> Vec<Arc<Session>> {
        self.registry().channels.list_sessions(scope)
    }

    fn add_signing_key(&self, key: SigningKey, alone: bool) -> Answer<'_, ()> {
        self.ask_channel(move |answer| ChannelCommand::AddSigningKey(key, alone, answer))
    }
}
