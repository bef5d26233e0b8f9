//! What clap cannot say by itself of a command line that does not parse.

use clap::error::ErrorKind;

use super::{Failure, whole};

/// A mistake in the words of `doorbell <path…>`: shown with that command's usage, exit code 2.
pub(super) fn mistake(path: &[&str], kind: ErrorKind, why: impl std::fmt::Display) -> Failure {
    let mut root = whole();
    // Each command then knows what it is called in full.
    root.build();
    let command = path
        .iter()
        .try_fold(&mut root, |command, name| command.find_subcommand_mut(name));
    let error = match command {
        Some(command) => command.error(kind, why),
        None => clap::Error::raw(kind, why),
    };
    Failure::Grammar(error)
}
