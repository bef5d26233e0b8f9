//! Rules that ask for headers, found by what a request has and not by trying each.
//!
//! Each rule stands under one thing that it asks for, that which the fewest others ask for too: a
//! value, or a piece of one that holds no wildcard. So an arrival costs a
//! look-up for each header that any rule names, and one pass over its value where wildcards are.

use std::{cmp::Reverse, collections::HashMap};

use aho_corasick::AhoCorasick;

use super::{
    Rule,
    glob::{Key, MAX_WILD_VALUE},
};
use crate::message::Headers;

/// The rules of one owner that ask for headers; a rule's rank is its place among all of them.
#[derive(Default)]
pub(super) struct Index {
    names: HashMap<Box<str>, Values>,
}

/// What rules ask of one header.
#[derive(Default)]
struct Values {
    exact: HashMap<Box<str>, Vec<u32>>,
    pieces: Option<Pieces>,
    any: Vec<u32>,
}

/// Pieces of values, all looked for in one pass.
struct Pieces {
    automaton: AhoCorasick,
    /// The ranks under each piece.
    ranks: Vec<Vec<u32>>,
}

impl Index {
    /// Of these rules, in their order.
    pub(super) fn new<'a>(rules: impl Iterator<Item = &'a Rule> + Clone) -> Self {
        let mut shared: HashMap<(&str, Key<'_>), usize> = HashMap::new();
        for key in rules.clone().flat_map(keys) {
            *shared.entry(key).or_default() += 1;
        }
        let mut index = Self::default();
        let mut pieces: HashMap<&str, HashMap<&str, Vec<u32>>> = HashMap::new();
        for (rank, rule) in (0_u32..).zip(rules) {
            let rarest = keys(rule).min_by_key(|key| (shared[key], Reverse(key.1.len())));
            let Some((name, key)) = rarest else {
                continue;
            };
            let values = index.names.entry(name.into()).or_default();
            match key {
                Key::Exact(value) => values.exact.entry(value.into()).or_default().push(rank),
                Key::Any => values.any.push(rank),
                Key::Piece(piece) => {
                    let of_name = pieces.entry(name).or_default();
                    of_name.entry(piece).or_default().push(rank);
                }
            }
        }
        for (name, of_name) in pieces {
            let (texts, ranks): (Vec<_>, Vec<_>) = of_name.into_iter().unzip();
            let automaton = AhoCorasick::new(texts).expect("so few pieces fit an automaton");
            let values = index.names.entry(name.into()).or_default();
            values.pieces = Some(Pieces { automaton, ranks });
        }
        index
    }

    /// Adds the ranks that `wanted` and that these headers may match: all that do are among them.
    pub(super) fn find(
        &self,
        headers: &Headers,
        wanted: impl Fn(u32) -> bool,
        found: &mut Vec<u32>,
    ) {
        let mut take = |ranks: &[u32]| found.extend(ranks.iter().filter(|rank| wanted(**rank)));
        if self.names.len() < headers.iter().len() {
            for (name, values) in &self.names {
                if let Some(value) = headers.get(name) {
                    values.find(value, &mut take);
                }
            }
        } else {
            for (name, value) in headers.iter() {
                if let Some(values) = self.names.get(name) {
                    values.find(value, &mut take);
                }
            }
        }
    }
}

/// Everything that a rule asks for, by the header's name.
fn keys(rule: &Rule) -> impl Iterator<Item = (&str, Key<'_>)> {
    let headers = rule.headers.iter();
    headers.flat_map(|(name, glob)| glob.keys().map(move |key| (name, key)))
}

impl Values {
    fn find(&self, value: &str, take: &mut impl FnMut(&[u32])) {
        take(&self.any);
        if let Some(ranks) = self.exact.get(value) {
            take(ranks);
        }
        if let Some(Pieces { automaton, ranks }) = &self.pieces
            && value.len() <= MAX_WILD_VALUE
        {
            // A piece may stand in a value a thousand times, and is taken once.
            let mut seen = Vec::new();
            for found in automaton.find_overlapping_iter(value) {
                let piece = found.pattern().as_usize();
                seen.resize(ranks.len(), false);
                if !std::mem::replace(&mut seen[piece], true) {
                    take(&ranks[piece]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        message::RouteId,
        route::{HeaderGlobs, Owner},
        time::Timestamp,
    };

    fn rule(glob: &str) -> Rule {
        Rule {
            id: RouteId::from_u128(1),
            owner: Owner::Root,
            pattern: "hook:**".parse().expect("legal"),
            sender: None,
            headers: HeaderGlobs::new([("x-a", glob)]).expect("legal"),
            target: "acme".parse().expect("legal"),
            session_made: None,
            seq: 1,
            created_at: Timestamp::from_millis(1),
        }
    }

    /// The ranks that are to be tried for a value, in order.
    fn found(globs: &[&str], value: &str) -> Vec<u32> {
        let rules: Vec<_> = globs.iter().map(|glob| rule(glob)).collect();
        let headers = Headers::from_pairs(vec![("x-a".into(), value.into())]);
        let mut found = Vec::new();
        Index::new(rules.iter()).find(&headers, |_| true, &mut found);
        found.sort_unstable();
        found
    }

    #[test]
    fn only_rules_whose_rarest_piece_is_there_are_tried() {
        let globs = ["push", "pull", "release-*", "*-nightly", "rel?*-nightly-x"];
        assert_eq!(found(&globs, "push"), [0]);
        assert_eq!(found(&globs, "release-7"), [2]);
        assert_eq!(found(&globs, "build-nightly"), [3]);
        assert_eq!(found(&globs, "nothing"), [0; 0]);
        // A thousand share the first piece, and each has one of its own.
        let many: Vec<_> = (0..1_000).map(|n| format!("*branch?{n:04}*")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(found(&many, "branch/0417/x"), [417]);
    }

    #[test]
    fn a_piece_that_stands_in_a_value_many_times_is_taken_once() {
        assert_eq!(found(&["*a*", "*aa*"], &"a".repeat(1_000)), [0, 1]);
    }

    #[test]
    fn a_value_that_is_too_long_for_wildcards_is_looked_up_all_the_same() {
        let long = "a".repeat(MAX_WILD_VALUE + 1);
        assert_eq!(found(&["a*", "*"], &long), [1]);
    }
}
