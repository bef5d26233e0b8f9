//! `doorbell serve`.

use std::process::ExitCode;

use super::{Common, Failure};
use crate::{
    app,
    config::{ServeArgs, Settings},
    telemetry,
};

pub(super) fn run(common: &Common, args: ServeArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::gather(args, common.data_dir()?)?;
    let log_file = settings.log_file();
    let _flush = telemetry::begin(&settings.log, settings.log_format, log_file.as_deref())?;
    app::run(settings)?;
    Ok(ExitCode::SUCCESS)
}
