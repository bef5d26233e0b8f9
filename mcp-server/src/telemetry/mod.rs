//! What an operator sees of an instance: its log, and its figures. Never a token.

mod exposition;
mod lines;
mod log;
mod log_file;
#[cfg(feature = "otlp")]
mod otlp;
mod process;
mod scrape;
mod traces;

pub use exposition::Dialect;
pub use lines::Flush;
pub use log::begin;
pub use scrape::scrape;
pub use traces::Traces;
