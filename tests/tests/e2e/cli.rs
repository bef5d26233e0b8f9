//! The command line, as a script and as a person run it.

mod exits;
mod hostile;
mod listen;
mod shapes;
