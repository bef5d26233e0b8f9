//! Origins that nothing names any more, and their queues: who makes grants, posts, settles and revokes
//! without end must not make memory grow without end.
//!
//! An origin is named by the records of the files that are there, by the messages that were routed anew,
//! and by commands on their way to the writer, which hold it. The keeper looks which are unused; only the
//! writer lets go of them, between two turns, when nothing that it has decided is still to be noted.

use roaring::RoaringBitmap;

use super::shared::Shared;

/// How many are let go of in one turn.
const AT_ONCE: usize = 4096;

impl Shared {
    fn named_origins(&self) -> RoaringBitmap {
        self.holdings.origins() | self.rerouted.origins()
    }

    /// The origins that are named by nothing as this looks, in parts.
    pub(super) fn unused_origins(&self) -> Vec<RoaringBitmap> {
        let unused: Vec<u32> = self
            .origins
            .unused(&self.named_origins())
            .into_iter()
            .collect();
        let parts = unused.chunks(AT_ONCE);
        parts.map(|part| part.iter().copied().collect()).collect()
    }

    /// Lets go of those that are still unused. Called by the writer between two turns.
    pub(super) fn forget_origins(&self, unused: &RoaringBitmap) {
        let unused = unused - self.named_origins();
        let mut index = self.index();
        for number in unused {
            let Some(origin) = self.origins.get(number) else {
                continue;
            };
            let quiet = index.forget_queue(number, &origin.to.inbox);
            drop(origin);
            if quiet {
                self.origins.forget(number);
            }
        }
    }
}
