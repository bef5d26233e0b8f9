//! Doorbell from outside: CONTRACT.md, held to by the real binary over real sockets.

mod access;
mod door;
mod inbox;
mod mcp;
mod senders;
