//! How long and how often: the flags, and what they come to.

use crate::{Outcome, measure};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What the command line may say.
#[derive(Args)]
pub(crate) struct Options {
    /// A smoke run of some seconds a measure: shows that the bench works, its figures mean nothing
    #[arg(long)]
    quick: bool,
    /// Measures this figure alone (may be repeated)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Prints one JSON object instead of the table
    #[arg(long)]
    json: bool,
    /// Interleaved rounds of each measure
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds measured in each round, after half a second of warming up
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Receivers that lease and ack in the drain measures
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    consumers: u32,
    /// Measures this binary instead of building one
    #[arg(long, value_name = "PATH")]
    doorbell: Option<PathBuf>,
}

/// The settled plan of a run.
pub(crate) struct Plan {
    /// Whether this is a smoke run.
    pub(crate) quick: bool,
    /// Whether the report is JSON.
    pub(crate) json: bool,
    /// Interleaved rounds.
    pub(crate) rounds: u32,
    /// What is measured of each round.
    pub(crate) window: Duration,
    /// What precedes it, uncounted.
    pub(crate) warm_up: Duration,
    /// Receivers in the drain measures.
    pub(crate) consumers: u32,
    /// The server under test.
    pub(crate) doorbell: PathBuf,
    only: Vec<String>,
    temp: tempfile::TempDir,
    directories: AtomicU64,
}

impl Options {
    /// Checks the names, builds the server if none was given, and makes the temporary directory.
    pub(crate) fn plan(&self) -> Outcome<Plan> {
        let known: Vec<&str> = measure::all()
            .iter()
            .flat_map(|m| m.rows)
            .copied()
            .collect();
        if let Some(name) = self
            .only
            .iter()
            .find(|name| !known.contains(&name.as_str()))
        {
            return Err(format!("no figure {name:?}; there are {}", known.join(", ")).into());
        }
        if cfg!(debug_assertions) && !self.quick {
            return Err("a debug build measures nothing: run with --release, or --quick".into());
        }
        let doorbell = match &self.doorbell {
            Some(path) => path.clone(),
            None => build()?,
        };
        Ok(Plan {
            quick: self.quick,
            json: self.json,
            rounds: if self.quick { 2 } else { self.rounds },
            window: Duration::from_secs(if self.quick { 1 } else { self.seconds }),
            warm_up: Duration::from_millis(if self.quick { 100 } else { 500 }),
            consumers: self.consumers,
            doorbell,
            only: self.only.clone(),
            temp: tempfile::Builder::new()
                .prefix("doorbell-bench-")
                .tempdir()?,
            directories: AtomicU64::new(0),
        })
    }
}

impl Plan {
    /// Whether any of these figures was asked for.
    pub(crate) fn wants(&self, names: &[&str]) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| names.contains(&only.as_str()))
    }

    /// The temporary directory that holds everything.
    pub(crate) fn temp(&self) -> &Path {
        self.temp.path()
    }

    /// A data directory that nothing has used.
    pub(crate) fn fresh_dir(&self) -> PathBuf {
        self.temp().join(format!(
            "data-{}",
            self.directories.fetch_add(1, Ordering::Relaxed)
        ))
    }

    /// Deletes what the last measure wrote, and returns when the file system has done with it: a
    /// large unlink stalls every sync for a while, and must not do so in the middle of a round.
    pub(crate) fn clear(&self) -> Outcome<()> {
        for entry in fs::read_dir(self.temp())? {
            let path = entry?.path();
            if path.is_dir() {
                fs::remove_dir_all(path)?;
            } else {
                fs::remove_file(path)?;
            }
        }
        // The unlinks are in the journal before this is.
        Ok(fs::File::create(self.temp().join("cleared"))?.sync_all()?)
    }

    /// `full`, or `smoke` in a smoke run.
    pub(crate) fn sized(&self, full: u64, smoke: u64) -> u64 {
        if self.quick { smoke } else { full }
    }
}

/// Builds `doorbell` in the bench's own profile and finds it beside the bench.
fn build() -> Outcome<PathBuf> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args([
        "build",
        "--quiet",
        "-p",
        "doorbell",
        "--manifest-path",
        manifest,
    ]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    if !command.status()?.success() {
        return Err("the server does not build".into());
    }
    Ok(std::env::current_exe()?.with_file_name("doorbell"))
}
