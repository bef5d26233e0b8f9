//! The rules of one owner.

use std::sync::{Arc, OnceLock};

use super::{Outcome, Rule, Sessions, Target, index::Index};
use crate::{
    grant::Grant,
    message::{Headers, Matched},
};

/// Steps that wildcards may take for one arrival, each some nanoseconds. Rules that would take more
/// do not match: whoever sets them and sends to them holds up no more than their own messages.
pub(super) const EFFORT: usize = 2_000_000;

/// One owner's rules in their order.
pub(super) struct Owned {
    rules: Vec<Entry>,
    /// Made when it is first needed: rules are often set many at a time.
    index: OnceLock<Index>,
}

#[derive(Clone)]
struct Entry {
    rule: Arc<Rule>,
    matched: Arc<Matched>,
}

/// Which of an owner's rules apply to a grant's messages, whatever their headers.
pub(super) struct Applying {
    /// Those that ask for headers: a bit for each rule.
    asking: Box<[u64]>,
    /// Those that ask for none, up to the first that always matches.
    plain: Box<[u32]>,
}

impl Owned {
    pub(super) fn new(mut rules: Vec<Arc<Rule>>) -> Self {
        rules.sort_by_key(|rule| rule.place());
        let rules = rules.into_iter().map(|rule| Entry {
            matched: Arc::new(rule.matched()),
            rule,
        });
        Self {
            rules: rules.collect(),
            index: OnceLock::new(),
        }
    }

    /// With one rule more.
    pub(super) fn with(&self, rule: Arc<Rule>) -> Self {
        let mut rules = self.rules.clone();
        let at = rules.partition_point(|entry| entry.rule.place() < rule.place());
        let matched = Arc::new(rule.matched());
        rules.insert(at, Entry { rule, matched });
        Self {
            rules,
            index: OnceLock::new(),
        }
    }

    pub(super) fn rules(&self) -> impl ExactSizeIterator<Item = &Arc<Rule>> + Clone {
        self.rules.iter().map(|entry| &entry.rule)
    }

    /// Which rules apply to a grant, decided by pattern and sender.
    pub(super) fn applying(&self, grant: &Grant) -> Applying {
        let jid = grant.jid();
        let mut asking = vec![0; self.rules.len().div_ceil(64)];
        let mut plain = Vec::new();
        for (rank, rule) in (0_u32..).zip(self.rules()) {
            if !applies(rule, jid.as_str(), grant.sender()) {
                continue;
            }
            if !rule.headers.is_empty() {
                asking[rank as usize / 64] |= 1 << (rank % 64);
                continue;
            }
            plain.push(rank);
            if matches!(rule.target, Target::Folder { .. }) {
                break;
            }
        }
        Applying {
            asking: asking.into(),
            plain: plain.into(),
        }
    }

    /// What the first rule says that applies, whose headers match and whose session is open.
    pub(super) fn decide(
        &self,
        applying: &Applying,
        headers: &Headers,
        effort: &mut usize,
        sessions: Sessions<'_>,
    ) -> Option<Outcome> {
        let mut found = Vec::new();
        if applying.asking.iter().any(|bits| *bits != 0) {
            let index = self
                .index
                .get_or_init(|| Index::new(self.rules().map(|rule| &**rule)));
            let asked = |rank: u32| applying.asking[rank as usize / 64] >> (rank % 64) & 1 == 1;
            index.find(headers, asked, &mut found);
        }
        found.extend(&applying.plain);
        found.sort_unstable();
        found.into_iter().find_map(|rank| {
            let Entry { rule, matched } = &self.rules[rank as usize];
            if rule.headers.unmatched(headers, effort).is_some() {
                return None;
            }
            let (to, mode) = rule.destination(sessions)?;
            Some(Outcome {
                to,
                mode,
                rule: Some(matched.clone()),
            })
        })
    }
}

/// Whether a rule is about messages at this address from this sender.
pub(super) fn applies(rule: &Rule, jid: &str, sender: &str) -> bool {
    rule.pattern.matches(jid)
        && rule
            .sender
            .as_ref()
            .is_none_or(|own| own.as_str() == sender)
}
