//! `doorbell mcp`: MCP over stdin and stdout, for a client that starts its servers itself.

use clap::Args;
use doorbell_core::folder::Folder;

use super::{Common, Failure, background, connect};
use crate::faces::mcp;

/// Arguments of `doorbell mcp`.
#[derive(Args, Debug)]
pub(super) struct Mcp {
    /// The agent's folder: acme/eng
    #[arg(long)]
    folder: String,
}

pub(super) async fn run(common: &Common, args: Mcp) -> Result<(), Failure> {
    let folder: Folder = connect::parsed("folder", &args.folder)?;
    let data_dir = common.data_dir()?;
    // One name for the whole run: a server that restarts knows it again, and its leases.
    let receiver = connect::receiver_name("mcp");
    let open =
        move || background::find_or_start(data_dir.clone(), folder.clone(), receiver.clone());
    Ok(mcp::stdio(open).await?)
}
