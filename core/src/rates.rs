//! How many messages came in each minute of the last hour, by folder.

use std::collections::{BTreeMap, HashMap};

use crate::{acl::Scope, folder::Folder, time::Timestamp};

/// How many minutes are counted.
pub const MINUTES: usize = 60;

const MINUTE: u64 = 60_000;

/// Counts of the newest minutes. Each minute holds no more entries than there are folders that
/// messages came for in it.
#[derive(Debug, Default)]
pub struct Rates(BTreeMap<u64, HashMap<Folder, u64>>);

impl Rates {
    /// A message for `folder` was stored, having come at `at`.
    pub fn count(&mut self, folder: &Folder, at: Timestamp) {
        let minute = at.as_millis() / MINUTE;
        let folders = self.0.entry(minute).or_default();
        match folders.get_mut(folder) {
            Some(count) => *count += 1,
            None => _ = folders.insert(folder.clone(), 1),
        }
        // Where the clock was set back, what came under the old time is forgotten an hour later.
        while self.0.len() > 2 * MINUTES {
            self.0.pop_first();
        }
    }

    /// Whether what came at `at` would still be shown at `now`.
    pub fn matters(at: Timestamp, now: Timestamp) -> bool {
        (at.as_millis() / MINUTE) + MINUTES as u64 > now.as_millis() / MINUTE
    }

    /// How many came in each of the last minutes, oldest first; the last is the one that has begun.
    /// Counted are folders that `scope` covers, and of those the ones that `within` contains.
    pub fn of(
        &self,
        scope: &Scope,
        within: Option<&Folder>,
        now: Timestamp,
    ) -> [(Timestamp, u64); MINUTES] {
        let last = now.as_millis() / MINUTE;
        std::array::from_fn(|at| {
            let minute = (last + at as u64).saturating_sub(MINUTES as u64 - 1);
            let folders = self.0.get(&minute).into_iter().flatten();
            let counted = folders.filter(|(folder, _)| {
                scope.covers(folder) && within.is_none_or(|within| within.contains(folder))
            });
            let sum = counted.map(|(_, count)| count).sum();
            (Timestamp::from_millis(minute * MINUTE), sum)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        acl::{UseMessages, authorize},
        principal::Principal,
    };

    fn folder(text: &str) -> Folder {
        text.parse().expect("legal")
    }

    fn at(minute: u64) -> Timestamp {
        Timestamp::from_millis((1_000_000 + minute) * MINUTE + 59_999)
    }

    fn scope(principal: Principal) -> Scope {
        authorize(&principal, UseMessages)
            .expect("everyone may")
            .scope()
    }

    #[test]
    fn a_minute_counts_what_is_in_scope_and_within() {
        let mut rates = Rates::default();
        for name in ["a", "a/b", "a/b", "ab"] {
            rates.count(&folder(name), at(3));
        }
        let counted = |principal, within: Option<&str>| {
            let within = within.map(folder);
            let shown = rates.of(&scope(principal), within.as_ref(), at(5));
            let (minute, count) = shown[MINUTES - 3];
            assert_eq!(minute.as_millis(), (1_000_000 + 3) * MINUTE);
            assert_eq!(shown.iter().map(|(_, count)| count).sum::<u64>(), count);
            count
        };
        assert_eq!(counted(Principal::Operator, None), 4);
        assert_eq!(counted(Principal::Agent(folder("a")), None), 3);
        assert_eq!(counted(Principal::Agent(folder("a")), Some("a/b")), 2);
        assert_eq!(counted(Principal::Agent(folder("a")), Some("ab")), 0);
    }

    #[test]
    fn what_is_older_than_an_hour_is_neither_shown_nor_kept() {
        let mut rates = Rates::default();
        for minute in 0..1_000 {
            rates.count(&folder("a"), at(minute));
        }
        assert!(rates.0.len() <= 2 * MINUTES);
        let shown = rates.of(&scope(Principal::Operator), None, at(1_000));
        assert_eq!(shown.iter().map(|(_, count)| count).sum::<u64>(), 59);
        assert!(Rates::matters(at(941), at(1_000)) && !Rates::matters(at(940), at(1_000)));
    }
}
