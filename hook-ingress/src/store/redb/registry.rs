//! Grants, sessions, keys and rules in memory: what the front door looks up. The control file is the truth.

use std::{collections::HashMap, sync::Arc};

use doorbell_core::{
    acl::Scope,
    address::Jid,
    bound::Counts,
    browser::BrowserSession,
    grant::{Grant, GrantId},
    key::{ApiKey, KeyId},
    ports::GrantUse,
    route::Table,
    time::Timestamp,
    token::TokenHash,
};

use super::{
    channels::{ChannelChange, Known},
    control::{Change, Contents},
};

/// Every grant, every session, every key, every browser and every rule.
#[derive(Default)]
pub(super) struct Registry {
    by_hash: HashMap<TokenHash, Arc<Grant>>,
    grants: HashMap<GrantId, (TokenHash, Arc<Grant>)>,
    by_jid: HashMap<Jid, Vec<GrantId>>,
    /// Of those that were not revoked, by their owners.
    pub(super) standing: Counts,
    keys: HashMap<TokenHash, Arc<ApiKey>>,
    key_hashes: HashMap<KeyId, TokenHash>,
    pub(super) browsers: HashMap<TokenHash, BrowserSession>,
    pub(super) channels: Known,
    /// Made once per change, so that the front door only copies a pointer.
    pub(super) routes: Arc<Table>,
    /// Of grants of both kinds: their ids are from one supply.
    used: HashMap<GrantId, Timestamp>,
}

impl Registry {
    /// As the control file has it.
    pub(super) fn new(contents: Contents) -> Self {
        let mut registry = Self {
            browsers: contents.browsers.into_iter().collect(),
            channels: contents.channels,
            routes: Arc::new(contents.routes),
            ..Self::default()
        };
        for (hash, grant) in contents.grants {
            registry.keep_grant(hash, Arc::new(grant));
        }
        for (hash, key) in contents.keys {
            registry.key_hashes.insert(key.id, hash);
            registry.keys.insert(hash, Arc::new(key));
        }
        let used = contents.used.into_iter();
        let used = used.filter(|(id, _)| registry.knows(*id)).collect();
        registry.used = used;
        registry
    }

    /// Takes in what was committed.
    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Grant(hash, grant) => self.keep_grant(*hash, grant.clone()),
            Change::Key(hash, key) => {
                self.key_hashes.insert(key.id, *hash);
                self.keys.insert(*hash, key.clone());
            }
            Change::Forget(id) => {
                if let Some((hash, grant)) = self.grants.remove(id) {
                    self.by_hash.remove(&hash);
                    self.used.remove(id);
                    if grant.revoked_at.is_none() {
                        self.standing.remove(&grant.owner_folder);
                    }
                    let jid = grant.jid();
                    if let Some(ids) = self.by_jid.get_mut(&jid) {
                        ids.retain(|other| other != id);
                        if ids.is_empty() {
                            self.by_jid.remove(&jid);
                        }
                    }
                }
            }
            Change::Browser(hash, Some(session)) => {
                self.browsers.insert(*hash, session.clone());
            }
            Change::Browser(hash, None) => {
                self.browsers.remove(hash);
            }
            Change::Channel(change) => {
                self.channels.apply(change);
                if let ChannelChange::ForgetGrant(id) = change {
                    self.used.remove(id);
                }
            }
            Change::Rule(_, routes) => self.routes = routes.clone(),
            Change::Used(..) | Change::Seen(..) | Change::Unseen(_) | Change::Latest(_) => {}
        }
    }

    fn keep_grant(&mut self, hash: TokenHash, grant: Arc<Grant>) {
        if grant.revoked_at.is_none() {
            self.standing.add(&grant.owner_folder);
        }
        match self.grants.insert(grant.id, (hash, grant.clone())) {
            None => self.by_jid.entry(grant.jid()).or_default().push(grant.id),
            Some((_, before)) if before.revoked_at.is_none() => {
                self.standing.remove(&before.owner_folder);
            }
            Some(_) => {}
        }
        self.by_hash.insert(hash, grant);
    }

    /// How many grants, addresses and uses are known.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        (self.grants.len(), self.by_jid.len(), self.used.len())
    }

    /// Whether a grant of either kind is known.
    pub(super) fn knows(&self, id: GrantId) -> bool {
        self.grants.contains_key(&id) || self.channels.grants.contains_key(&id)
    }

    /// A message came through.
    pub(super) fn used(&mut self, id: GrantId, at: Timestamp) {
        self.used.insert(id, at);
    }

    /// When messages last came through.
    pub(super) fn last_used(&self, id: GrantId) -> Option<Timestamp> {
        self.used.get(&id).copied()
    }

    pub(super) fn grant(&self, hash: &TokenHash) -> Option<Arc<Grant>> {
        self.by_hash.get(hash).cloned()
    }

    pub(super) fn grant_by_id(&self, id: GrantId) -> Option<(TokenHash, Arc<Grant>)> {
        self.grants.get(&id).cloned()
    }

    /// Every grant, in no order.
    pub(super) fn grants(&self) -> impl Iterator<Item = &Arc<Grant>> {
        self.grants.values().map(|(_, grant)| grant)
    }

    pub(super) fn list(&self, scope: &Scope) -> Vec<GrantUse> {
        let mut list: Vec<_> = self
            .grants()
            .filter(|grant| scope.covers(&grant.owner_folder))
            .map(|grant| GrantUse {
                grant: grant.clone(),
                last_used_at: self.used.get(&grant.id).copied(),
            })
            .collect();
        list.sort_by_key(|entry| (entry.grant.created_at, entry.grant.id));
        list
    }

    pub(super) fn of_jid(&self, jid: &Jid) -> Vec<Arc<Grant>> {
        let ids = self.by_jid.get(jid).map(Vec::as_slice).unwrap_or_default();
        let mut grants: Vec<_> = ids.iter().map(|id| self.grants[id].1.clone()).collect();
        grants.sort_by_key(|grant| (grant.created_at, grant.id));
        grants
    }

    pub(super) fn key(&self, hash: &TokenHash) -> Option<Arc<ApiKey>> {
        self.keys.get(hash).cloned()
    }

    pub(super) fn key_by_id(&self, id: KeyId) -> Option<(TokenHash, Arc<ApiKey>)> {
        let hash = *self.key_hashes.get(&id)?;
        Some((hash, self.keys.get(&hash)?.clone()))
    }

    pub(super) fn keys(&self) -> Vec<Arc<ApiKey>> {
        let mut keys: Vec<_> = self.keys.values().cloned().collect();
        keys.sort_by_key(|key| (key.created_at, key.id));
        keys
    }
}
