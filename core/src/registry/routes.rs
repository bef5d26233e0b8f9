//! Routes: rules are set and removed here.

use std::sync::Arc;

use super::Registry;
use crate::{
    acl::{ManageRules, Permit, SetRule},
    label::Label,
    message::RouteId,
    ports::{RouteStore, SetRuleError, StoreError},
    route::{HeaderGlobs, NewRule, Owner, Rule, Target},
    time::Timestamp,
};

/// What the setter of a rule asks for; its pattern is the permit's, and so is its owner.
#[derive(Clone, Debug)]
pub struct RuleDraft {
    /// Only messages of this sender.
    pub sender: Option<Label>,
    /// Only messages with headers that match all of these.
    pub headers: HeaderGlobs,
    /// Where it sends them: the permit's folder, or a session of it.
    pub target: Target,
    /// When that session was made.
    pub session_made: Option<Timestamp>,
    /// Its place among its owner's rules; `None`: behind the last.
    pub seq: Option<u32>,
}

impl<S: RouteStore + ?Sized> Registry<S> {
    /// Sets a rule; it belongs to whoever the permit is for.
    pub async fn set_rule(
        &self,
        permit: &Permit<SetRule>,
        draft: RuleDraft,
    ) -> Result<Arc<Rule>, SetRuleError> {
        let now = self.clock.now();
        let new = NewRule {
            id: RouteId::new(now, self.chance_bits()),
            owner: Owner::from(permit.principal()),
            pattern: permit.action().pattern.clone(),
            sender: draft.sender,
            headers: draft.headers,
            target: draft.target,
            session_made: draft.session_made,
            seq: draft.seq,
            created_at: now,
        };
        self.store.set_rule(new).await
    }

    /// The rules in reach, in the order of evaluation.
    pub fn list_rules(&self, permit: &Permit<ManageRules>) -> Vec<Arc<Rule>> {
        let scope = permit.scope();
        let table = self.store.routes();
        let rules = table.iter().filter(|rule| rule.owner.is_within(&scope));
        rules.cloned().collect()
    }

    /// Removes a rule; false if there is none by that id in reach.
    pub async fn remove_rule(
        &self,
        permit: &Permit<ManageRules>,
        id: RouteId,
    ) -> Result<bool, StoreError> {
        let table = self.store.routes();
        let scope = permit.scope();
        if !table
            .get(id)
            .is_some_and(|rule| rule.owner.is_within(&scope))
        {
            return Ok(false);
        }
        self.store.remove_rule(id).await
    }
}
