//! What the front door is made of.

use std::sync::Arc;

use doorbell_core::{
    address::SessionRef,
    grant::{Grant, GrantId},
    message::{Arrival, Head},
    ports::{Channels, Grants, Health, Log, Put, Routes, StoreError},
    route::Outcome,
    time::Clock,
};

use crate::{
    budget::{Bound, Budget},
    figures::DoorFigures,
    journal::Journal,
    limits::Limits,
    routing::ByRules,
    throttle::Throttle,
};

/// Decides where a message goes and how loudly.
pub trait Routing: Send + Sync {
    /// Where a message that came through this grant goes. Called for each, so it must not wait.
    fn route(&self, grant: &Grant, head: &Head) -> Outcome;
}

impl<F: Fn(&Grant, &Head) -> Outcome + Send + Sync> Routing for F {
    fn route(&self, grant: &Grant, head: &Head) -> Outcome {
        self(grant, head)
    }
}

/// Knows which sessions something is attached to.
pub trait Presence: Send + Sync {
    /// Whether anything is attached to this session now. Called for each knock: it must not wait.
    fn is_live(&self, session: &SessionRef) -> bool;
}

/// Nothing is ever attached: what is said to a session is kept until something is.
#[derive(Clone, Copy, Debug, Default)]
pub struct NobodyAttached;

impl Presence for NobodyAttached {
    fn is_live(&self, _: &SessionRef) -> bool {
        false
    }
}

/// What a front door needs. [`Config::new`] fills it from one store; every field may be replaced.
pub struct Config {
    /// Where messages go.
    pub log: Arc<dyn Log>,
    /// Whom tokens belong to: the read half, which cannot mint.
    pub grants: Arc<dyn Grants>,
    /// Whom channel tokens belong to, and which sessions there are: the read half, too.
    pub channels: Arc<dyn Channels>,
    /// Which sessions are live; by default none.
    pub presence: Arc<dyn Presence>,
    /// Whether messages are taken.
    pub health: Arc<dyn Health>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Who hears a message; by default whom the store's rules say.
    pub routing: Arc<dyn Routing>,
    /// What a request may cost.
    pub limits: Limits,
    /// Where it is counted; whoever wants to look keeps a hold of it.
    pub figures: Arc<DoorFigures>,
}

impl Config {
    /// A front door before this store.
    pub fn new<S: Log + Grants + Channels + Routes + Health + 'static>(
        store: Arc<S>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            log: store.clone(),
            grants: store.clone(),
            channels: store.clone(),
            presence: Arc::new(NobodyAttached),
            routing: Arc::new(ByRules(store.clone())),
            health: store,
            clock,
            limits: Limits::default(),
            figures: Arc::default(),
        }
    }
}

/// The front door: a cheap handle, to be cloned at will.
#[derive(Clone)]
pub struct FrontDoor(pub(crate) Arc<Shared>);

/// What all handles share.
pub(crate) struct Shared {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) grants: Arc<dyn Grants>,
    pub(crate) channels: Arc<dyn Channels>,
    pub(crate) presence: Arc<dyn Presence>,
    pub(crate) health: Arc<dyn Health>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) routing: Arc<dyn Routing>,
    pub(crate) limits: Limits,
    pub(crate) throttle: Throttle,
    pub(crate) budget: Budget<GrantId>,
    pub(crate) figures: Arc<DoorFigures>,
    pub(crate) journal: Journal,
}

impl Shared {
    /// Stores an arrival, and counts what became of it.
    pub(crate) async fn put(&self, arrival: Arrival) -> Result<Put, StoreError> {
        let (kind, bytes) = (arrival.kind, arrival.body.len() as u64);
        let put = self.log.put(arrival).await?;
        match put {
            Put::Stored(_) => self.figures.count_stored(kind, bytes),
            Put::Duplicate(_) => self.figures.duplicates.add(1),
            Put::Conflict(_) | Put::Revoked | Put::Ended | Put::Full => {}
        }
        Ok(put)
    }
}

/// Opens a front door.
pub fn front_door(config: Config) -> FrontDoor {
    let limits = config.limits;
    let one_request = limits.body_bytes.saturating_add(limits.header_bytes);
    FrontDoor(Arc::new(Shared {
        log: config.log,
        grants: config.grants,
        channels: config.channels,
        presence: config.presence,
        health: config.health,
        clock: config.clock,
        routing: config.routing,
        limits,
        throttle: Throttle::new(limits.hook_rate),
        figures: config.figures,
        journal: Journal::default(),
        budget: Budget::new(Bound::quartered(limits.in_flight_bytes, one_request)),
    }))
}
