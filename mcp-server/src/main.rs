//! The `doorbell` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    doorbell::faces::cli::main(std::env::args_os())
}
