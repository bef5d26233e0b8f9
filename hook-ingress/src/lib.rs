//! How a POST becomes a durable message.
//!
//! The front door holds the read half of the grants and the log; it cannot mint. The modules are
//! listed in reading order, and each names only those above it: what a request may cost, how it is
//! refused, whether it is let in, what of it is kept, and the sockets underneath.

pub mod machine;

pub mod peer;

pub mod log_limit;

pub mod body_clock;

pub mod budget;

pub mod rejection;

pub mod limits;

mod percent;

mod path;

mod framing;

pub mod figures;

pub mod server_clock;

pub mod throttle;

pub mod trace;

mod journal;

pub mod front_door;

pub mod routing;

pub mod redact;

mod credentials;

pub mod dedupe;

mod json;

mod handshake;

mod browsers;

mod admit;

mod body;

pub mod envelope;

mod line;

mod knock;

mod receive;

pub mod router;

mod pulse;

mod stop;

mod malformed;

mod connection;

mod connections;

pub mod serve;

pub mod store;

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;

pub use front_door::{Config, FrontDoor, Presence, front_door};
pub use receive::Test;
pub use serve::serve;

#[cfg(test)]
mod tests;
