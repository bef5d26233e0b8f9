//! Channels: sessions are opened and ended, capabilities signed and revoked, keys rotated.

use std::sync::Arc;

use super::Registry;
use crate::{
    acl::{ManageGrants, Operate, Permit, UseSession},
    address::SessionRef,
    bound::TooMany,
    capability::{ChannelToken, SigningKey, SigningKeyId, Verb},
    channel::{ChannelGrant, ChannelLabel},
    grant::{GrantId, Ttl},
    label::SessionId,
    ports::{ChannelStore, ChannelUse, MakeSession, StoreError},
    session::Session,
};

/// What the minter of a channel token asks for.
#[derive(Clone, Debug)]
pub struct NewChannel {
    /// The session it speaks to; its folder is the permit's.
    pub session: SessionRef,
    /// What it may do there.
    pub verb: Verb,
    /// What to call it.
    pub label: Option<ChannelLabel>,
    /// How long it lives.
    pub ttl: Ttl,
    /// Whether something is only tried out: it dies soon, and is forgotten then.
    pub probe: bool,
}

/// A new channel grant and its token. This is the only time the token is to be had.
#[derive(Debug)]
pub struct Exposed {
    /// The raw token.
    pub token: ChannelToken,
    /// The record that was kept.
    pub grant: Arc<ChannelGrant>,
}

/// Why no capability was given.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ExposeError {
    /// There are as many as there may be.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Nothing was kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the opener of a session asks for.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// What to call it; `None`: an id is made up, and it ends with its last attachment.
    pub id: Option<SessionId>,
    /// Whether something is only tried out in it: it is forgotten once it is over.
    pub probe: bool,
}

/// Why a session was not opened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MakeSessionError {
    /// The id belongs to a session of another folder.
    #[error("the session id {0} is taken")]
    Taken(SessionId),
    /// There are as many as there may be.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Nothing was made.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<S: ChannelStore + ?Sized> Registry<S> {
    /// Makes a signing key, unless there is one.
    pub async fn ensure_signing_key(&self) -> Result<(), StoreError> {
        if self.store.signing_keys().current().is_some() {
            return Ok(());
        }
        self.store
            .add_signing_key(self.new_signing_key(), false)
            .await
    }

    /// Makes a new signing key. What older keys signed stays good, unless `alone`.
    pub async fn rotate_signing_key(
        &self,
        _permit: &Permit<Operate>,
        alone: bool,
    ) -> Result<SigningKeyId, StoreError> {
        let key = self.new_signing_key();
        let id = key.id();
        self.store.add_signing_key(key, alone).await?;
        Ok(id)
    }

    /// Signs a capability and keeps its grant.
    pub async fn expose(
        &self,
        permit: &Permit<UseSession>,
        new: NewChannel,
    ) -> Result<Exposed, ExposeError> {
        let owner = permit.owner_folder();
        let there = self.store.count_channel_grants(owner);
        TooMany::check("channel grants", self.bounds.channel_grants, owner, there)?;
        let now = self.clock.now();
        let ttl = if new.probe {
            new.ttl.of_a_probe()
        } else {
            new.ttl
        };
        let grant = ChannelGrant {
            id: GrantId::new(now, self.chance_bits()),
            session: new.session,
            verb: new.verb,
            label: new.label,
            owner_folder: permit.owner_folder().clone(),
            probe: new.probe,
            created_at: now,
            expires_at: ttl
                .expiry(now, Some(self.channel_ttl))
                .expect("a channel's ttl has a default"),
            revoked_at: None,
        };
        self.ensure_signing_key().await?;
        let token = self
            .store
            .signing_keys()
            .sign(&grant.claims())
            .ok_or_else(|| StoreError::NotReady("there is no signing key".into()))?;
        let grant = self.store.insert_channel_grant(grant).await?;
        Ok(Exposed { token, grant })
    }

    /// The channel grants in reach, oldest first, the revoked ones too.
    pub fn list_channels(&self, permit: &Permit<ManageGrants>) -> Vec<ChannelUse> {
        let now = self.clock.now();
        let mut grants = self.store.list_channel_grants(&permit.scope());
        grants.retain(|entry| !entry.grant.is_forgotten(now));
        grants
    }

    /// Revokes a channel grant; `None` if none that lives is in reach. Another's reads so too.
    pub async fn revoke_channel(
        &self,
        permit: &Permit<ManageGrants>,
        id: GrantId,
    ) -> Result<Option<Arc<ChannelGrant>>, StoreError> {
        let reachable = self
            .store
            .channel_grant(id)
            .is_some_and(|grant| permit.scope().covers(&grant.owner_folder));
        if !reachable
            || !self
                .store
                .revoke_channel_grant(id, self.clock.now())
                .await?
        {
            return Ok(None);
        }
        Ok(self.store.channel_grant(id))
    }

    /// Opens a session. One of that id which stands in the same folder is returned as it is; in the
    /// place of one that has ended another is made.
    pub async fn open_session(
        &self,
        permit: &Permit<UseSession>,
        new: NewSession,
    ) -> Result<MakeSession, MakeSessionError> {
        let now = self.clock.now();
        let folder = permit.action().folder.clone();
        let named = new.id.is_some();
        let stands = |id| {
            self.store
                .session(id)
                .is_some_and(|it| it.ended_at.is_none())
        };
        if !new.id.as_ref().is_some_and(stands) {
            let there = self.store.count_sessions(&folder);
            TooMany::check("open sessions", self.bounds.sessions, &folder, there)?;
        }
        let id = new.id.unwrap_or_else(|| {
            let made_up = GrantId::new(now, self.chance_bits()).to_string();
            made_up.parse().expect("a ULID is a segment")
        });
        let session = Session {
            id,
            folder,
            named,
            probe: new.probe,
            created_at: now,
            ended_at: None,
        };
        match self.store.make_session(session).await? {
            MakeSession::Stands(stands) if stands.folder != permit.action().folder => {
                Err(MakeSessionError::Taken(stands.id.clone()))
            }
            made => Ok(made),
        }
    }

    /// Ends a session for good; false if it had ended.
    pub async fn end_session(
        &self,
        _permit: &Permit<UseSession>,
        id: SessionId,
    ) -> Result<bool, StoreError> {
        self.store.end_session(id, self.clock.now()).await
    }

    fn new_signing_key(&self) -> SigningKey {
        let now = self.clock.now();
        let ring = self.store.signing_keys();
        // Thirty-two bits name a key, they do not guard it; they must only differ.
        let id = std::iter::repeat_with(|| {
            let bits = self.chance_bits().to_le_bytes();
            SigningKeyId(u32::from_le_bytes([bits[0], bits[1], bits[2], bits[3]]))
        })
        .find(|id| ring.iter().all(|key| key.id() != *id))
        .expect("chance does not run out");
        SigningKey::generate(id, now, &*self.chance)
    }
}
