//! `doorbell restore`: a backup becomes a store. No server may run on it.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use clap::Args;
use doorbell_ingress::store::redb::{OpenError, RestoreError, restore};

use super::{
    Common, Failure,
    progress::{Progress, Told},
    terminal,
};
use crate::config::command_line;

/// Arguments of `doorbell restore`.
#[derive(Args, Debug)]
pub(super) struct Restore {
    /// Where from; - is standard input
    file: PathBuf,
}

/// Why a backup was not put back. The data directory is as it was.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotRestored {
    /// The backup cannot be read.
    #[error("cannot read {0}: {1}")]
    Unreadable(PathBuf, #[source] io::Error),
    /// There is something that would be lost.
    #[error("{0}; restore into an empty data directory: --data-dir DIR")]
    NotEmpty(#[source] RestoreError),
    /// A server has the directory.
    #[error("not restored: {0}; stop that server with `{1}`")]
    Served(#[source] RestoreError, String),
    /// The backup is not whole, or the disk failed.
    #[error("not restored: {0}")]
    Failed(#[source] RestoreError),
}

pub(super) fn run(common: &Common, args: Restore) -> Result<(), Failure> {
    let data_dir = common.data_dir()?;
    let (from, total) =
        open(&args.file).map_err(|error| NotRestored::Unreadable(args.file, error))?;
    let progress = Progress::begin("restore", total);
    let mut from = Told { from, progress };
    data_dir.make()?;
    restore(&mut from, data_dir.path()).map_err(|error| match error {
        RestoreError::NotEmpty(_) => NotRestored::NotEmpty(error),
        RestoreError::Open(OpenError::Taken { .. }) => {
            NotRestored::Served(error, command_line("stop"))
        }
        error => NotRestored::Failed(error),
    })?;
    let bytes = from.progress.end();
    if common.json {
        let (data_dir, bytes) = (data_dir.path(), bytes);
        return Ok(terminal::json(
            &serde_json::json!({ "data_dir": data_dir, "bytes": bytes }),
        )?);
    }
    terminal::explain(&format!(
        "restored into {}. Start it with: {}\n\
         Its keys are those of the backup; a new operator.key is made at the start if the one here \
         is not among them.",
        data_dir.path().display(),
        command_line("serve")
    ));
    Ok(())
}

/// The backup, and how large it is if that is known.
fn open(file: &Path) -> io::Result<(Box<dyn Read>, Option<u64>)> {
    if file == Path::new("-") {
        return Ok((Box::new(io::stdin().lock()), None));
    }
    let file = File::open(file)?;
    let total = file.metadata()?.len();
    Ok((Box::new(BufReader::new(file)), Some(total)))
}
