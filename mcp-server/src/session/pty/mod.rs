//! A terminal program in a pseudo-terminal, into which what is said to its session is typed.
//!
//! The program behaves as if it were run bare: what the user types goes in and what it prints comes
//! out, byte for byte, and between two of the user's chunks whole injections are typed. Nothing
//! here knows a server: what is said comes from a [`Source`].
//!
//! Decisions, and why:
//!
//! - An injection is one sequence, prepared whole and written to the end before anything else goes
//!   in. Where the program reads slowly the user's typing waits behind it, but for the signals that
//!   the line discipline would make of it (Ctrl-C), which are sent at once.
//! - A terminal in canonical mode silently drops what a line has beyond 4,095 bytes. So longer lines
//!   are typed in pieces with VEOF between them, which hands the program what there is without
//!   ending the line: nothing is lost. Where VEOF is disabled, the line is broken.
//! - Nothing is typed until the program had a chance to set its terminal up: see [`Pace`].

mod clean;
mod discipline;
mod drain;
mod feed;
mod inject;
mod modes;
mod open;
mod output;
mod relay;
mod settle;
mod source;
mod terminal;
mod typing;

pub use self::{
    clean::clean,
    open::{NotStarted, Program},
    relay::{Ends, Event, relay},
    settle::Pace,
    source::{Said, Source},
    terminal::{Terminal, size},
};

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
#[cfg(test)]
mod tests;
