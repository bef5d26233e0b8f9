//! All rules, compiled: never changed, but replaced by another.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use super::{
    NewRule, Outcome, Owner, Rule, SEQ_STEP, Sessions, default_outcome,
    owned::{Applying, EFFORT, Owned},
};
use crate::{
    folder::Folder,
    grant::{Grant, GrantId},
    message::{Headers, RouteId},
};

/// The most rules that one owner has.
pub const MAX_OWNED: usize = 2_000;

/// The most rules that a folder and what is below it have together: a quarter of all. Nobody takes
/// the others' by minting narrower keys, or by narrowing its own.
pub const MAX_WITHIN: usize = MAX_RULES / 4;

/// The most rules that there are.
pub const MAX_RULES: usize = 20_000;

/// For how many grants it is remembered which rules apply to them.
const MAX_DECIDED: usize = 4_096;

/// Every rule, ready to decide about arrivals.
///
/// Owner, pattern and sender are decided once for each grant, header names and values are looked up:
/// what an arrival costs hardly grows with the number of rules. A change makes another table, which
/// shares with this one all that it has in common.
#[derive(Default)]
pub struct Table {
    owners: BTreeMap<Owner, Arc<Owned>>,
    count: usize,
    decided: RwLock<HashMap<GrantId, Arc<Decided>>>,
}

/// Which rules apply to a grant, owner by owner.
type Decided = Vec<(Arc<Owned>, Applying)>;

/// There is no room for another rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooManyRules {
    /// Its owner has [`MAX_OWNED`].
    #[error("{0} has {MAX_OWNED} rules, which is the most")]
    Owned(Owner),
    /// This folder and what is below it have [`MAX_WITHIN`].
    #[error("{0} and the folders below it have {MAX_WITHIN} rules, which is the most")]
    Within(Folder),
    /// There are [`MAX_RULES`].
    #[error("there are {MAX_RULES} rules, which is the most")]
    All,
}

impl Table {
    /// Of these rules.
    pub fn new(rules: impl IntoIterator<Item = Arc<Rule>>) -> Self {
        let mut owners: BTreeMap<Owner, Vec<_>> = BTreeMap::new();
        let mut count = 0;
        for rule in rules {
            count += 1;
            owners.entry(rule.owner.clone()).or_default().push(rule);
        }
        let owners = owners.into_iter();
        Self {
            owners: owners
                .map(|(owner, rules)| (owner, Arc::new(Owned::new(rules))))
                .collect(),
            count,
            decided: RwLock::default(),
        }
    }

    /// With one rule more, in its place.
    pub fn with(&self, new: NewRule) -> Result<(Self, Arc<Rule>), TooManyRules> {
        if self.count >= MAX_RULES {
            return Err(TooManyRules::All);
        }
        let owned = self.owners.get(&new.owner);
        if owned.is_some_and(|owned| owned.rules().len() >= MAX_OWNED) {
            return Err(TooManyRules::Owned(new.owner));
        }
        // Whatever folder is full, the outermost one around the owner holds no less.
        if let Some(outermost) = new.owner.folder().map(Folder::outermost) {
            let within = |owner: &&Owner| owner.folder().is_some_and(|f| outermost.contains(f));
            let owners = self.owners.iter().filter(|(owner, _)| within(owner));
            let held: usize = owners.map(|(_, owned)| owned.rules().len()).sum();
            if held >= MAX_WITHIN {
                return Err(TooManyRules::Within(outermost));
            }
        }
        let last = owned.and_then(|owned| owned.rules().last());
        let rule = Arc::new(Rule {
            id: new.id,
            seq: new.seq.unwrap_or_else(|| {
                let last = last.map_or(0, |rule| rule.seq);
                last.saturating_add(SEQ_STEP).min(super::MAX_SEQ)
            }),
            owner: new.owner,
            pattern: new.pattern,
            sender: new.sender,
            headers: new.headers,
            target: new.target,
            session_made: new.session_made,
            created_at: new.created_at,
        });
        let changed = match owned {
            Some(owned) => owned.with(rule.clone()),
            None => Owned::new(vec![rule.clone()]),
        };
        let mut owners = self.owners.clone();
        owners.insert(rule.owner.clone(), Arc::new(changed));
        let table = Self {
            owners,
            count: self.count + 1,
            decided: RwLock::default(),
        };
        Ok((table, rule))
    }

    /// Without a rule; `None` if there is none by that id.
    pub fn without(&self, id: RouteId) -> Option<Self> {
        let rule = self.get(id)?;
        let mut owners = self.owners.clone();
        let left = owners[&rule.owner].rules().filter(|rule| rule.id != id);
        let left: Vec<_> = left.cloned().collect();
        if left.is_empty() {
            owners.remove(&rule.owner);
        } else {
            owners.insert(rule.owner.clone(), Arc::new(Owned::new(left)));
        }
        Some(Self {
            owners,
            count: self.count - 1,
            decided: RwLock::default(),
        })
    }

    /// Every rule in the order of evaluation; folders that do not contain each other, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.owners.values().flat_map(|owned| owned.rules())
    }

    /// A rule by its id.
    pub fn get(&self, id: RouteId) -> Option<&Arc<Rule>> {
        self.iter().find(|rule| rule.id == id)
    }

    /// Decides about a message that came through a grant.
    pub fn decide(&self, grant: &Grant, headers: &Headers, sessions: Sessions<'_>) -> Outcome {
        if self.owners.is_empty() {
            return default_outcome(grant);
        }
        let mut effort = EFFORT;
        self.applying(grant)
            .iter()
            .find_map(|(owned, applying)| owned.decide(applying, headers, &mut effort, sessions))
            .unwrap_or_else(|| default_outcome(grant))
    }

    fn applying(&self, grant: &Grant) -> Arc<Decided> {
        let known = self.decided.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(decided) = known.get(&grant.id) {
            return decided.clone();
        }
        drop(known);
        let owners = self.owners.iter();
        let containing = owners.filter(|(owner, _)| owner.contains(&grant.target_folder));
        let decided = containing.map(|(_, owned)| (owned.clone(), owned.applying(grant)));
        let decided = Arc::new(decided.collect::<Decided>());
        let mut known = self.decided.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_DECIDED {
            known.clear();
        }
        known.insert(grant.id, decided.clone());
        decided
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
