//! Settings: the only reader of the environment and of `doorbell.toml`.
//!
//! A setting is taken from its flag, then from `DOORBELL_<NAME>`, then from
//! `<data-dir>/doorbell.toml`, then from its default. Nothing is read from the working directory.

mod bookmark;
mod data_dir;
mod quantity;
mod serve;
mod server_file;
mod whereabouts;

pub use bookmark::Bookmark;
pub use data_dir::{DataDir, DataDirError};
pub use quantity::{Period, Size};
pub use serve::{LogFormat, ServeArgs, Settings, SettingsError};
pub use server_file::ServerFile;
pub use whereabouts::Whereabouts;

/// Whether output to a terminal may be coloured: `NO_COLOR` is not set (no-color.org).
pub fn colour_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
