//! What a doorbell is made of, and who may ring it.
//!
//! Nothing here touches the machine: no socket, no file, no clock, no environment, no runtime.
//! Time and chance come in as values or through [`time::Clock`] and [`token::Chance`]; storage
//! through the traits in [`ports`]. The modules are listed in reading order, and each names only
//! those above it.

pub mod segment;

pub mod folder;

pub mod bound;

pub mod label;

pub mod time;

pub mod address;

pub mod pattern;

pub mod token;

pub mod grant;

pub mod capability;

pub mod channel;

pub mod principal;

pub mod key;

pub mod browser;

pub mod acl;

pub mod rates;

pub mod message;

pub mod route;

pub mod session;

pub mod backlog;

pub mod ports;

pub mod registry;

pub mod memory;

#[cfg(any(test, feature = "contract"))]
pub mod contract;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
