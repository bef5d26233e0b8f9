//! A running agent, and how what is said to it reaches it.

#[cfg(unix)]
pub mod pty;

pub mod said;
