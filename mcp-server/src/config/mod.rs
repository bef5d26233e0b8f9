//! Settings: the only reader of the environment and of `doorbell.toml`.
//!
//! A setting is taken from its flag, then from `DOORBELL_<NAME>`, then from
//! `<data-dir>/doorbell.toml`, then from its default. Nothing is read from the working directory.

mod bookmark;
mod browser;
mod command_line;
mod control_url;
mod data_dir;
mod moment;
mod peers;
mod quantity;
mod reachability;
mod serve;
mod server_file;
mod whereabouts;

pub use bookmark::Bookmark;
pub use browser::browser;
pub use command_line::{command_line, command_line_in, quoted, remember_call};
pub use control_url::{ControlUrl, ControlUrlError, WebOrigin};
pub use data_dir::{DataDir, DataDirError};
pub use moment::Moment;
pub use quantity::{Period, Size};
pub use reachability::Reachability;
pub use serve::{LogFormat, ServeArgs, Settings, SettingsError};
pub use server_file::ServerFile;
pub use whereabouts::Whereabouts;

/// Whether output to a terminal may be coloured: `NO_COLOR` is not set (no-color.org).
pub fn colour_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether traces are to be sent: OpenTelemetry's own variables name a collector, and do not turn it
/// off.
#[cfg(feature = "otlp")]
pub fn traces_wanted() -> bool {
    let is = |name: &str, value: &str| {
        std::env::var(name).is_ok_and(|set| set.eq_ignore_ascii_case(value))
    };
    let named = [
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    ]
    .iter()
    .any(|name| std::env::var_os(name).is_some_and(|set| !set.is_empty()));
    named && !is("OTEL_SDK_DISABLED", "true") && !is("OTEL_TRACES_EXPORTER", "none")
}

/// Whether the environment says what this service is called in traces.
#[cfg(feature = "otlp")]
pub fn service_is_named() -> bool {
    std::env::var_os("OTEL_SERVICE_NAME").is_some_and(|set| !set.is_empty())
}
