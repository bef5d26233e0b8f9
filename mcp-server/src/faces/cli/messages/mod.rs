//! `doorbell messages`: the log.

mod ls;
mod replay;
mod show;

use clap::Subcommand;

use super::{Common, Failure};

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    Ls(ls::Ls),
    Show(show::Show),
    Replay(replay::Replay),
}

pub(super) async fn run(common: &Common, command: Command) -> Result<(), Failure> {
    match command {
        Command::Ls(args) => ls::run(common, args).await,
        Command::Show(args) => show::run(common, args).await,
        Command::Replay(args) => replay::run(common, args).await,
    }
}
