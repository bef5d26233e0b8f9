//! How far something is that takes long, on standard error: in one line that changes, on a terminal,
//! and in a line now and then elsewhere. What is quick says nothing.

use std::{
    io::{self, IsTerminal, Read, Write},
    time::{Duration, Instant},
};

use bytesize::ByteSize;

/// What takes no longer is not told of.
const QUICK: Duration = Duration::from_secs(1);
/// How often the line changes on a terminal, and how often there is one elsewhere.
const EVERY: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(10)];

/// Bytes that have gone by.
#[derive(Debug)]
pub(super) struct Progress {
    what: &'static str,
    /// How many there will be, if that is known.
    total: Option<u64>,
    done: u64,
    began: Instant,
    told: Option<Instant>,
    terminal: bool,
}

impl Progress {
    /// None yet.
    pub(super) fn begin(what: &'static str, total: Option<u64>) -> Self {
        Self {
            what,
            total,
            done: 0,
            began: Instant::now(),
            told: None,
            terminal: io::stderr().is_terminal(),
        }
    }

    /// So many more.
    pub(super) fn add(&mut self, bytes: usize) {
        self.done += bytes as u64;
        let now = Instant::now();
        let every = EVERY[usize::from(!self.terminal)];
        let is_time = match self.told {
            None => now.duration_since(self.began) >= if self.terminal { QUICK } else { every },
            Some(told) => now.duration_since(told) >= every,
        };
        if is_time {
            self.told = Some(now);
            let line = self.line(now.duration_since(self.began));
            // If standard error is gone there is nobody to tell.
            let _ = if self.terminal {
                write!(io::stderr(), "\r\u{1b}[K{line}")
            } else {
                writeln!(io::stderr(), "{line}")
            };
        }
    }

    fn line(&self, took: Duration) -> String {
        let shown = |bytes| ByteSize(bytes).display().iec();
        let done = shown(self.done);
        let rate = (self.done as f64 / took.as_secs_f64().max(0.001)) as u64;
        let rate = shown(rate);
        match self.total {
            Some(total) if total > 0 => format!(
                "{}: {done} of {} ({} %), {rate}/s",
                self.what,
                shown(total),
                self.done.min(total) * 100 / total
            ),
            _ => format!("{}: {done}, {rate}/s", self.what),
        }
    }

    /// How many there were. The line on the terminal is gone.
    pub(super) fn end(self) -> u64 {
        self.done
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.terminal && self.told.is_some() {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}

/// Reads on, and tells how far it is.
#[derive(Debug)]
pub(super) struct Told<R> {
    pub(super) from: R,
    pub(super) progress: Progress,
}

impl<R: Read> Read for Told<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buf)?;
        self.progress.add(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_much_and_how_fast_and_of_how_much() {
        let mut progress = Progress::begin("backup", None);
        progress.done = 3 << 20;
        let took = Duration::from_secs(2);
        assert_eq!(progress.line(took), "backup: 3.0 MiB, 1.5 MiB/s");
        progress.total = Some(4 << 20);
        assert_eq!(
            progress.line(took),
            "backup: 3.0 MiB of 4.0 MiB (75 %), 1.5 MiB/s"
        );
    }
}
