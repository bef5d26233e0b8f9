//! How many bytes of requests may be in memory at once, over all connections, and how many of them
//! one grant's may be.
//!
//! Bytes are counted as they come: what is announced and never sent takes nothing. Nobody ever
//! waits for a share: whoever finds none left is refused at once, so that shares cannot be held by
//! requests that wait for one another.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use doorbell_core::grant::GrantId;

/// The bytes that are left.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bytes: usize,
    /// Once so many are taken, a grant that would hold more than its part is refused.
    crowded: usize,
    part: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// Of those that hold any.
    by: HashMap<GrantId, usize>,
}

/// Nothing is left of the budget, or of a grant's part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many bytes are in flight")]
pub struct Exhausted;

impl Budget {
    /// A budget of so many bytes, or of one largest request if that needs more. A grant's part is a
    /// quarter, and one such request at the least.
    pub fn new(bytes: usize, one_request: usize) -> Self {
        let bytes = bytes.max(one_request);
        Self(Arc::new(Shared {
            bytes,
            crowded: bytes - bytes / 4,
            part: (bytes / 4).max(one_request),
            taken: Mutex::default(),
        }))
    }

    /// Takes a share for a request of this grant's, given back when it is dropped.
    pub fn take(&self, grant: GrantId, bytes: usize) -> Result<Share, Exhausted> {
        let mut share = Share {
            budget: self.clone(),
            grant,
            bytes: 0,
        };
        share.cover(bytes)?;
        Ok(share)
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.0.bytes - self.taken().all
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().expect("nothing panics under this lock")
    }
}

/// A part of the budget.
#[derive(Debug)]
pub struct Share {
    budget: Budget,
    grant: GrantId,
    bytes: usize,
}

impl Share {
    /// Grows the share until it covers so many bytes.
    pub fn cover(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let more = bytes.saturating_sub(self.bytes);
        if more == 0 {
            return Ok(());
        }
        let limits = &self.budget.0;
        let mut taken = self.budget.taken();
        let all = taken.all.saturating_add(more);
        let held = taken.by.get(&self.grant).copied().unwrap_or_default();
        let held = held.saturating_add(more);
        let greedy = taken.all >= limits.crowded && held > limits.part;
        if all > limits.bytes || greedy {
            return Err(Exhausted);
        }
        taken.all = all;
        taken.by.insert(self.grant, held);
        drop(taken);
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.budget.taken();
        taken.all -= self.bytes;
        if let Some(held) = taken.by.get_mut(&self.grant) {
            *held -= self.bytes;
            if *held == 0 {
                taken.by.remove(&self.grant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(n: u128) -> GrantId {
        GrantId::from_u128(n)
    }

    #[test]
    fn a_share_grows_while_there_is_room_and_gives_all_back() {
        let budget = Budget::new(10, 10);
        let mut first = budget.take(grant(1), 4).expect("room");
        assert_eq!(first.cover(9), Ok(()));
        assert_eq!(first.cover(3), Ok(()));
        assert_eq!(budget.left(), 1);
        assert!(budget.take(grant(2), 2).is_err());
        assert_eq!(first.cover(11), Err(Exhausted));
        assert_eq!(budget.left(), 1);
        drop(first);
        assert_eq!(budget.left(), 10);
        assert!(budget.taken().by.is_empty());
    }

    #[test]
    fn beyond_three_quarters_a_grant_holds_a_quarter_at_the_most() {
        let budget = Budget::new(100, 10);
        let greedy: Vec<_> = (0..8).map(|_| budget.take(grant(1), 10)).collect();
        assert_eq!(budget.left(), 20, "alone it may take what is there");
        assert!(greedy.iter().all(Result::is_ok));
        assert!(budget.take(grant(1), 1).is_err());
        let modest = budget.take(grant(2), 20);
        assert!(modest.is_ok(), "it holds less than a quarter");
        drop(modest);
        drop(greedy);
        assert!(budget.take(grant(1), 75).is_ok());
    }

    #[test]
    fn a_part_is_one_largest_request_at_the_least() {
        let budget = Budget::new(10, 8);
        let other = budget.take(grant(2), 2);
        assert!(budget.take(grant(1), 8).is_ok());
        drop(other);
        assert_eq!(Budget::new(1, 8).left(), 8);
    }
}
