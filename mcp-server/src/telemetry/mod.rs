//! What an operator sees of an instance: its log, and its figures. Never a token.

mod exposition;
mod log;
mod process;
mod scrape;

pub use exposition::Dialect;
pub use log::begin;
pub use scrape::scrape;
