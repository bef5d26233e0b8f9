//! Grants and keys, in memory.

use std::sync::Arc;

use super::{MemoryStore, Tables, answer};
use crate::{
    acl::Scope,
    address::Jid,
    bound::Count,
    folder::Folder,
    grant::{Grant, GrantId},
    key::{ApiKey, KeyId},
    ports::{Answer, GrantStore, GrantUse, Grants, InsertGrantError, KeyStore},
    time::Timestamp,
    token::TokenHash,
};

impl Tables {
    pub(super) fn grant_by_id(&self, id: GrantId) -> Option<&Arc<Grant>> {
        self.grants
            .iter()
            .map(|(_, grant)| grant)
            .find(|grant| grant.id == id)
    }

    fn grants_oldest_first(&self) -> Vec<Arc<Grant>> {
        let mut grants: Vec<_> = self.grants.iter().map(|(_, grant)| grant.clone()).collect();
        grants.sort_by_key(|grant| (grant.created_at, grant.id));
        grants
    }

    pub(super) fn last_used_at(&self, id: GrantId) -> Option<Timestamp> {
        let last = self
            .entries
            .iter()
            .rev()
            .find(|entry| entry.grant() == id)?;
        Some(last.received_at())
    }
}

impl Grants for MemoryStore {
    fn grant(&self, hash: &TokenHash) -> Option<Arc<Grant>> {
        let tables = self.tables();
        let (_, grant) = tables.grants.iter().find(|(have, _)| have == hash)?;
        Some(grant.clone())
    }
}

impl GrantStore for MemoryStore {
    fn insert_grant(
        &self,
        grant: Grant,
        hash: TokenHash,
        now: Timestamp,
    ) -> Answer<'_, Arc<Grant>, InsertGrantError> {
        let mut tables = self.tables();
        let clash = tables
            .grants_oldest_first()
            .into_iter()
            .find(|other| other.is_live(now) && other.clashes_with(&grant));
        if let Some(other) = clash {
            return answer(Err(InsertGrantError::Clash(other)));
        }
        let grant = Arc::new(grant);
        tables.grants.push((hash, grant.clone()));
        answer(Ok(grant))
    }

    fn revoke_grants(&self, ids: Vec<GrantId>, at: Timestamp) -> Answer<'_, Vec<GrantId>> {
        let mut tables = self.tables();
        let mut revoked = Vec::new();
        for id in ids {
            for (_, grant) in &mut tables.grants {
                if grant.id == id && grant.revoked_at.is_none() {
                    Arc::make_mut(grant).revoked_at = Some(at);
                    revoked.push(id);
                }
            }
        }
        answer(Ok(revoked))
    }

    fn list_grants(&self, scope: &Scope) -> Vec<GrantUse> {
        let tables = self.tables();
        tables
            .grants_oldest_first()
            .into_iter()
            .filter(|grant| scope.covers(&grant.owner_folder))
            .map(|grant| GrantUse {
                last_used_at: tables.last_used_at(grant.id),
                grant,
            })
            .collect()
    }

    fn count_grants(&self, beside: &Folder) -> Count {
        let tables = self.tables();
        let standing = tables.grants.iter().map(|(_, grant)| grant);
        let standing = standing.filter(|grant| grant.revoked_at.is_none());
        Count::beside(beside, standing.map(|grant| &grant.owner_folder))
    }

    fn grant_of(&self, id: GrantId, scope: &Scope) -> Option<Arc<Grant>> {
        let tables = self.tables();
        let grant = tables.grant_by_id(id)?;
        scope.covers(&grant.owner_folder).then(|| grant.clone())
    }

    fn grants_of(&self, jid: &Jid, scope: &Scope) -> Vec<Arc<Grant>> {
        let mut grants = self.tables().grants_oldest_first();
        grants.retain(|grant| grant.jid() == *jid && scope.covers(&grant.owner_folder));
        grants
    }

    fn grants_to(&self, jid: &Jid, scope: &Scope) -> Vec<Arc<Grant>> {
        let mut grants = self.tables().grants_oldest_first();
        grants.retain(|grant| grant.jid() == *jid && scope.covers(&grant.target_folder));
        grants
    }
}

impl KeyStore for MemoryStore {
    fn key(&self, hash: &TokenHash) -> Option<Arc<ApiKey>> {
        let tables = self.tables();
        let (_, key) = tables.keys.iter().find(|(have, _)| have == hash)?;
        Some(key.clone())
    }

    fn insert_key(&self, key: ApiKey, hash: TokenHash) -> Answer<'_, ()> {
        self.tables().keys.push((hash, Arc::new(key)));
        answer(Ok(()))
    }

    fn revoke_key(&self, id: KeyId, at: Timestamp) -> Answer<'_, bool> {
        let mut tables = self.tables();
        let live = tables
            .keys
            .iter_mut()
            .find(|(_, key)| key.id == id && key.is_live());
        answer(Ok(match live {
            Some((_, key)) => {
                Arc::make_mut(key).revoked_at = Some(at);
                true
            }
            None => false,
        }))
    }

    fn list_keys(&self) -> Vec<Arc<ApiKey>> {
        let mut keys: Vec<_> = self
            .tables()
            .keys
            .iter()
            .map(|(_, key)| key.clone())
            .collect();
        keys.sort_by_key(|key| (key.created_at, key.id));
        keys
    }
}
