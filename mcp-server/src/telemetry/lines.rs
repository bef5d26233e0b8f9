//! Lines on their way to standard error: whoever logs never waits for whoever reads.
//!
//! A thread of its own writes them, as many at once as there are. They are gathered in one buffer,
//! which is swapped for the one that was written: a line costs whoever logs a copy and no
//! allocation. Where nobody takes them, lines beyond a bound are given up and counted: a reader that
//! hangs must not stop the front door.

use std::{
    io::{self, Write},
    mem,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// How many bytes of lines may wait.
const WAITING: usize = 1024 * 1024;
/// How large a buffer is kept for the next lines, in bytes.
const KEPT: usize = 64 * 1024;
/// How long the writer rests after it has written: under load nobody has to wake it for a line, which
/// costs whoever logs more than the line does. An idle log's first line is written at once.
const REST: Duration = Duration::from_millis(10);
/// How long the last lines may take at the end.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many lines were given up.
static GIVEN_UP: AtomicU64 = AtomicU64::new(0);

/// How many lines were given up since the process began.
pub(super) fn given_up() -> u64 {
    GIVEN_UP.load(Ordering::Relaxed)
}

/// What waits to be written.
#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// The writer waits for a line: whoever brings one wakes it.
    idle: bool,
    /// Nobody brings any more.
    ended: bool,
    /// Everything was written.
    done: bool,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

impl Shared {
    /// Nothing panics while it holds this; and if it did, the log would go on.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where lines are handed in.
#[derive(Clone)]
pub(super) struct Lines(Arc<Shared>);

/// Writes what is left when it is dropped.
#[must_use = "the last lines are written when it is dropped"]
pub struct Flush(Arc<Shared>);

impl Lines {
    /// Begins to write to `out`.
    pub(super) fn begin(out: impl Write + Send + 'static) -> io::Result<(Self, Flush)> {
        let shared = Arc::new(Shared::default());
        let (lines, flush) = (Self(Arc::clone(&shared)), Flush(Arc::clone(&shared)));
        thread::Builder::new()
            .name("doorbell-log".to_owned())
            .spawn(move || write(&shared, out))?;
        Ok((lines, flush))
    }
}

fn write(shared: &Shared, mut out: impl Write) {
    let mut together = Vec::new();
    let mut told = given_up();
    loop {
        let mut waiting = shared.lock();
        while waiting.bytes.is_empty() && !waiting.ended {
            waiting.idle = true;
            waiting = (shared.changed.wait(waiting)).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.idle = false;
        if waiting.bytes.is_empty() {
            waiting.done = true;
            shared.changed.notify_all();
            return;
        }
        mem::swap(&mut waiting.bytes, &mut together);
        let ended = waiting.ended;
        drop(waiting);
        // A log that cannot be written cannot say so either.
        let _ = out.write_all(&together).and_then(|()| out.flush());
        together.clear();
        together.shrink_to(KEPT);
        let now = given_up();
        if now > told {
            let lines = now - told;
            told = now;
            tracing::warn!(
                lines,
                "lines of the log were given up: nobody took them in time"
            );
        }
        if !ended {
            thread::sleep(REST);
        }
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.ended = true;
        self.0.changed.notify_all();
        // Whoever hangs is not waited for.
        let _ = self
            .0
            .changed
            .wait_timeout_while(waiting, PATIENCE, |waiting| !waiting.done);
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Lines;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

/// A line comes in one piece: the formatter puts it together first.
impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.0.lock();
        if waiting.bytes.len() + line.len() > WAITING {
            GIVEN_UP.fetch_add(1, Ordering::Relaxed);
            return Ok(line.len());
        }
        waiting.bytes.extend_from_slice(line);
        if mem::take(&mut waiting.idle) {
            self.0.changed.notify_all();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver};

    use super::*;

    /// What was written, and a gate that a write waits at.
    #[derive(Clone)]
    struct Slow {
        written: Arc<Mutex<Vec<u8>>>,
        gate: Arc<Mutex<Receiver<()>>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // A gate that is gone stands open.
            let _ = self.gate.lock().expect("unpoisoned").recv();
            let mut written = self.written.lock().expect("unpoisoned");
            written.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_waits_for_a_reader_that_hangs_and_what_is_given_up_is_counted() {
        let (open, gate) = mpsc::channel();
        let slow = Slow {
            written: Arc::default(),
            gate: Arc::new(Mutex::new(gate)),
        };
        let (lines, flush) = Lines::begin(slow.clone()).expect("a thread");
        let before = given_up();
        let line = |n: usize| format!("{n:0>100}\n");
        let most = WAITING / line(0).len();
        for n in 0..3 * most {
            // In one piece, as the formatter does.
            let line = line(n);
            (&lines)
                .write_all(line.as_bytes())
                .expect("taken or given up");
        }
        assert!(given_up() > before, "a reader that hangs was waited for");
        drop(open);
        drop(flush);
        let written = slow.written.lock().expect("unpoisoned");
        let text = String::from_utf8(written.clone()).expect("digits");
        let numbers: Vec<usize> = text
            .lines()
            .map(|line| line.parse().expect("whole"))
            .collect();
        assert!(numbers.is_sorted(), "out of order");
        assert!(numbers.len() >= most, "{}", numbers.len());
    }
}
