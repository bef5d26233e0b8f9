//! The one who mints: grants and keys are made, listed and revoked here and nowhere else.

mod channels;
mod routes;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use crate::{
    acl::{ManageGrants, ManageRules, Mint, Operate, Permit},
    address::Jid,
    bound::{Bound, CHANNEL_GRANTS, SESSIONS, TooMany, URLS},
    channel::DEFAULT_CHANNEL_TTL,
    folder::Folder,
    grant::{Context, Door, Grant, GrantId, Ttl},
    key::{ApiKey, KeyId},
    ports::{GrantStore, GrantUse, InsertGrantError, KeyStore, StoreError},
    principal::Principal,
    time::Clock,
    token::{Chance, Token, TokenKind},
};

/// What a minter asks for.
#[derive(Clone, Debug)]
pub struct NewGrant {
    /// What the door is called.
    pub door: Door,
    /// Said beside each message.
    pub context: Option<Context>,
    /// How long it lives.
    pub ttl: Ttl,
    /// What the URL that is shown begins with, if one is.
    pub public_url: Option<Arc<str>>,
    /// Whether something is only tried out: it dies soon, and is forgotten then.
    pub probe: bool,
}

/// A new grant and its token. This is the only time the token is to be had.
#[derive(Debug)]
pub struct Issued {
    /// The raw token.
    pub token: Token,
    /// The record that was kept.
    pub grant: Arc<Grant>,
}

/// Why no route token was minted.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IssueError {
    /// There are as many as there may be.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// It was not kept.
    #[error(transparent)]
    Insert(#[from] InsertGrantError),
}

/// A new API key and its text. This is the only time the text is to be had.
#[derive(Debug)]
pub struct IssuedKey {
    /// The raw key.
    pub token: Token,
    /// The record that was kept.
    pub key: ApiKey,
}

pub use channels::{ExposeError, Exposed, MakeSessionError, NewChannel, NewSession};
pub use routes::RuleDraft;

/// No live grant of that JID is in the caller's reach.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RevokeError {
    /// None exists, or none that the caller may see.
    #[error("no live grant of {0}")]
    NotFound(Jid),
    /// Nothing was revoked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The write side of grants and keys. It demands a [`Permit`] for everything.
pub struct Registry<S: ?Sized> {
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    /// What a route token's TTL is when none is asked for; `None`: it never ends.
    route_ttl: Option<Duration>,
    /// What a channel token's TTL is when none is asked for.
    channel_ttl: Duration,
    bounds: Bounds,
    store: Arc<S>,
}

/// How many there may be of what a caller may make without end.
///
/// They are looked at before something is made, so that those who make at once may go a little beyond.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// URLs that were not revoked.
    pub urls: Bound,
    /// Channel grants that were not revoked.
    pub channel_grants: Bound,
    /// Sessions that have not ended.
    pub sessions: Bound,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            urls: URLS,
            channel_grants: CHANNEL_GRANTS,
            sessions: SESSIONS,
        }
    }
}

impl<S: ?Sized> Registry<S> {
    /// Gives channel tokens another TTL where none is asked for; grants that stand keep theirs.
    #[must_use]
    pub fn with_channel_ttl(mut self, ttl: Duration) -> Self {
        self.channel_ttl = ttl;
        self
    }

    /// Holds those who make without end to other bounds.
    #[must_use]
    pub fn with_bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    fn chance_bits(&self) -> u128 {
        let mut bits = [0; 16];
        self.chance.fill(&mut bits);
        u128::from_le_bytes(bits)
    }
}

impl<S: GrantStore + KeyStore + ?Sized> Registry<S> {
    /// A registry over a store.
    pub fn new(
        store: Arc<S>,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
        route_ttl: Option<Duration>,
    ) -> Self {
        Self {
            clock,
            chance,
            route_ttl,
            channel_ttl: DEFAULT_CHANNEL_TTL,
            bounds: Bounds::default(),
            store,
        }
    }

