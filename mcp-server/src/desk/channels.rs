//! Sessions and the channels into them, decided.

use std::sync::Arc;

use doorbell_core::{
    acl::{ManageGrants, Permit, UseSession, authorize},
    address::Inbox,
    capability::Verb,
    folder::Folder,
    grant::{GrantId, Ttl},
    label::SessionId,
    ports::{MakeSession, Ring},
    registry::{NewChannel, NewSession},
    session::Session,
};
use doorbell_ingress::Presence;

use super::{Answer, local::Local};
use crate::{
    refusal::Refusal,
    switchboard::Held,
    wire::{
        ChannelEntry, ChannelList, Count, ExposeChannel, ExposedChannel, OpenSession,
        RotateSigningKey, SessionEntry, SessionList, SigningKeyRotated, Text,
    },
};

impl Local {
    /// A session in reach and the permit to use it. Another's reads as not found.
    pub(super) fn session_in_reach(
        &self,
        id: &SessionId,
    ) -> Answer<(Arc<Session>, Permit<UseSession>)> {
        let not_found = || Refusal::NotFound(format!("no session {id}"));
        let session = self.house.store.session(id).ok_or_else(not_found)?;
        let folder = session.folder.clone();
        let permit = authorize(self.principal(), UseSession { folder }).map_err(|_| not_found())?;
        Ok((session, permit))
    }

    /// The same, while it has not ended.
    pub(super) fn open_session_in_reach(
        &self,
        id: &SessionId,
    ) -> Answer<(Arc<Session>, Permit<UseSession>)> {
        let (session, permit) = self.session_in_reach(id)?;
        if session.ended_at.is_some() {
            return Err(Refusal::Gone(format!(
                "the session {id} has ended, for good"
            )));
        }
        Ok((session, permit))
    }

    /// The same for what is to be made for the session: that it has ended contradicts what is asked
    /// for, and nothing that was is gone.
    pub(super) fn session_to_serve(
        &self,
        id: &SessionId,
    ) -> Answer<(Arc<Session>, Permit<UseSession>)> {
        self.open_session_in_reach(id)
            .map_err(|refusal| match refusal {
                Refusal::Gone(why) => Refusal::Conflict(why),
                other => other,
            })
    }

    /// The inbox of the session that the caller says is its own, if it is in reach.
    pub fn own_session_inbox(&self) -> Answer<Option<Inbox>> {
        let Some(id) = &self.caller.session else {
            return Ok(None);
        };
        let (session, _) = self.session_in_reach(id)?;
        Ok(Some(Inbox::Session(session.reference())))
    }

    /// Refuses whoever may not see a session.
    pub fn sees_session(&self, id: &SessionId) -> Answer<()> {
        self.session_in_reach(id).map(|_| ())
    }

    /// Becomes the one consumer of a session.
    pub fn hold(&self, id: &SessionId) -> Answer<(Arc<Session>, Held)> {
        let (session, _) = self.open_session_in_reach(id)?;
        let held = self
            .house
            .switchboard
            .hold(&session.reference())
            .ok_or_else(|| {
                Refusal::Conflict(format!("another program is attached to the session {id}"))
            })?;
        Ok((session, held))
    }

    /// The caller's own folder.
    pub fn home(&self) -> Answer<Folder> {
        self.folder_or_home(None, "doorbell-folder")
    }

    pub(super) async fn expose(&self, ask: ExposeChannel) -> Answer<ExposedChannel> {
        self.may_probe(ask.probe)?;
        let session = ask
            .session_id
            .map(|id| id.0)
            .or_else(|| self.caller.session.clone())
            .ok_or_else(|| {
                Refusal::invalid("session_id", "is required: this caller has no session")
            })?;
        let (session, permit) = self.session_to_serve(&session)?;
        let ttl = Ttl::from_seconds(ask.ttl_seconds.map_or(0, Count::get))
            .map_err(|error| Refusal::invalid("ttl_seconds", error))?;
        let new = NewChannel {
            session: session.reference(),
            verb: ask.verb.map_or(Verb::SendInput, |verb| verb.0),
            label: ask.label.map(|label| label.0),
            ttl,
            probe: ask.probe,
        };
        let exposed = self.house.registry.expose(&permit, new).await?;
        let token = exposed.token.expose();
        tracing::info!(
            jid = %exposed.grant.address(), grant = %exposed.grant.id, by = %self.caller,
            "issued"
        );
        Ok(ExposedChannel {
            channel: exposed.grant.address().to_string(),
            grant_id: Text(exposed.grant.id),
            token: token.to_owned(),
            url: format!("{}/hook/{token}", self.house.public_url),
            expires_at: Text(exposed.grant.expires_at),
            warning: self.url_warning(),
        })
    }

