//! How much room there is: what the log may take of the disk, each grant's part of that, and a
//! reserve for the day on which there is none.
//!
//! The reserve is a file that takes disk and holds nothing. When others have filled the disk it is
//! given up, so that what was stored can still be leased, settled and revoked: for those, a little
//! room goes a long way. Arrivals are refused meanwhile. It comes back by itself.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use doorbell_core::grant::GrantId;
use roaring::RoaringBitmap;

use super::{disk::Space, fault::Fault, origin::Origins, shared::Shared};

/// The file that only takes disk.
const RESERVE_FILE: &str = "reserve";
/// How long it is, in bytes; on a small file system a sixteenth of that.
const RESERVE: u64 = 32 << 20;
/// What the log leaves free at the least where it has no bound of its own.
const LEFT_FREE: u64 = 256 << 20;
/// On a file system that is hardly larger than that it leaves half.
const SMALL: u64 = LEFT_FREE + (64 << 20);

/// How much may be stored, as of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    /// How many bytes the log has.
    used: u64,
    /// How many it may have; none where that is not known.
    limit: Option<u64>,
}

impl Bound {
    /// Whether there is room for so many bytes more, `held` being what came through the same grant.
    /// While less than three quarters are taken anyone may take more; beyond, whoever holds more
    /// than a quarter may not.
    pub(super) fn admits(&self, more: u64, weight: u64, held: u64) -> bool {
        let Some(limit) = self.limit else {
            return true;
        };
        let used = self.used.saturating_add(more);
        let crowded = used >= limit - limit / 4;
        used.saturating_add(weight) <= limit && !(crowded && held > limit / 4)
    }

    fn is_full(&self) -> bool {
        self.limit.is_some_and(|limit| self.used >= limit)
    }
}

/// The reserve.
#[derive(Default)]
pub(super) struct Reserve {
    there: AtomicBool,
}

impl Space {
    fn reserve(&self) -> u64 {
        RESERVE.min(self.total / 16)
    }

    /// With less than this nothing may be begun.
    fn low(&self) -> u64 {
        self.reserve() / 4
    }
}

impl Shared {
    fn space(&self) -> Option<Space> {
        // One that cannot be measured is found out when it is full.
        self.setup.disk.space(&self.setup.dir).ok().flatten()
    }

    /// What the log leaves free.
    fn left_free(&self, space: &Space) -> u64 {
        // What the reserve gave up is not for arrivals.
        let reserved = if self.reserve.there.load(Ordering::Relaxed) {
            space.low()
        } else {
            space.low() + space.reserve()
        };
        match self.setup.max_disk {
            Some(_) => reserved,
            None if space.total < SMALL => reserved.max(space.total / 2),
            None => reserved.max(LEFT_FREE).max(space.total / 20),
        }
    }

    /// How much may be stored now.
    pub(super) fn bound(&self) -> Bound {
        let used = self.disk_used();
        let by_disk = self
            .space()
            .map(|space| used + space.available.saturating_sub(self.left_free(&space)));
        let limit = [self.setup.max_disk, by_disk].into_iter().flatten().min();
        Bound { used, limit }
    }

    /// Why arrivals are refused for want of room, and what to do.
    pub(super) fn no_room(&self) -> Option<String> {
        let bound = self.bound();
        if !bound.is_full() {
            return None;
        }
        let dir = self.setup.dir.display();
        let mib = |bytes: u64| bytes >> 20;
        Some(match (self.setup.max_disk, self.space()) {
            (Some(max), _) if bound.used >= max => format!(
                "arrivals are refused with 503: the log has {} MiB and may have {} MiB; settle what \
                 waits, keep it for less long (--retain) or raise --max-disk",
                mib(bound.used),
                mib(max)
            ),
            (_, Some(space)) => format!(
                "the disk is full, and arrivals are refused with 503: {} of {} MiB are free in {dir}, \
                 and {} are to stay free; make room there, and they are taken again by themselves. \
                 What was stored can be received and settled meanwhile",
                mib(space.available),
                mib(space.total),
                mib(self.left_free(&space))
            ),
            (_, None) => format!("arrivals are refused with 503: there is no room in {dir}"),
        })
    }

    /// Gives the reserve up where there is no room for what must go on: called before a commit.
    pub(super) fn make_way(&self) {
        if !self.reserve.there.load(Ordering::Relaxed) {
            return;
        }
        if self
            .space()
            .is_some_and(|space| space.available < space.low())
        {
            self.give_up_reserve();
        }
    }

