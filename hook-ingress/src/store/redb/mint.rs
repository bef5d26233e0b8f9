//! Grants and keys in a turn: later commands of the same turn see what earlier ones decided.

use std::sync::Arc;

use doorbell_core::{
    grant::{Grant, GrantId},
    key::{ApiKey, KeyId},
    ports::InsertGrantError,
    time::Timestamp,
    token::TokenHash,
};

use super::{
    command::Answer,
    control::Change,
    shared::Shared,
    turn::{Turn, reply},
};

impl Turn {
    /// A new grant, unless a live one writes the same JID from other parts.
    pub(super) fn insert_grant(
        &mut self,
        shared: &Shared,
        grant: Grant,
        hash: TokenHash,
        now: Timestamp,
        answer: Answer<Arc<Grant>, InsertGrantError>,
    ) {
        let registry = shared
            .registry
            .read()
            .expect("nothing panics under this lock");
        let known = registry.of_jid(&grant.jid());
        drop(registry);
        let as_left = |known: Arc<Grant>| match self.grants.get(&known.id) {
            Some((_, changed)) => changed.clone(),
            None => known,
        };
        let new = self.grants.values().map(|(_, grant)| grant.clone());
        let clash = known
            .into_iter()
            .map(as_left)
            .chain(new)
            .filter(|other| other.is_live(now) && other.clashes_with(&grant))
            .min_by_key(|other| (other.created_at, other.id));
        if let Some(other) = clash {
            drop(answer.send(Err(InsertGrantError::Clash(other))));
            return;
        }
        let grant = Arc::new(grant);
        self.grants.insert(grant.id, (hash, grant.clone()));
        self.changes.push(Change::Grant(hash, grant.clone()));
        self.control_replies.push(reply(answer, grant));
    }

    /// Revokes. Every put that is decided after this is refused, and the rest were before it.
    pub(super) fn revoke_grants(
        &mut self,
        shared: &Shared,
        ids: Vec<GrantId>,
        at: Timestamp,
        answer: Answer<Vec<GrantId>>,
    ) {
        let mut revoked = Vec::new();
        for id in ids {
            let known = self.grants.get(&id).cloned().or_else(|| {
                shared
                    .registry
                    .read()
                    .expect("nothing panics under this lock")
                    .grant_by_id(id)
            });
            if let Some((hash, mut grant)) = known
                && grant.revoked_at.is_none()
            {
                Arc::make_mut(&mut grant).revoked_at = Some(at);
                self.grants.insert(id, (hash, grant.clone()));
                self.changes.push(Change::Grant(hash, grant));
                revoked.push(id);
            }
        }
        self.control_replies.push(reply(answer, revoked));
    }

    /// A new key.
    pub(super) fn insert_key(&mut self, key: ApiKey, hash: TokenHash, answer: Answer<()>) {
        let key = Arc::new(key);
        self.keys.insert(key.id, (hash, key.clone()));
        self.changes.push(Change::Key(hash, key));
        self.control_replies.push(reply(answer, ()));
    }

    /// A key as this turn leaves it.
    pub(super) fn key(&self, shared: &Shared, id: KeyId) -> Option<(TokenHash, Arc<ApiKey>)> {
        self.keys.get(&id).cloned().or_else(|| {
            shared
                .registry
                .read()
                .expect("nothing panics under this lock")
                .key_by_id(id)
        })
    }

    /// Revokes a key.
    pub(super) fn revoke_key(
        &mut self,
        shared: &Shared,
        id: KeyId,
        at: Timestamp,
        answer: Answer<bool>,
    ) {
        let revoked = match self.key(shared, id) {
            Some((hash, mut key)) if key.is_live() => {
                Arc::make_mut(&mut key).revoked_at = Some(at);
                self.keys.insert(id, (hash, key.clone()));
                self.changes.push(Change::Key(hash, key));
                true
            }
            _ => false,
        };
        self.control_replies.push(reply(answer, revoked));
    }
}
