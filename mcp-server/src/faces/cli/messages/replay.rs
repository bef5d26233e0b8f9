//! `doorbell messages replay`: makes messages pending again.

use clap::Args;
use doorbell_core::message::MessageId;

use super::super::{Common, Failure, connect, terminal};
use crate::desk::Desk;

/// Make a message pending again, as if it had just come
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  doorbell messages replay 01K9GQ5W7E1T3N8ZB4C6D2F0HA")]
pub(in super::super) struct Replay {
    /// Its id
    id: String,
}

pub(super) async fn run(common: &Common, args: Replay) -> Result<(), Failure> {
    let id = connect::parsed::<MessageId>("id", &args.id)?;
    let replayed = connect::desk(common, None)?.replay(id).await?;
    if common.json {
        return Ok(terminal::json(&replayed)?);
    }
    Ok(terminal::say(&format!(
        "{} is pending again",
        replayed.id.0
    ))?)
}
