//! Which store, and how it is opened and closed.

use std::sync::Arc;

use doorbell_core::{
    memory::MemoryStore,
    ports::{Ring, Store},
    time::Clock,
};
use doorbell_ingress::front_door::Config;

use super::AppError;
use crate::{config::Settings, house::Backup};

/// An open store, and the faces of it that are wanted here.
pub(super) struct Opened {
    /// As the ports describe it.
    pub(super) store: Arc<dyn Store>,
    /// As a source of backups.
    pub(super) backup: Option<Arc<dyn Backup>>,
    concrete: Arc<MemoryStore>,
}

impl Opened {
    /// A front door before this store.
    pub(super) fn door_config(&self, clock: Arc<dyn Clock>) -> Config {
        Config::new(Arc::clone(&self.concrete), clock)
    }

    /// Finishes what is under way and closes.
    pub(super) async fn close(self) {}
}

/// Opens the store of this data directory.
pub(super) async fn open(
    _settings: &Settings,
    _clock: Arc<dyn Clock>,
    ring: Arc<dyn Ring>,
) -> Result<Opened, AppError> {
    let concrete = Arc::new(MemoryStore::new(ring));
    Ok(Opened {
        store: concrete.clone(),
        backup: None,
        concrete,
    })
}
