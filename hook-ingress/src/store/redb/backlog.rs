//! What is unsettled everywhere, counted from the index; the files are asked only when the oldest
//! message of an inbox arrived.

use std::cmp::Reverse;

use doorbell_core::{
    address::Inbox,
    backlog::{Backlog, Backlogs},
    message::MAX_ATTEMPTS,
    time::Timestamp,
};

use super::{
    fault::Fault,
    index::{Index, Queue},
    segment,
    shared::Shared,
};

/// Of how many inboxes the index is asked at once: in between, the writer gets at it.
const AT_ONCE: usize = 64;

/// What is unsettled, as far as the index tells.
#[derive(Clone, Copy, Default)]
struct Count {
    pending: u64,
    leased: u64,
    /// Dead by the end of their last lease, and not noted yet.
    died: u64,
    /// The lowest sequence number of what is unsettled.
    first: Option<u64>,
}

impl Count {
    fn of(queue: &Queue, index: &Index, now: Timestamp) -> Self {
        let mut count = Self {
            pending: queue.ready.len() + queue.rests.len() as u64,
            ..Self::default()
        };
        let rests = queue.rests.iter().map(|(_, seq)| *seq);
        count.first = queue.ready.min().into_iter().chain(rests).min();
        let now = now.shifted(index.skew);
        for (until, seq) in &queue.leases {
            if now < *until {
                count.leased += 1;
            } else if index.attempts.of(*seq) < MAX_ATTEMPTS {
                count.pending += 1;
            } else {
                count.died += 1;
                continue;
            }
            count.first = Some(count.first.map_or(*seq, |first| first.min(*seq)));
        }
        count
    }

    fn and(self, other: Self) -> Self {
        Self {
            pending: self.pending + other.pending,
            leased: self.leased + other.leased,
            died: self.died + other.died,
            first: [self.first, other.first].into_iter().flatten().min(),
        }
    }
}

impl Shared {
    /// See [`doorbell_core::ports::Log::backlogs`].
    pub(super) fn backlogs(&self, most: usize, now: Timestamp) -> Result<Backlogs, Fault> {
        let mut inboxes: Vec<Inbox> = self.index().piles.keys().cloned().collect();
        inboxes.sort_unstable();
        let mut counts = Vec::new();
        let mut dead = 0;
        for inboxes in inboxes.chunks(AT_ONCE) {
            let index = self.index();
            for inbox in inboxes {
                let numbers = index.piles.get(inbox).into_iter().flatten();
                let queues = numbers.filter_map(|number| index.queues.get(number));
                let count = queues
                    .map(|queue| Count::of(queue, &index, now))
                    .fold(Count::default(), Count::and);
                dead += count.died;
                if count.pending + count.leased > 0 {
                    counts.push((inbox.clone(), count));
                }
            }
        }
        dead += self.index().dead.len();
        // In their order already, which a stable sort keeps among equals.
        counts.sort_by_key(|(_, count)| Reverse(count.pending + count.leased));
        let rest = counts.split_off(most.min(counts.len()));
        counts.sort_by(|(one, _), (other, _)| one.cmp(other));
        let rest = rest.into_iter().map(|(_, count)| count);
        let inboxes = counts
            .into_iter()
            .map(|(inbox, count)| Ok((inbox, self.dated(count)?)));
        Ok(Backlogs {
            inboxes: inboxes.collect::<Result<_, Fault>>()?,
            rest: self.dated(rest.fold(Count::default(), Count::and))?,
            dead,
        })
    }

    fn dated(&self, count: Count) -> Result<Backlog, Fault> {
        let received_at = |seq| match self.segment_of(seq) {
            Some(segment) => segment.read(|txn| segment::entry(txn, seq)),
            None => Ok(None),
        };
        // One that was settled and forgotten since has no age any more.
        let oldest = count.first.map(received_at).transpose()?.flatten();
        Ok(Backlog {
            pending: count.pending,
            leased: count.leased,
            oldest: oldest.map(|entry| entry.received_at),
        })
    }
}
