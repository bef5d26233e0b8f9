//! How a command finds its server.

use std::{fmt::Display, str::FromStr};

use doorbell_core::{folder::Folder, token::Chance};
use doorbell_ingress::machine::SystemChance;

use super::{Common, Failure};
use crate::{config::Whereabouts, desk::Remote, refusal::Refusal};

/// The desk of the running server, as the agent of `folder` if one is given.
pub(super) fn desk(common: &Common, folder: Option<Folder>) -> Result<Remote, Failure> {
    let whereabouts = Whereabouts::from_environment(common.data_dir()?)?;
    Ok(Remote::new(whereabouts.address()?, folder)?)
}

/// Parses an argument whose rule is ours and not the command line's: a refusal, exit code 1.
pub(super) fn parsed<T: FromStr<Err: Display>>(field: &str, text: &str) -> Result<T, Failure> {
    text.parse()
        .map_err(|error| Failure::Refused(Refusal::invalid(field, error)))
}

/// A name that no other receiver has: what it leases is settled by it alone.
pub(super) fn receiver_name(what: &str) -> String {
    let mut chance = [0; 8];
    SystemChance.fill(&mut chance);
    format!("{what}-{:016x}", u64::from_le_bytes(chance))
}