    fn give_up_reserve(&self) {
        let path = self.setup.dir.join(RESERVE_FILE);
        match self.setup.disk.remove(&path) {
            Ok(()) => tracing::error!(
                dir = %self.setup.dir.display(),
                "the disk is full: arrivals are refused, and the reserve is given up so that what was \
                 stored can be received and settled; make room"
            ),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, "the reserve could not be given up"),
        }
        self.reserve.there.store(false, Ordering::Relaxed);
    }

    /// Finds the reserve that a start before this one left; gives it up where it is needed.
    pub(super) fn find_reserve(&self) -> Result<(), Fault> {
        let path = self.setup.dir.join(RESERVE_FILE);
        let there = self.setup.disk.list(&self.setup.dir)?.contains(&path);
        self.reserve.there.store(there, Ordering::Relaxed);
        self.make_way();
        Ok(())
    }

    /// Makes the reserve where it is missing and there is room for it.
    pub(super) fn keep_reserve(&self) -> Result<(), Fault> {
        if self.reserve.there.load(Ordering::Relaxed) {
            return Ok(());
        }
        let Some(space) = self.space() else {
            return Ok(());
        };
        let len = space.reserve();
        if len == 0 || space.available < len + 4 * space.low() {
            return Ok(());
        }
        let path = self.setup.dir.join(RESERVE_FILE);
        self.setup.disk.reserve(&path, len)?;
        self.reserve.there.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// How many bytes of the log came through each grant.
#[derive(Default)]
pub(super) struct Holdings(Mutex<Held>);

#[derive(Default)]
struct Held {
    by_grant: HashMap<GrantId, u64>,
    /// By a file's first number and an origin's.
    by_file: HashMap<u64, HashMap<u32, u64>>,
}

impl Holdings {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().expect("nothing panics under this lock")
    }

    /// What came through a grant.
    pub(super) fn of(&self, grant: GrantId) -> u64 {
        self.held().by_grant.get(&grant).copied().unwrap_or(0)
    }

    /// A record stands in a file.
    pub(super) fn add(&self, file: u64, number: u32, grant: GrantId, bytes: u64) {
        let mut held = self.held();
        *held.by_grant.entry(grant).or_default() += bytes;
        *held
            .by_file
            .entry(file)
            .or_default()
            .entry(number)
            .or_default() += bytes;
    }

    /// A file has gone.
    pub(super) fn forget(&self, file: u64, origins: &Origins) {
        let mut held = self.held();
        for (number, bytes) in held.by_file.remove(&file).unwrap_or_default() {
            let Some(origin) = origins.get(number) else {
                continue;
            };
            if let Some(of) = held.by_grant.get_mut(&origin.grant) {
                *of = of.saturating_sub(bytes);
                if *of == 0 {
                    held.by_grant.remove(&origin.grant);
                }
            }
        }
    }

    /// The origins that the records of one file name.
    pub(super) fn of_file(&self, file: u64) -> Vec<u32> {
        let held = self.held();
        let numbers = held.by_file.get(&file).into_iter();
        numbers.flat_map(HashMap::keys).copied().collect()
    }

    /// The origins that a record in any file names.
    pub(super) fn origins(&self) -> RoaringBitmap {
        let held = self.held();
        let numbers = held.by_file.values().flat_map(HashMap::keys);
        numbers.copied().collect()
    }

    /// Nothing is known any more.
    pub(super) fn clear(&self) {
        *self.held() = Held::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_three_quarters_whoever_holds_more_than_a_quarter_is_refused() {
        let at = |used| Bound {
            used,
            limit: Some(1_000),
        };
        assert!(at(0).admits(0, 1_000, 0));
        assert!(!at(0).admits(0, 1_001, 0));
        assert!(at(749).admits(0, 100, 749), "anyone may take more");
        assert!(!at(750).admits(0, 100, 251));
        assert!(!at(700).admits(50, 100, 251), "what this turn takes counts");
        assert!(at(750).admits(0, 100, 250));
        assert!(at(900).admits(0, 100, 0));
        assert!(!at(901).admits(0, 100, 0));
        let unknown = Bound {
            used: 1,
            limit: None,
        };
        assert!(unknown.admits(0, u64::MAX, u64::MAX));
    }
}
