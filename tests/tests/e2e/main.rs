//! Doorbell from outside: CONTRACT.md, held to by the real binary over real sockets.

mod access;
mod agents;
mod backup;
mod ci;
mod cli;
mod crash;
mod dashboard;
mod door;
mod examples;
mod handshakes;
mod inbox;
mod knocks;
mod lifecycle;
mod logs;
mod mcp;
mod metrics;
mod oidc;
mod openapi;
mod packaging;
mod paging;
mod probes;
mod ringing;
mod routes;
mod senders;
mod stopping;
mod upgrade;
