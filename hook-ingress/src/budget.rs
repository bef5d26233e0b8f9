//! A bound that many share: how much may be taken at once in all, and how much of it one holder may
//! have.
//!
//! While less than three quarters are taken anyone may take more; beyond, a holder that would have
//! more than its part is refused. Nobody ever waits for a share: whoever finds none left is refused
//! at once, so that shares cannot be held by those who wait for one another.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use doorbell_core::bound::{Bound, Exhausted};

/// What is taken of a bound, and by whom.
#[derive(Debug)]
pub struct Budget<K>(Arc<Shared<K>>);

impl<K> Clone for Budget<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Shared<K> {
    bound: Bound,
    taken: Mutex<Taken<K>>,
}

#[derive(Debug)]
struct Taken<K> {
    all: usize,
    /// Of those that hold any.
    by: HashMap<K, usize>,
}

impl<K: Clone + Eq + Hash> Budget<K> {
    /// Nothing is taken of this bound yet.
    pub fn new(bound: Bound) -> Self {
        let by = HashMap::new();
        Self(Arc::new(Shared {
            bound,
            taken: Mutex::new(Taken { all: 0, by }),
        }))
    }

    /// Takes a share for a holder, given back when it is dropped.
    pub fn take(&self, holder: K, amount: usize) -> Result<Share<K>, Exhausted> {
        let mut share = Share {
            budget: self.clone(),
            holder,
            amount: 0,
        };
        share.cover(amount)?;
        Ok(share)
    }

    /// How much is left.
    pub fn left(&self) -> usize {
        self.0.bound.all - self.taken().all
    }

    /// The whole, and a holder's part.
    pub fn bound(&self) -> Bound {
        self.0.bound
    }

    fn taken(&self) -> MutexGuard<'_, Taken<K>> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A part of a [`Budget`].
#[derive(Debug)]
pub struct Share<K: Clone + Eq + Hash> {
    budget: Budget<K>,
    holder: K,
    amount: usize,
}

impl<K: Clone + Eq + Hash> Share<K> {
    /// Grows to so much, if it is not as large already.
    pub fn cover(&mut self, amount: usize) -> Result<(), Exhausted> {
        let more = amount.saturating_sub(self.amount);
        if more == 0 {
            return Ok(());
        }
        let mut taken = self.budget.taken();
        let held = taken.by.get(&self.holder).copied().unwrap_or_default();
        self.budget.0.bound.check(taken.all, held, more)?;
        taken.all += more;
        taken.by.insert(self.holder.clone(), held + more);
        drop(taken);
        self.amount = amount;
        Ok(())
    }
}

impl<K: Clone + Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut taken = self.budget.taken();
        taken.all -= self.amount;
        if let Some(held) = taken.by.get_mut(&self.holder) {
            *held -= self.amount;
            if *held == 0 {
                taken.by.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(all: usize, least: usize) -> Budget<u8> {
        Budget::new(Bound::quartered(all, least))
    }

    #[test]
    fn a_share_grows_while_there_is_room_and_gives_all_back() {
        let budget = budget(10, 10);
        let mut first = budget.take(1, 4).expect("room");
        assert_eq!(first.cover(9), Ok(()));
        assert_eq!(first.cover(3), Ok(()));
        assert_eq!(budget.left(), 1);
        assert!(budget.take(2, 2).is_err());
        assert_eq!(first.cover(11), Err(Exhausted::All));
        assert_eq!(budget.left(), 1);
        drop(first);
        assert_eq!(budget.left(), 10);
        assert!(budget.taken().by.is_empty());
    }

    #[test]
    fn beyond_three_quarters_a_holder_has_a_quarter_at_the_most() {
        let budget = budget(100, 10);
        let greedy: Vec<_> = (0..8).map(|_| budget.take(1, 10)).collect();
        assert_eq!(budget.left(), 20, "alone it may take what is there");
        assert!(greedy.iter().all(Result::is_ok));
        assert_eq!(budget.take(1, 1).err(), Some(Exhausted::Part));
        let modest = budget.take(2, 20);
        assert!(modest.is_ok(), "it holds less than a quarter");
        drop(modest);
        drop(greedy);
        assert!(budget.take(1, 75).is_ok());
    }

    #[test]
    fn a_part_is_one_largest_request_at_the_least() {
        let budget = self::budget(10, 8);
        let other = budget.take(2, 2);
        assert!(budget.take(1, 8).is_ok());
        drop(other);
        assert_eq!(self::budget(1, 8).left(), 8);
    }
}
