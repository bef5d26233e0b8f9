//! How many bytes of requests may be in memory at once, over all connections.
//!
//! Nobody ever waits for a share: whoever finds none left is refused at once, so that shares
//! cannot be held by requests that wait for one another.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The bytes that are left.
#[derive(Clone, Debug)]
pub struct Budget(Arc<AtomicUsize>);

/// Nothing is left of the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many bytes are in flight")]
pub struct Exhausted;

impl Budget {
    /// A budget of so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(bytes)))
    }

    /// Takes a share, given back when it is dropped.
    pub fn take(&self, bytes: usize) -> Result<Share, Exhausted> {
        let mut share = Share {
            budget: self.clone(),
            bytes: 0,
        };
        share.cover(bytes)?;
        Ok(share)
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A part of the budget.
#[derive(Debug)]
pub struct Share {
    budget: Budget,
    bytes: usize,
}

impl Share {
    /// Grows the share until it covers so many bytes.
    pub fn cover(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let more = bytes.saturating_sub(self.bytes);
        if more == 0 {
            return Ok(());
        }
        self.budget
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(more)
            })
            .map_err(|_| Exhausted)?;
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.0.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_grows_while_there_is_room_and_gives_all_back() {
        let budget = Budget::new(10);
        let mut first = budget.take(4).expect("room");
        assert_eq!(first.cover(9), Ok(()));
        assert_eq!(first.cover(3), Ok(()));
        assert_eq!(budget.left(), 1);
        assert!(budget.take(2).is_err());
        assert_eq!(first.cover(11), Err(Exhausted));
        assert_eq!(budget.left(), 1);
        drop(first);
        assert_eq!(budget.left(), 10);
    }
}
