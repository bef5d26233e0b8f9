//! What every desk stands on: the store, the registry and the switchboard of one instance.

use std::sync::{Arc, atomic::AtomicBool};

use doorbell_core::{
    ports::Store,
    registry::Registry,
    time::{Clock, Timestamp},
};
use doorbell_ingress::{
    FrontDoor,
    figures::{CommitFigures, DoorFigures},
};

use tokio::sync::watch;

use crate::{
    caller::Authenticator,
    config::{ControlUrl, Reachability},
    shares::Shares,
    switchboard::Switchboard,
};

/// One running instance.
pub struct House {
    /// The store, as the ports describe it.
    pub store: Arc<dyn Store>,
    /// The one that looks at credentials.
    pub authenticator: Authenticator,
    /// The one that mints.
    pub registry: Registry<dyn Store>,
    /// The front door, for tests of what comes through it.
    pub door: Option<FrontDoor>,
    /// Who waits where.
    pub switchboard: Arc<Switchboard>,
    /// Who has how much of what all share.
    pub shares: Shares,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What printed URLs begin with, without a slash at the end.
    pub public_url: String,
    /// Whether live URLs may have been printed with another address.
    pub older_urls: AtomicBool,
    /// Where clients were told to reach the control listener.
    pub control_url: Option<ControlUrl>,
    /// Streams a backup, where the store can.
    pub backup: Option<Arc<dyn Backup>>,
    /// What is counted.
    pub instruments: Instruments,
    /// True once the server was told to stop: whoever waits or follows is to end.
    pub draining: watch::Sender<bool>,
    /// True from the first word of a stop on: it serves, and says that it is not ready.
    pub leaving: AtomicBool,
}

impl House {
    /// What whoever is handed one of its URLs has to know of where it can be reached from.
    pub fn url_warning(&self) -> Option<String> {
        Reachability::of_text(&self.public_url).warning(&self.public_url)
    }
}

/// A store that can copy itself while it serves.
pub trait Backup: Send + Sync {
    /// Hands a consistent copy to `sink`, piece by piece; blocks until it is done, or `sink` fails.
    fn backup(&self, sink: &mut dyn FnMut(&[u8]) -> std::io::Result<()>) -> std::io::Result<()>;
}

/// Where an instance's figures are read off.
pub struct Instruments {
    /// What the front door counts.
    pub door: Arc<DoorFigures>,
    /// What the store's writer counts.
    pub commits: Arc<CommitFigures>,
    /// What the store has of the disk, where it can tell.
    pub disk: Option<Arc<dyn DiskUse>>,
    /// When the process began.
    pub started: Timestamp,
}

/// A store that knows how much disk it takes.
pub trait DiskUse: Send + Sync {
    /// The bytes of all its files. It blocks.
    fn bytes(&self) -> std::io::Result<u64>;
}