    pub(super) fn channels(&self) -> Answer<ChannelList> {
        let permit = authorize(self.principal(), ManageGrants)?;
        let grants = self.house.registry.list_channels(&permit);
        Ok(ChannelList {
            grants: grants.iter().map(ChannelEntry::from).collect(),
        })
    }

    pub(super) async fn revoke_channel_grant(&self, id: GrantId) -> Answer<ChannelList> {
        let permit = authorize(self.principal(), ManageGrants)?;
        let Some(revoked) = self.house.registry.revoke_channel(&permit, id).await? else {
            return Err(Refusal::NotFound(format!("no live channel grant {id}")));
        };
        tracing::info!(jid = %revoked.address(), grant = %id, by = %self.caller, "revoked");
        let mut list = self.channels()?;
        list.grants.retain(|entry| entry.grant_id.0 == id);
        Ok(list)
    }

    /// The session, and whether it is new.
    pub async fn make_session(&self, ask: OpenSession) -> Answer<(SessionEntry, bool)> {
        self.may_probe(ask.probe)?;
        let folder = self.folder_or_home(ask.folder, "folder")?;
        let permit = authorize(self.principal(), UseSession { folder }).map_err(|denied| {
            Refusal::Forbidden(format!("{denied}: folder lies outside its folder"))
        })?;
        let new = NewSession {
            id: ask.id.map(|id| id.0),
            probe: ask.probe,
        };
        Ok(
            match self.house.registry.open_session(&permit, new).await? {
                MakeSession::Made(session) => {
                    tracing::info!(session = %session.id, folder = %session.folder, "session made");
                    (self.entry(&session), true)
                }
                MakeSession::Stands(session) => (self.entry(&session), false),
            },
        )
    }

    pub(super) fn sessions(&self) -> Answer<SessionList> {
        let scope = authorize(self.principal(), ManageGrants)?.scope();
        let now = self.house.clock.now();
        let mut sessions = self.house.store.list_sessions(&scope);
        sessions.retain(|session| !session.is_forgotten(now));
        Ok(SessionList {
            sessions: sessions.iter().map(|session| self.entry(session)).collect(),
        })
    }

    /// Ends a session; one that has ended stays as it is, since DELETE is idempotent (RFC 9110
    /// section 9.2.2).
    pub(super) async fn end(&self, id: SessionId) -> Answer<SessionEntry> {
        let (session, permit) = self.session_in_reach(&id)?;
        if self.house.registry.end_session(&permit, id.clone()).await? {
            tracing::info!(session = %id, by = %self.caller, "session ended");
        }
        // Whoever is attached looks, and finds that it is over.
        self.house
            .switchboard
            .ring(&Inbox::Session(session.reference()), &[]);
        let ended = self.house.store.session_of(&session.reference());
        Ok(self.entry(&ended.unwrap_or(session)))
    }

    pub(super) async fn rotate(&self, ask: RotateSigningKey) -> Answer<SigningKeyRotated> {
        let permit = self.operate()?;
        let id = self
            .house
            .registry
            .rotate_signing_key(&permit, ask.revoke_old)
            .await?;
        tracing::info!(key = %id, revoked_old = ask.revoke_old, "signing key rotated");
        Ok(SigningKeyRotated {
            key_id: id.to_string(),
            revoked_old: ask.revoke_old,
        })
    }

    fn entry(&self, session: &Session) -> SessionEntry {
        let live = self.house.switchboard.is_live(&session.reference());
        SessionEntry::new(session, usize::from(live))
    }
}
