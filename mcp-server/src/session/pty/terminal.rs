//! The user's own terminal: raw while a program runs in ours, and as it was afterwards.

use std::{
    io::{self, stderr, stdin, stdout},
    panic,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::termios::{
    OptionalActions, Termios, Winsize, isatty, tcgetattr, tcgetwinsize, tcsetattr,
};

/// The terminal on standard input. Whatever way it is left, by return, error, panic or a signal that
/// was heard, it is put back; only SIGKILL leaves it raw.
#[derive(Debug)]
pub struct Terminal(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    before: Termios,
    raw: AtomicBool,
    hooked: AtomicBool,
}

impl Terminal {
    /// The terminal on standard input, untouched; `None`: there is none.
    pub fn on_standard_input() -> Option<Self> {
        let before = isatty(stdin()).then(|| tcgetattr(stdin()).ok())??;
        let kept = Kept {
            before,
            raw: AtomicBool::new(false),
            hooked: AtomicBool::new(false),
        };
        Some(Self(Arc::new(kept)))
    }

    /// How it was.
    pub fn before(&self) -> &Termios {
        &self.0.before
    }

    /// Makes it raw: every key is handed to us as it is.
    pub fn enter(&self) -> io::Result<()> {
        let mut raw = self.0.before.clone();
        raw.make_raw();
        self.0.raw.store(true, Ordering::Release);
        if !self.0.hooked.swap(true, Ordering::AcqRel) {
            self.restore_on_panic();
        }
        // Not flushed: what was typed ahead is the program's.
        Ok(tcsetattr(stdin(), OptionalActions::Now, &raw)?)
    }

    /// Puts it back.
    pub fn leave(&self) {
        self.0.put_back();
    }

    /// So that the panic's own words are readable, and where no destructor runs.
    fn restore_on_panic(&self) {
        let kept = Arc::downgrade(&self.0);
        let next = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if let Some(kept) = kept.upgrade() {
                kept.put_back();
            }
            next(info);
        }));
    }
}

impl Kept {
    fn put_back(&self) {
        if self.raw.swap(false, Ordering::AcqRel) {
            // A terminal that is gone needs nothing.
            let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.0.put_back();
    }
}

/// How large the user's terminal is; 24 lines of 80 where there is none.
pub fn size() -> Winsize {
    let found = tcgetwinsize(stdin())
        .or_else(|_| tcgetwinsize(stdout()))
        .or_else(|_| tcgetwinsize(stderr()));
    found.unwrap_or(Winsize {
        ws_row: 24,
        ws_col: 80,
        ws_xpixel: 0,
        ws_ypixel: 0,
    })
}
