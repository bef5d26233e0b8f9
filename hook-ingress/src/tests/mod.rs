//! The front door over real sockets, held to CONTRACT section 3.

mod connections;
mod guests;
mod handshakes;
mod house;
mod knocks;
mod messages;
mod moody;
mod pressure;
mod refusals;
mod routes;
mod silence;
