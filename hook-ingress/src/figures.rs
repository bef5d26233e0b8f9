//! What is counted while the door serves: plain atomics, so that counting costs some nanoseconds
//! and whoever looks pays for the rest. How it is shown is another's business.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use doorbell_core::message::Kind;

use crate::rejection::{CODES, Rejection};

/// Upper bounds of how long a request may take, in microseconds.
const REQUEST_TIMES: &[u64] = &[
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000, 30_000_000,
];
/// Upper bounds of how long a commit may take, in microseconds.
const COMMIT_TIMES: &[u64] = &[
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000,
    5_000_000,
];
/// Upper bounds of how many messages a commit may hold; the writer takes no more than the last.
const COMMIT_SIZES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];
/// Every kind of message.
const KINDS: [Kind; 4] = [Kind::Hook, Kind::Web, Kind::Channel, Kind::Handshake];

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts so many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// How many there were.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many values fell below each of some bounds, and their sum.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One more than bounds: the last is of what is above them all.
    buckets: Box<[Counter]>,
    sum: Counter,
}

impl Histogram {
    fn new(bounds: &'static [u64]) -> Self {
        Self {
            bounds,
            buckets: (0..=bounds.len()).map(|_| Counter::default()).collect(),
            sum: Counter::default(),
        }
    }

    /// Takes a value in.
    pub fn observe(&self, value: u64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        self.buckets[place].add(1);
        self.sum.add(value);
    }

    /// Takes a time in, as microseconds.
    pub fn observe_time(&self, time: Duration) {
        self.observe(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// The bounds, each with how many values were not above it.
    pub fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> {
        let mut total = 0;
        self.bounds.iter().zip(&self.buckets).map(move |(at, one)| {
            total += one.get();
            (*at, total)
        })
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(Counter::get).sum()
    }

    /// The sum of all values.
    pub fn sum(&self) -> u64 {
        self.sum.get()
    }
}

/// What the front door counts.
#[derive(Debug)]
pub struct DoorFigures {
    stored: [Counter; KINDS.len()],
    refused: [Counter; CODES.len()],
    /// Requests answered with the id of an earlier message.
    pub duplicates: Counter,
    /// Bytes of the bodies that were stored.
    pub body_bytes: Counter,
    /// How long requests took that were answered with a success, in microseconds.
    pub accepted_times: Histogram,
    /// How long those took that were refused, likewise.
    pub refused_times: Histogram,
}

impl Default for DoorFigures {
    fn default() -> Self {
        Self {
            stored: Default::default(),
            refused: std::array::from_fn(|_| Counter::default()),
            duplicates: Counter::default(),
            body_bytes: Counter::default(),
            accepted_times: Histogram::new(REQUEST_TIMES),
            refused_times: Histogram::new(REQUEST_TIMES),
        }
    }
}

impl DoorFigures {
    pub(crate) fn count_stored(&self, kind: Kind, body_bytes: u64) {
        self.stored[place(kind)].add(1);
        self.body_bytes.add(body_bytes);
    }

    pub(crate) fn count_refused(&self, no: &Rejection, took: Duration) {
        self.refused[no.place()].add(1);
        self.refused_times.observe_time(took);
    }

    /// How many messages of each kind were stored.
    pub fn stored(&self) -> impl Iterator<Item = (Kind, u64)> {
        KINDS.into_iter().zip(self.stored.iter().map(Counter::get))
    }

    /// How many requests were refused, by [`Rejection::code`].
    pub fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CODES.into_iter().zip(self.refused.iter().map(Counter::get))
    }
}

/// Where a kind stands in [`KINDS`].
fn place(kind: Kind) -> usize {
    match kind {
        Kind::Hook => 0,
        Kind::Web => 1,
        Kind::Channel => 2,
        Kind::Handshake => 3,
    }
}

/// What the store's writer counts.
#[derive(Debug)]
pub struct CommitFigures {
    /// How many messages each commit that stored any had.
    pub sizes: Histogram,
    /// How long the log's commits took, in microseconds.
    pub times: Histogram,
}

impl Default for CommitFigures {
    fn default() -> Self {
        Self {
            sizes: Histogram::new(COMMIT_SIZES),
            times: Histogram::new(COMMIT_TIMES),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_a_bound_lies_below_it_and_one_above_all_is_counted_still() {
        let histogram = Histogram::new(&[1, 10]);
        for value in [0, 1, 2, 10, 11] {
            histogram.observe(value);
        }
        let cumulative: Vec<_> = histogram.cumulative().collect();
        assert_eq!(cumulative, [(1, 2), (10, 4)]);
        assert_eq!((histogram.count(), histogram.sum()), (5, 24));
    }

    #[test]
    fn every_kind_stands_at_its_place() {
        for (at, kind) in KINDS.into_iter().enumerate() {
            assert_eq!(place(kind), at);
        }
    }
}
