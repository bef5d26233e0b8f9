//! Doorbell from outside: CONTRACT.md, held to by the real binary over real sockets.

mod door;
mod inbox;