    /// Mints a route token.
    pub async fn issue(&self, permit: Permit<Mint>, new: NewGrant) -> Result<Issued, IssueError> {
        let there = self.store.count_grants(permit.owner_folder());
        TooMany::check("URLs", self.bounds.urls, permit.owner_folder(), there)?;
        let now = self.clock.now();
        let kind = match new.door {
            Door::Hook { .. } => TokenKind::Hook,
            Door::Web { .. } => TokenKind::Web,
        };
        let token = Token::mint(kind, &*self.chance);
        let ttl = if new.probe {
            new.ttl.of_a_probe()
        } else {
            new.ttl
        };
        let grant = Grant {
            id: GrantId::new(now, self.chance_bits()),
            door: new.door,
            owner_folder: permit.owner_folder().clone(),
            target_folder: permit.action().target_folder.clone(),
            context: new.context,
            public_url: new.public_url,
            probe: new.probe,
            created_at: now,
            expires_at: ttl.expiry(now, self.route_ttl),
            revoked_at: None,
        };
        let grant = self.store.insert_grant(grant, token.hash(), now).await?;
        Ok(Issued { token, grant })
    }

    /// The live grants in reach whose target folder `within` contains, oldest first.
    pub fn list(&self, permit: &Permit<ManageGrants>, within: Option<&Folder>) -> Vec<GrantUse> {
        let now = self.clock.now();
        let mut grants = self.store.list_grants(&permit.scope());
        grants.retain(|entry| {
            entry.grant.is_live(now)
                && within.is_none_or(|folder| folder.contains(&entry.grant.target_folder))
        });
        grants
    }

    /// A live grant of a JID whose messages are in reach: the oldest, if there are several.
    pub fn live_grant_to(&self, permit: &Permit<ManageRules>, jid: &Jid) -> Option<Arc<Grant>> {
        let now = self.clock.now();
        let grants = self.store.grants_to(jid, &permit.scope());
        grants.into_iter().find(|grant| grant.is_live(now))
    }

    /// Revokes every live grant of a JID that is in reach, and says which those were. Another's reads
    /// as not found.
    pub async fn revoke(
        &self,
        permit: &Permit<ManageGrants>,
        jid: &Jid,
    ) -> Result<Vec<GrantId>, RevokeError> {
        let now = self.clock.now();
        let ids: Vec<_> = self
            .store
            .grants_of(jid, &permit.scope())
            .into_iter()
            .filter(|grant| grant.is_live(now))
            .map(|grant| grant.id)
            .collect();
        let revoked = self.store.revoke_grants(ids, now).await?;
        if revoked.is_empty() {
            Err(RevokeError::NotFound(jid.clone()))
        } else {
            Ok(revoked)
        }
    }

    /// Revokes one grant that is in reach, and says whether it was live until now. `None`: there is
    /// none; another's reads so too.
    pub async fn revoke_one(
        &self,
        permit: &Permit<ManageGrants>,
        id: GrantId,
    ) -> Result<Option<(Arc<Grant>, bool)>, StoreError> {
        let Some(grant) = self.store.grant_of(id, &permit.scope()) else {
            return Ok(None);
        };
        let now = self.clock.now();
        // One that has expired is revoked too: a clock that goes back does not bring it to life.
        let revoked = self.store.revoke_grants(vec![id], now).await?;
        let was_live = !revoked.is_empty() && grant.is_live(now);
        Ok(Some((grant, was_live)))
    }

    /// Issues an API key.
    pub async fn issue_key(
        &self,
        _permit: &Permit<Operate>,
        principal: Principal,
        name: Option<Arc<str>>,
    ) -> Result<IssuedKey, StoreError> {
        let now = self.clock.now();
        let token = Token::mint(TokenKind::Key, &*self.chance);
        let id = KeyId::new(now, self.chance_bits());
        let key = ApiKey {
            id,
            principal,
            name,
            created_at: now,
            revoked_at: None,
        };
        self.store.insert_key(key.clone(), token.hash()).await?;
        Ok(IssuedKey { token, key })
    }

    /// Every API key, oldest first, the revoked ones too.
    pub fn list_keys(&self, _permit: &Permit<Operate>) -> Vec<Arc<ApiKey>> {
        self.store.list_keys()
    }

    /// Revokes an API key; false if there is none to revoke by that id.
    pub async fn revoke_key(
        &self,
        _permit: &Permit<Operate>,
        id: KeyId,
    ) -> Result<bool, StoreError> {
        self.store.revoke_key(id, self.clock.now()).await
    }
}
