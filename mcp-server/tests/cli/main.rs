//! The command line through the real binary, over real sockets.

mod backup;
mod doctor;
mod forward;
mod house;
mod listen;
#[cfg(unix)]
mod run;
mod settle;
mod stdio;
mod target;
mod words;
