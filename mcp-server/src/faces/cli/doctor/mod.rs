//! `doorbell doctor`: proves each path end to end, and says what is wrong and what to type.

mod channel;
mod machine;
mod report;
mod server;
mod trip;

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
}

/// Looks at everything; false: something is wrong.
pub(super) async fn run(common: &Common, args: Doctor) -> Result<bool, Failure> {
    let mut report = Report::begin(common.json);
    let data_dir = common.data_dir()?;
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
