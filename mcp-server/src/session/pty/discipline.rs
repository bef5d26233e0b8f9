//! The program's line discipline, as the program has set it.

use std::os::fd::{AsFd, OwnedFd};

use rustix::{
    process::{Signal, kill_process_group},
    termios::{InputModes, LocalModes, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp},
};

/// A special character that is turned off reads so (`_POSIX_VDISABLE` on Linux; macOS has 255).
const DISABLED: u8 = if cfg!(target_os = "linux") { 0 } else { 255 };

/// How what is typed is taken, at the moment it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Discipline {
    /// Lines are gathered, and cut at 4,095 bytes.
    pub(super) canonical: bool,
    /// What hands over a line that has not ended, in canonical mode.
    pub(super) eof: Option<u8>,
    /// What ends a line.
    pub(super) enter: u8,
}

/// The master side, to ask about the other.
#[derive(Debug)]
pub(super) struct Tty(OwnedFd);

impl Tty {
    /// Keeps a descriptor of its own.
    pub(super) fn of(master: impl AsFd) -> std::io::Result<Self> {
        Ok(Self(rustix::io::fcntl_dupfd_cloexec(master, 3)?))
    }

    /// The descriptor.
    pub(super) fn fd(&self) -> &OwnedFd {
        &self.0
    }

    /// How it stands now. A terminal that cannot be asked is gone or going: raw.
    pub(super) fn discipline(&self) -> Discipline {
        match tcgetattr(&self.0) {
            Ok(termios) => Discipline::of(&termios),
            Err(_) => Discipline {
                canonical: false,
                eof: None,
                enter: b'\r',
            },
        }
    }

    /// Does what the line discipline would do if it came to read `bytes`: a character that means a
    /// signal is taken out and the signal sent to whoever is in the foreground. For bytes that are
    /// held up behind something else.
    pub(super) fn signal_now(&self, bytes: &mut Vec<u8>) {
        let Ok(termios) = tcgetattr(&self.0) else {
            return;
        };
        if !termios.local_modes.contains(LocalModes::ISIG) {
            return;
        }
        let signals = [
            (SpecialCodeIndex::VINTR, Signal::INT),
            (SpecialCodeIndex::VQUIT, Signal::QUIT),
            (SpecialCodeIndex::VSUSP, Signal::TSTP),
        ];
        bytes.retain(|byte| {
            let meant = signals
                .iter()
                .find(|(code, _)| *byte != DISABLED && termios.special_codes[*code] == *byte);
            let Some((_, signal)) = meant else {
                return true;
            };
            let sent = tcgetpgrp(&self.0).and_then(|group| kill_process_group(group, *signal));
            sent.is_err()
        });
    }
}

impl Discipline {
    fn of(termios: &Termios) -> Self {
        let modes = termios.input_modes;
        // A CR that is not translated, or is dropped, ends no line that is gathered.
        let translates = modes.contains(InputModes::ICRNL) && !modes.contains(InputModes::IGNCR);
        let canonical = termios.local_modes.contains(LocalModes::ICANON);
        let eof = termios.special_codes[SpecialCodeIndex::VEOF];
        Self {
            canonical,
            eof: (eof != DISABLED).then_some(eof),
            enter: if canonical && !translates {
                b'\n'
            } else {
                b'\r'
            },
        }
    }
}
