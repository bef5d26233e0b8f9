//! What there is to say while the screen is the program's.

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use doorbell_core::time::Clock;
use doorbell_ingress::machine::SystemClock;

/// A log that is made when there is something to note, and lines for the end.
#[derive(Clone, Debug)]
pub(super) struct Notes {
    file: PathBuf,
    end: Arc<Mutex<Vec<String>>>,
}

impl Notes {
    /// In this file.
    pub(super) fn beside(file: PathBuf) -> Self {
        Self {
            file,
            end: Arc::default(),
        }
    }

    /// Notes a line in the log.
    pub(super) fn note(&self, line: &str) {
        let now = SystemClock.now();
        let opened = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.file);
        if let Ok(mut log) = opened {
            // The log is a courtesy; there is nobody to complain to.
            let _ = writeln!(log, "{now} {}", super::terminal::printable(line));
        }
    }

    /// Notes a line, and keeps it for the user.
    pub(super) fn note_for_the_end(&self, line: &str) {
        self.note(line);
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        end.push(line.to_owned());
    }

    /// What was kept, once.
    pub(super) fn for_the_end(&self) -> Vec<String> {
        std::mem::take(&mut *self.end.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
