//! Logs: to standard error, as text or as JSON, never with a token in them.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogFormat, colour_wanted};

/// rmcp prints arguments and results, tokens included, below this level.
const ALWAYS: &str = "rmcp=warn";

/// Begins to log. A filter that does not parse is said and replaced by `info`.
pub fn begin(filter: &str, format: LogFormat) {
    let parse = |text: &str| EnvFilter::try_new(text);
    let (directives, wrong) = match parse(filter) {
        Ok(good) => (good, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let directives = directives.add_directive(ALWAYS.parse().expect("a constant directive parses"));
    let colour = io::stderr().is_terminal() && colour_wanted();
    let log = fmt()
        .with_env_filter(directives)
        .with_writer(io::stderr)
        .with_ansi(colour);
    // A second subscriber can only be another's in one process, as in tests: leave theirs.
    let _ = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    if let Some(error) = wrong {
        tracing::warn!(%error, "this log filter does not parse; logging at info");
    }
}
