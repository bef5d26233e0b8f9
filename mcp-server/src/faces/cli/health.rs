//! `doorbell health`: whether the server is ready, for what looks after it.

use std::process::ExitCode;

use serde::Serialize;

use super::{
    Common, Failure,
    probe::{Probe, probe},
    terminal,
};
use crate::{config::Whereabouts, desk::shown, refusal::Refusal};

/// What `--json` prints.
#[derive(Serialize)]
struct Health<'a> {
    ready: bool,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

pub(super) async fn run(common: &Common) -> Result<ExitCode, Failure> {
    let whereabouts = Whereabouts::from_environment(common.data_dir()?)?;
    let url = whereabouts.url()?;
    let why = match probe(&url, whereabouts.url.is_some()).await {
        Probe::Ready => None,
        Probe::NotReady(why) | Probe::NoRoom(why) => Some(Refusal::Unavailable(why)),
        Probe::Nobody(refusal) | Probe::Other(refusal) => Some(refusal),
    };
    if common.json {
        terminal::json(&Health {
            ready: why.is_none(),
            url: shown(&url),
            why: why.as_ref().map(ToString::to_string),
        })?;
        let code = if why.is_some() {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        };
        return Ok(code);
    }
    match why {
        None => {
            terminal::say("ready")?;
            Ok(ExitCode::SUCCESS)
        }
        Some(refusal) => Err(refusal.into()),
    }
}
