//! What the end-to-end tests stand on: the real binary, real sockets, real clients.
//!
//! Every test gets a [`server::Home`] of its own, whose directory lies inside the [`run`]'s. All
//! that any process prints is kept there, so that the last test can search it for raw tokens.

pub mod pace;

pub mod signals;

pub mod run;

pub mod secrets;

pub mod binary;

pub mod http;

pub mod server;

pub mod proxy;

pub mod api;

pub mod cli;

pub mod foreign;

pub mod model;

pub mod agents;

pub mod issuer;

pub mod hostile;
