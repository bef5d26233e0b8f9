//! Logs: to standard error, or to a file where a server runs in the background, as text or as JSON, never with a token in them.

use std::{
    io::{self, IsTerminal},
    path::Path,
};

use tracing::{Level, Metadata};
use tracing_subscriber::{EnvFilter, Layer, filter::filter_fn, fmt, prelude::*};

use super::{
    lines::{Flush, Lines},
    log_file::LogFile,
};
use crate::config::{LogFormat, colour_wanted};

/// Begins to log, until what it returns is dropped: to `file`, else to standard error. A filter that
/// does not parse is said and replaced by `info`.
pub fn begin(filter: &str, format: LogFormat, file: Option<&Path>) -> io::Result<Flush> {
    let (directives, wrong) = match EnvFilter::try_new(filter) {
        Ok(good) => (good, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let (writer, flush) = match file {
        None => Lines::begin(io::stderr())?,
        Some(path) => {
            let file = LogFile::open(path)?;
            file.take_over()?;
            Lines::begin(file)?
        }
    };
    let lines = fmt::layer()
        .with_writer(writer)
        .with_ansi(file.is_none() && io::stderr().is_terminal() && colour_wanted());
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // A second subscriber can only be another's in one process, as in tests: leave theirs.
    let _ = tracing_subscriber::registry()
        // Filters of the whole, not of one layer: what is off costs a load and nothing else.
        .with(directives)
        .with(filter_fn(is_silent_about_secrets))
        .with(lines)
        .try_init();
    if let Some(error) = wrong {
        tracing::warn!(%error, "this log filter does not parse; logging at info");
    }
    Ok(flush)
}

/// Below WARN rmcp prints arguments and results, and with them every token that is minted; and the
/// exporter of traces its settings, with the collector's password. No directive of the user's turns
/// that on.
fn is_silent_about_secrets(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let talkative =
        target == "rmcp" || target.starts_with("rmcp::") || target.starts_with("opentelemetry");
    !talkative || *metadata.level() <= Level::WARN
}
