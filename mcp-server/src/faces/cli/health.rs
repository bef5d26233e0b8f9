//! `doorbell health`: whether the server is ready, for what looks after it.

use std::process::ExitCode;

use super::{
    Common, Failure,
    background::{Probe, probe},
    terminal,
};
use crate::{config::Whereabouts, refusal::Refusal};

pub(super) async fn run(common: &Common) -> Result<ExitCode, Failure> {
    let url = Whereabouts::from_environment(common.data_dir()?)?.url()?;
    match probe(&url).await {
        Probe::Ready => {
            terminal::say("ready")?;
            Ok(ExitCode::SUCCESS)
        }
        Probe::NotReady => Err(Refusal::Unavailable(format!("{url} is not ready")).into()),
        Probe::Nobody => Err(Refusal::Unreachable(format!("nobody answers at {url}")).into()),
    }
}
