//! The command line, as a script and as a person run it.

mod errors;
mod exits;
mod hostile;
mod listen;
mod own_server;
mod proof;
mod shapes;
