//! Starting a program in a pseudo-terminal of its own.

use std::{
    ffi::OsString,
    io,
    os::{fd::AsFd, unix::process::ExitStatusExt},
    process::ExitStatus,
};

use rustix::termios::{
    InputModes, LocalModes, OptionalActions, OutputModes, Termios, Winsize, tcgetattr, tcsetattr,
    tcsetwinsize,
};

use super::discipline::Tty;

/// A program to run, and the terminal it meets.
#[derive(Debug)]
pub struct Program {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Set in its environment, beside everything that is set in ours.
    pub environment: Vec<(OsString, OsString)>,
    /// The user's terminal's settings as they were, to begin with the same; `None`: there is none.
    pub like: Option<Termios>,
    /// How large its terminal is.
    pub size: Winsize,
    /// What it prints is read by a person, at a terminal: lines end in CR LF there.
    pub to_terminal: bool,
}

/// Why a program was not started.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// No program was named.
    #[error("no command to run")]
    Nothing,
    /// The pseudo-terminal.
    #[error("no pseudo-terminal to be had: {0}")]
    Pty(#[source] io::Error),
    /// The program.
    #[error("cannot run {}: {source}", program.display())]
    Program {
        /// Its name.
        program: OsString,
        /// Why.
        source: io::Error,
    },
}

impl NotStarted {
    /// The exit status that env(1) and shells have for it.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Program { source, .. } if source.kind() == io::ErrorKind::NotFound => 127,
            Self::Program { .. } => 126,
            Self::Nothing | Self::Pty(_) => 1,
        }
    }
}

/// A program that runs.
pub(super) struct Running {
    pub(super) pty: pty_process::Pty,
    pub(super) tty: Tty,
    pub(super) child: tokio::process::Child,
}

impl Program {
    /// Starts it: session leader of its own session, the pseudo-terminal its controlling one.
    pub(super) fn start(&self) -> Result<Running, NotStarted> {
        let (program, arguments) = self.command.split_first().ok_or(NotStarted::Nothing)?;
        let (pty, pts) = pty_process::open().map_err(|error| NotStarted::Pty(plain(error)))?;
        self.set_up(&pts).map_err(NotStarted::Pty)?;
        let tty = Tty::of(&pty).map_err(NotStarted::Pty)?;
        let child = pty_process::Command::new(program)
            .args(arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .spawn(pts)
            .map_err(|error| NotStarted::Program {
                program: program.clone(),
                source: plain(error),
            })?;
        Ok(Running { pty, tty, child })
    }

    fn set_up(&self, tty: impl AsFd) -> io::Result<()> {
        let mut termios = match &self.like {
            Some(termios) => termios.clone(),
            None => {
                let mut termios = tcgetattr(&tty)?;
                // Nobody types: what a pipe brings is not printed back, as script(1) has it too.
                termios.local_modes.remove(LocalModes::ECHO);
                termios.input_modes.insert(InputModes::IUTF8);
                termios
            }
        };
        if !self.to_terminal {
            termios.output_modes.remove(OutputModes::ONLCR);
        }
        tcsetattr(&tty, OptionalActions::Now, &termios)?;
        tcsetwinsize(&tty, self.size)?;
        Ok(())
    }
}

fn plain(error: pty_process::Error) -> io::Error {
    match error {
        pty_process::Error::Io(error) => error,
        pty_process::Error::Rustix(error) => error.into(),
        other => io::Error::other(other.to_string()),
    }
}

/// The exit status to pass on: the program's own, or 128 and the number of the signal that killed
/// it.
pub(super) fn exit_code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
