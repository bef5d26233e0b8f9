//! The front door over real sockets, held to CONTRACT section 3.

mod browsers;
mod connections;
mod guests;
mod handshakes;
mod house;
mod knocks;
mod looks;
mod messages;
mod moody;
mod pressure;
mod refusals;
mod routes;
mod silence;
