//! `/mcp` and `doorbell mcp`: what an agent calls.
//!
//! One handler, two ways in: over HTTP it stands in the server and serves whoever the guard let
//! in; over stdio it is a client of the running server. Both revisions, 2025-11-25 and 2026-07-28,
//! are spoken on both.

mod arguments;
mod channel;
mod front;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod handler;
mod http;
mod jsonrpc;
mod legacy;
mod lines;
mod noticed;
mod own;
mod reach;
mod say;
mod schema;
mod stdio;
mod table;
#[cfg(test)]
mod tests;
mod tool;
mod tools;

pub use self::{
    http::http,
    reach::Missing,
    stdio::{Options, StdioError, stdio},
};
