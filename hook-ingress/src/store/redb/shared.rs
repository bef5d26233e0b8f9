//! What the writer, the keeper and the readers have in common.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ::redb::Database;
use doorbell_core::{
    address::SessionRef,
    ports::{Ring, StoreError},
    time::{Clock, Timestamp},
    token::Chance,
};

use crate::figures::CommitFigures;

use super::{
    backup::Pins,
    disk::Disk,
    fault::Fault,
    index::Index,
    keeper::Waiting,
    origin::{Origin, Origins},
    registry::Registry,
    reroute::Rerouted,
    room::{Holdings, Reserve},
    segment::Segment,
};

/// The files of the log, oldest first; the last is the newest.
pub(super) type Chain = Arc<Vec<Arc<Segment>>>;

/// How a store was opened.
pub(super) struct Setup {
    pub(super) dir: PathBuf,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) chance: Arc<dyn Chance>,
    pub(super) ring: Arc<dyn Ring>,
    pub(super) retain: Duration,
    pub(super) segment_bytes: u64,
    pub(super) max_disk: Option<u64>,
    pub(super) sweep_every: Duration,
}

/// The state of an open store.
pub(super) struct Shared {
    pub(super) setup: Setup,
    pub(super) origins: Origins,
    index: Mutex<Index>,
    chain: RwLock<Chain>,
    /// Messages that were carried out of the file they arrived in -> the file they are in now.
    carried: RwLock<BTreeMap<u64, u64>>,
    pub(super) registry: RwLock<Registry>,
    pub(super) health: RwLock<Result<(), StoreError>>,
    /// The last sequence number that is durable and in the index.
    pub(super) end: AtomicU64,
    /// The file that is made ready before it is needed.
    pub(super) spare: Mutex<Option<Arc<Database>>>,
    /// Which files someone copies: of those none is sealed and none goes.
    pub(super) pins: Pins,
    /// What the keeper has to put away. Held while the files are opened anew, too: what waited then
    /// is not what is open afterwards.
    pub(super) waiting: Mutex<Waiting>,
    pub(super) figures: Arc<CommitFigures>,
    pub(super) reserve: Reserve,
    /// How much of the log came through whom.
    pub(super) holdings: Holdings,
    /// Where messages are that were routed anew.
    pub(super) rerouted: Rerouted,
    /// Sessions that have ended and still have something in their inboxes.
    pub(super) lingering: Mutex<BTreeSet<SessionRef>>,
    /// Held by whoever routes anew.
    pub(super) rerouting: Mutex<()>,
}

impl Shared {
    /// Of a store that is not open yet.
    pub(super) fn new(setup: Setup) -> Self {
        Self {
            setup,
            origins: Origins::default(),
            index: Mutex::default(),
            chain: RwLock::default(),
            carried: RwLock::default(),
            registry: RwLock::default(),
            health: RwLock::new(Err(StoreError::NotReady("it is being opened".into()))),
            end: AtomicU64::new(0),
            spare: Mutex::default(),
            pins: Pins::default(),
            waiting: Mutex::default(),
            figures: Arc::default(),
            reserve: Reserve::default(),
            holdings: Holdings::default(),
            rerouted: Rerouted::default(),
            lingering: Mutex::default(),
            rerouting: Mutex::default(),
        }
    }

    /// The index. It is held briefly, and never while a disk is waited for.
    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        let mut index = self
            .index
            .lock()
            .expect("nothing panics under the index's lock");
        index.skew = self.setup.clock.skew();
        index
    }

    /// Whether messages of this origin came through a grant that only tried something out, and is
    /// over.
    pub(super) fn is_forgotten(&self, origin: &Origin, now: Timestamp) -> bool {
        origin.probe && {
            let registry = self.registry.read();
            let registry = registry.expect("nothing panics under this lock");
            let route = registry.grant_by_id(origin.grant);
            let channel = registry.channels.grants.get(&origin.grant);
            let shown = route.is_some_and(|(_, grant)| !grant.is_forgotten(now))
                || channel.is_some_and(|grant| !grant.is_forgotten(now));
            !shown
        }
    }

    pub(super) fn chain(&self) -> Chain {
        self.chain
            .read()
            .expect("nothing panics under the chain's lock")
            .clone()
    }

    pub(super) fn set_chain(&self, chain: Vec<Arc<Segment>>) {
        *self
            .chain
            .write()
            .expect("nothing panics under the chain's lock") = Arc::new(chain);
    }

    /// Messages in a range that were carried, and the files they are in.
    pub(super) fn carried(&self, range: impl std::ops::RangeBounds<u64>) -> Vec<(u64, u64)> {
        let carried = self.carried.read().expect("nothing panics under this lock");
        carried
            .range(range)
            .map(|(seq, first)| (*seq, *first))
            .collect()
    }

    /// Changes which messages were carried.
    pub(super) fn change_carried<T>(&self, change: impl FnOnce(&mut BTreeMap<u64, u64>) -> T) -> T {
        change(
            &mut self
                .carried
                .write()
                .expect("nothing panics under this lock"),
        )
    }

    /// The file that a message is in, if it is in one.
    pub(super) fn segment_of(&self, seq: u64) -> Option<Arc<Segment>> {
        let first = {
            let carried = self.carried.read().expect("nothing panics under this lock");
            carried.get(&seq).copied().unwrap_or(seq)
        };
        let chain = self.chain();
        let after = chain.partition_point(|segment| segment.first <= first);
        Some(chain[after.checked_sub(1)?].clone())
    }

    /// How many of these, from the first on, are in the file that the first is in.
    pub(super) fn together(&self, seqs: &[u64]) -> usize {
        let carried = self.carried.read().expect("nothing panics under this lock");
        let chain = self.chain();
        let file = |seq: &u64| {
            let first = carried.get(seq).unwrap_or(seq);
            chain.partition_point(|segment| segment.first <= *first)
        };
        let Some(first) = seqs.first().map(file) else {
            return 0;
        };
        seqs.iter().take_while(|seq| file(seq) == first).count()
    }

    /// Whether a message is in one of the files.
    pub(super) fn is_kept(&self, seq: u64) -> bool {
        self.segment_of(seq).is_some_and(|segment| {
            segment.last.load(Ordering::Relaxed) >= seq || !self.carried(seq..=seq).is_empty()
        })
    }

    pub(super) fn ready(&self) -> Result<(), StoreError> {
        self.health
            .read()
            .expect("nothing panics under this lock")
            .clone()
    }

    pub(super) fn set_health(&self, health: Result<(), Fault>) {
        *self.health.write().expect("nothing panics under this lock") =
            health.map_err(StoreError::from);
    }

    pub(super) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// How many bytes the log's files have, about.
    pub(super) fn disk_used(&self) -> u64 {
        self.chain()
            .iter()
            .map(|segment| segment.bytes.load(Ordering::Relaxed))
            .sum()
    }
}
