//! Bounds that many share: the whole, and a holder's part of it.
//!
//! While less than three quarters are taken anyone may take more; beyond, a holder that would have
//! more than its part is refused.

use std::collections::HashMap;

use crate::folder::Folder;

/// How many URLs there are that were not revoked.
pub const URLS: Bound = Bound {
    all: 80_000,
    part: 20_000,
};
/// How many channel grants there are that were not revoked.
pub const CHANNEL_GRANTS: Bound = Bound {
    all: 80_000,
    part: 20_000,
};
/// How many sessions there are that have not ended.
pub const SESSIONS: Bound = Bound {
    all: 40_000,
    part: 10_000,
};
/// How many URLs, and how many channel grants, are remembered within an outermost folder after they
/// are over: beyond, the one that was over first is forgotten before its time.
pub const GRANTS_REMEMBERED: usize = 10_000;
/// The same of sessions.
pub const SESSIONS_REMEMBERED: usize = 50_000;

/// A bound and a holder's part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The most that may be taken at once.
    pub all: usize,
    /// The most that one holder may have once the bound is crowded.
    pub part: usize,
}

impl Bound {
    /// A holder's part is a quarter, and `least` at the least, which the whole is raised to.
    pub fn quartered(all: usize, least: usize) -> Self {
        let all = all.max(least);
        Self {
            all,
            part: (all / 4).max(least),
        }
    }

    /// From how much on it is crowded.
    pub fn crowded(&self) -> usize {
        self.all - self.all / 4
    }

    /// Whether a holder that has `held` of the `taken` may have so much more.
    pub fn check(&self, taken: usize, held: usize, more: usize) -> Result<(), Exhausted> {
        if taken.saturating_add(more) > self.all {
            return Err(Exhausted::All);
        }
        if taken >= self.crowded() && held.saturating_add(more) > self.part {
            return Err(Exhausted::Part);
        }
        Ok(())
    }

    /// Whether there may be one more where there are so many.
    pub fn check_one_more(&self, there: Count) -> Result<(), Exhausted> {
        self.check(there.all, there.within, 1)
    }
}

/// Why there is no share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exhausted {
    /// Everything is taken.
    #[error("all of it is taken")]
    All,
    /// There is little left, and this holder has its part.
    #[error("there is little left, and this holder has its part of it")]
    Part,
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// In all.
    pub all: usize,
    /// Within one outermost folder.
    pub within: usize,
}

impl Count {
    /// Of those that belong to these folders: all, and those beside this one within its outermost.
    pub fn beside<'a>(folder: &Folder, of: impl IntoIterator<Item = &'a Folder>) -> Self {
        let outermost = folder.outermost();
        let mut count = Self::default();
        for other in of {
            count.all += 1;
            count.within += usize::from(outermost.contains(other));
        }
        count
    }
}

/// There is no room for another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", match .why {
    Exhausted::All => format!("this instance has {} {}, which is the most", .most, .what),
    Exhausted::Part => format!(
        "{} and the folders below it have {} {} or more, and there are few left for others",
        .folder, .most, .what
    ),
})]
pub struct TooMany {
    /// Of what.
    pub what: &'static str,
    /// The outermost folder that was to have it.
    pub folder: Folder,
    /// Whether nobody may have more, or this folder.
    pub why: Exhausted,
    /// How many there may be, in all or in that folder.
    pub most: usize,
}

impl TooMany {
    /// Whether a folder may have one more where there are so many.
    pub fn check(
        what: &'static str,
        bound: Bound,
        folder: &Folder,
        there: Count,
    ) -> Result<(), Self> {
        bound.check_one_more(there).map_err(|why| Self {
            what,
            folder: folder.outermost(),
            why,
            most: match why {
                Exhausted::All => bound.all,
                Exhausted::Part => bound.part,
            },
        })
    }
}

/// How many there are within each outermost folder: what agents hold who mint narrower keys for
/// themselves, or narrow their own, counts as one's.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    all: usize,
    within: HashMap<Folder, usize>,
}

impl Counts {
    /// One more of this folder.
    pub fn add(&mut self, folder: &Folder) {
        self.all += 1;
        *self.within.entry(folder.outermost()).or_default() += 1;
    }

    /// One less of this folder, which was added before.
    pub fn remove(&mut self, folder: &Folder) {
        let outermost = folder.outermost();
        if let Some(within) = self.within.get_mut(&outermost) {
            self.all -= 1;
            *within -= 1;
            if *within == 0 {
                self.within.remove(&outermost);
            }
        }
    }

    /// How many there are beside one of this folder.
    pub fn beside(&self, folder: &Folder) -> Count {
        let within = self.within.get(&folder.outermost());
        Count {
            all: self.all,
            within: within.copied().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(text: &str) -> Folder {
        text.parse().expect("legal")
    }

    #[test]
    fn a_folder_and_what_is_below_it_are_one_holder() {
        let mut counts = Counts::default();
        for of in ["acme", "acme/eng", "acmecorp"] {
            counts.add(&folder(of));
        }
        let count = |all, within| Count { all, within };
        assert_eq!(counts.beside(&folder("acme/ops")), count(3, 2));
        assert_eq!(counts.beside(&folder("acmecorp")), count(3, 1));
        assert_eq!(counts.beside(&folder("other")), count(3, 0));
        counts.remove(&folder("acme/eng"));
        counts.remove(&folder("acme"));
        assert_eq!(counts.beside(&folder("acme")), count(1, 0));
        assert_eq!(counts.within.len(), 1, "nothing is kept of who has none");
    }

    #[test]
    fn one_more_is_refused_to_whoever_has_its_part_once_it_is_crowded() {
        let bound = Bound::quartered(8, 1);
        let check = |all, within| bound.check_one_more(Count { all, within });
        assert_eq!(check(5, 5), Ok(()));
        assert_eq!(check(6, 2), Err(Exhausted::Part));
        assert_eq!(check(6, 1), Ok(()));
        assert_eq!(check(8, 0), Err(Exhausted::All));
    }
}
