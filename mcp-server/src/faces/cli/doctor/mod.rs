//! `doorbell doctor`: proves each path end to end, and says what is wrong and what to type.

mod channel;
mod machine;
mod report;
mod server;
mod store;
mod trip;

use std::path::PathBuf;

use clap::Args;

use self::report::Report;
use super::{Common, Failure};
use crate::config::{ServerFile, Whereabouts};

/// Arguments of `doorbell doctor`.
#[derive(Args, Debug)]
pub(super) struct Doctor {
    /// Also call the public URL, which may leave this machine
    #[arg(long)]
    public: bool,
    /// Look at every file and record on the disk instead; no server may run on them
    #[arg(long, conflicts_with = "public")]
    store: bool,
    /// Write what is whole into this new data directory, too
    #[arg(long, value_name = "NEWDIR", requires = "store")]
    salvage: Option<PathBuf>,
}

/// Looks at everything; false: something is wrong.
pub(super) async fn run(common: &Common, args: Doctor) -> Result<bool, Failure> {
    let data_dir = common.data_dir()?;
    if args.store {
        return store::run(common, &data_dir, args.salvage);
    }
    let mut report = Report::begin(common.json);
    let whereabouts = Whereabouts::from_environment(data_dir.clone())?;
    let here = whereabouts.url.is_none();
    if here {
        machine::data_directory(&mut report, &data_dir)?;
        machine::settings(&mut report, &data_dir)?;
    }
    let file = ServerFile::read(&data_dir.server_file());
    if here {
        machine::server_file(&mut report, &data_dir, file.as_ref())?;
    }
    if let Some(desk) = server::control(&mut report, &whereabouts, file.as_ref()).await? {
        let door = file
            .as_ref()
            .filter(|file| reqwest::Url::parse(&file.control).is_ok_and(|url| url == *desk.url()));
        server::mcp(&mut report, &desk).await?;
        server::front_door(&mut report, door, args.public).await?;
        trip::post_and_receive(&mut report, &desk, door, args.public).await?;
        channel::knock_and_hear(&mut report, &desk, door, args.public).await?;
    }
    report.end()
}
