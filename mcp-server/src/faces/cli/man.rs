//! `doorbell man`: the manual, made of the same words as `--help`.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
};

use clap::Args;

use super::terminal;

/// What `doorbell man` takes.
#[derive(Args, Debug)]
pub(super) struct Man {
    /// Write a page for each command into this directory, which is made if it is not there
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: Man, command: clap::Command) -> io::Result<()> {
    let Some(dir) = args.dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        return io::stdout().write_all(&page);
    };
    let of_dir = |error: io::Error| {
        io::Error::new(
            error.kind(),
            format!("cannot write to {}: {error}", dir.display()),
        )
    };
    fs::create_dir_all(&dir).map_err(of_dir)?;
    clap_mangen::generate_to(command, &dir).map_err(of_dir)?;
    terminal::say(&format!("written to {}", dir.display()))
}
