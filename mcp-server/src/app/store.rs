//! The embedded store, opened and closed off the runtime's threads.

use std::{io, sync::Arc};

use doorbell_core::{
    ports::{Ring, Store},
    time::Clock,
};
use doorbell_ingress::{
    Config,
    figures::CommitFigures,
    machine::SystemChance,
    store::redb::{OpenError, Options, RedbStore},
};
use tokio::task::spawn_blocking;

use super::AppError;
use crate::{
    config::{Settings, command_line},
    house::{Backup, DiskUse},
};

/// An open store.
pub(super) struct Opened(Arc<RedbStore>);

impl Opened {
    /// As the ports describe it.
    pub(super) fn store(&self) -> Arc<dyn Store> {
        self.0.clone()
    }

    /// A front door before this store.
    pub(super) fn door_config(&self, clock: Arc<dyn Clock>) -> Config {
        Config::new(Arc::clone(&self.0), clock)
    }

    /// As a source of backups.
    pub(super) fn backup(&self) -> Arc<dyn Backup> {
        self.0.clone()
    }

    /// What its writer counts.
    pub(super) fn commits(&self) -> Arc<CommitFigures> {
        self.0.figures()
    }

    /// As something that takes disk.
    pub(super) fn disk(&self) -> Arc<dyn DiskUse> {
        self.0.clone()
    }

    /// Finishes what is under way and closes.
    pub(super) async fn close(self) {
        match spawn_blocking(move || self.0.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the store did not close well"),
            Err(error) => tracing::error!(%error, "the store did not close"),
        }
    }
}

/// Opens the store of this data directory.
pub(super) async fn open(
    settings: &Settings,
    clock: Arc<dyn Clock>,
    ring: Arc<dyn Ring>,
) -> Result<Opened, AppError> {
    let dir = settings.data_dir.path().to_owned();
    let mut options = Options::new(clock, ring, Arc::new(SystemChance));
    options.retain = settings.retain;
    options.max_disk = settings.max_disk;
    spawn_blocking(move || RedbStore::open(&dir, options))
        .await
        .map_err(|error| AppError::Store(error.to_string()))?
        .map(|store| Opened(Arc::new(store)))
        .map_err(|error| AppError::Store(cannot_open(&error)))
}

/// Why, and what to do.
fn cannot_open(error: &OpenError) -> String {
    match error {
        OpenError::Taken { .. } => format!(
            "{error}; that server is stopped with `{}`, and another is started on a data \
             directory of its own with --data-dir",
            command_line("stop")
        ),
        OpenError::Disk(why) if why.contains("Permission denied") => format!(
            "{why}; it is another user's: start the server as that user, or give the data \
             directory to this one with chown -R"
        ),
        OpenError::Disk(why) => why.clone(),
        other => other.to_string(),
    }
}

impl Backup for RedbStore {
    fn backup(&self, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        Self::backup(self, sink).map_err(io::Error::other)
    }
}

impl DiskUse for RedbStore {
    fn bytes(&self) -> io::Result<u64> {
        self.disk_bytes()
    }
}
