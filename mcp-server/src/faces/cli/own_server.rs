//! The server that holds this data directory, for the commands that speak of no other.

use std::io;

use doorbell_ingress::store::redb::{Holder, holder};

use super::{Common, Failure};
use crate::{
    config::{DataDir, ServerFile, Whereabouts},
    desk::Address,
    refusal::Refusal,
};

/// What is known of it without asking it.
#[derive(Debug)]
pub(super) struct OwnServer {
    pub(super) data_dir: DataDir,
    /// Who has the store.
    pub(super) holder: Holder,
    /// What the server says of itself. One that was killed left it behind.
    pub(super) file: Option<ServerFile>,
}

impl OwnServer {
    /// Looks for it. Where `DOORBELL_URL` names another machine's server it would be the wrong one.
    pub(super) fn find(common: &Common, command: &str) -> Result<Self, Failure> {
        let data_dir = common.data_dir()?;
        let whereabouts = Whereabouts::from_environment(data_dir.clone())?;
        if let Some(url) = whereabouts
            .url
            .as_ref()
            .filter(|url| !Address::is_loopback(url))
        {
            return Err(Refusal::invalid(
                "DOORBELL_URL",
                format!(
                    "names {url}, and `{command}` speaks of the server of this machine's data \
                     directory {}; unset it, or run this on that machine",
                    data_dir.path().display()
                ),
            )
            .into());
        }
        Self::of(data_dir)
    }

    /// Looks again.
    pub(super) fn again(&self) -> Result<Self, Failure> {
        Self::of(self.data_dir.clone())
    }

    fn of(data_dir: DataDir) -> Result<Self, Failure> {
        let holder = holder(data_dir.path()).map_err(|error| unreadable(&data_dir, error))?;
        let file = ServerFile::find(&data_dir.server_file())
            .map_err(|error| unreadable(&data_dir, error))?
            // Of a server that is gone, or not yet as far.
            .filter(|file| holder == Holder::Unknown || holder == Holder::Process(file.pid));
        Ok(Self {
            data_dir,
            holder,
            file,
        })
    }

    /// Its process, or why there is none to be named.
    pub(super) fn pid(&self) -> Result<u32, Failure> {
        match self.holder {
            Holder::Process(pid) => Ok(pid),
            Holder::Nobody => Err(self.nobody()),
            Holder::Unknown => Err(Refusal::Unavailable(format!(
                "a process that is not visible from here has the data directory {}: in another \
                 container, perhaps; stop it there",
                self.data_dir.path().display()
            ))
            .into()),
        }
    }

    /// No server runs.
    pub(super) fn nobody(&self) -> Failure {
        Refusal::NotFound(format!(
            "no server runs with the data directory {}",
            self.data_dir.path().display()
        ))
        .into()
    }
}

fn unreadable(data_dir: &DataDir, error: io::Error) -> Failure {
    let path = data_dir.path().display();
    let what = match error.kind() {
        io::ErrorKind::PermissionDenied => format!(
            "may not look into the data directory {path}: it is another user's; run this as that \
             user, or with sudo"
        ),
        _ => format!("cannot look into the data directory {path}: {error}"),
    };
    io::Error::new(error.kind(), what).into()
}
