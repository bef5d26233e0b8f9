//! What was posted, what was answered, and what was handed out: held against each other at the end.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How many faults are kept; one that repeats says no more.
const MOST_FAULTS: usize = 50;

/// What became of one delivery.
#[derive(Default)]
struct Delivery {
    /// The id of a 200.
    id: Option<Box<str>>,
    /// It was refused each time.
    refused: bool,
    /// How often it was acknowledged.
    acked: u32,
}

/// Every delivery by its number.
#[derive(Default)]
pub(crate) struct Ledger {
    deliveries: Mutex<HashMap<u64, Delivery>>,
    faults: Mutex<Vec<String>>,
}

/// How many there are of each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) posted: usize,
    pub(crate) accepted: usize,
    pub(crate) unanswered: usize,
    pub(crate) refused: usize,
    pub(crate) acked: usize,
}

impl Ledger {
    /// It was answered 200 with this id.
    pub(crate) fn accepted(&self, number: u64, id: &str) {
        self.lock().entry(number).or_default().id = Some(id.into());
    }

    /// It was answered 503, and not sent again.
    pub(crate) fn refused(&self, number: u64) {
        self.lock().entry(number).or_default().refused = true;
    }

    /// Nobody knows what became of it.
    pub(crate) fn unanswered(&self, number: u64) {
        self.lock().entry(number).or_default();
    }

    /// It was handed out and acknowledged.
    pub(crate) fn acked(&self, number: u64) {
        self.lock().entry(number).or_default().acked += 1;
    }

    /// Whether it was acknowledged before.
    pub(crate) fn is_acked(&self, number: u64) -> bool {
        self.lock()
            .get(&number)
            .is_some_and(|known| known.acked > 0)
    }

    /// Something is not as it should be.
    pub(crate) fn fault(&self, what: String) {
        println!("!! {what}");
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if faults.len() < MOST_FAULTS {
            faults.push(what);
        }
    }

    /// The ids of what was answered 200 and is not yet acknowledged.
    pub(crate) fn outstanding(&self) -> Vec<Box<str>> {
        let deliveries = self.lock();
        let waiting = deliveries.values().filter(|one| one.acked == 0);
        waiting.filter_map(|one| one.id.clone()).collect()
    }

    pub(crate) fn counts(&self) -> Counts {
        let deliveries = self.lock();
        let count = |of: fn(&Delivery) -> bool| deliveries.values().filter(|one| of(one)).count();
        Counts {
            posted: deliveries.len(),
            accepted: count(|one| one.id.is_some()),
            unanswered: count(|one| one.id.is_none() && !one.refused),
            refused: count(|one| one.refused),
            acked: count(|one| one.acked > 0),
        }
    }

    /// Everything that went wrong, now that all is over.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let deliveries = self.lock();
        let of = |wrong: fn(&Delivery) -> bool, what: &str| {
            let mut found: Vec<_> = deliveries.iter().filter(|(_, one)| wrong(one)).collect();
            found.sort_by_key(|(number, _)| **number);
            let (first, _) = found.first()?;
            Some(format!("{} {what}, the first is {first}", found.len()))
        };
        faults.extend(of(
            |one| one.id.is_some() && one.acked == 0,
            "deliveries had a 200 and were never handed out",
        ));
        faults.extend(of(
            |one| one.acked > 1,
            "deliveries were acknowledged and came again",
        ));
        faults.extend(of(
            |one| one.refused && one.acked > 0,
            "deliveries were refused and were there all the same",
        ));
        faults.clone()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Delivery>> {
        self.deliveries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
