//! `doorbell mcp`: MCP over stdin and stdout, for a client that starts its servers itself.

use clap::Args;
use doorbell_core::folder::Folder;

use super::{Common, Failure, background, connect, stop::Stop, terminal};
use crate::faces::mcp::{self, Missing};

/// Arguments of `doorbell mcp`.
#[derive(Args, Debug)]
pub(super) struct Mcp {
    /// The agent's folder: acme/eng
    #[arg(long)]
    folder: String,
    /// The agent's session, which outlives this process; without it one is made when it is needed
    /// and ends with the process
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Push what arrives into Claude Code, as a channel
    #[arg(long)]
    channel: bool,
}

pub(super) async fn run(common: &Common, args: Mcp) -> Result<(), Failure> {
    let folder: Folder = connect::parsed("folder", &args.folder)?;
    let options = mcp::Options {
        session: args
            .session
            .map(|text| connect::parsed("session", &text))
            .transpose()?,
        channel: args.channel,
    };
    let data_dir = common.data_dir()?;
    // One name for the whole run: a server that restarts knows it again, and its leases.
    let receiver = connect::receiver_name("mcp");
    let open = move |missing| {
        let (data_dir, folder, receiver) = (data_dir.clone(), folder.clone(), receiver.clone());
        async move {
            match missing {
                Missing::Start => background::find_or_start(data_dir, folder, receiver).await,
                Missing::Leave => background::find(data_dir, folder, receiver),
            }
        }
    };
    let mut stop = Stop::listen()?;
    Ok(
        mcp::stdio(open, options, async move { stop.told().await }, |line| {
            terminal::explain(&terminal::printable(line));
        })
        .await?,
    )
}
