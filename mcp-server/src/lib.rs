//! Every face of Doorbell on the one registry, and the program that puts them together.
//!
//! The modules are listed in reading order. MCP, REST and the command line only translate: they
//! read a request ([`wire`]), learn who asks ([`caller`]), hand both to a [`desk`], which decides,
//! and write down its answer or its [`refusal`].

pub mod refusal;

pub mod wire;

pub mod untrusted;

pub mod sources;

pub mod oidc;

pub mod caller;

pub mod rung;

pub mod switchboard;

pub mod shares;

pub mod house;

pub mod desk;

pub mod config;

pub mod session;

pub mod faces;

pub mod telemetry;

pub mod app;

#[cfg(test)]
mod reference;

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;

#[cfg(all(test, unix))]
mod linear;
