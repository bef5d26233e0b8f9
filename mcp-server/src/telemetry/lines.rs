//! Lines on their way to standard error: whoever logs never waits for whoever reads.
//!
//! A thread of its own writes them, as many at once as there are. Where nobody takes them, lines
//! beyond a bound are given up and counted: a reader that hangs must not stop the front door.

use std::{
    io::{self, Write},
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use tracing_subscriber::fmt::MakeWriter;

/// How many lines may wait.
const WAITING: usize = 8_192;
/// How many bytes are written at once, about.
const AT_ONCE: usize = 64 * 1024;
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

enum Piece {
    Line(Vec<u8>),
    /// Everything before it was written.
    End(SyncSender<()>),
}

/// Where lines are handed in.
#[derive(Clone)]
pub(super) struct Lines(SyncSender<Piece>);

/// Writes what is left when it is dropped.
#[must_use = "the last lines are written when it is dropped"]
pub struct Flush(SyncSender<Piece>);

impl Lines {
    /// Begins to write to `out`.
    pub(super) fn begin(out: impl Write + Send + 'static) -> io::Result<(Self, Flush)> {
        let (sender, lines) = sync_channel(WAITING);
        thread::Builder::new()
            .name("doorbell-log".to_owned())
            .spawn(move || write(&lines, out))?;
        Ok((Self(sender.clone()), Flush(sender)))
    }
}

fn write(lines: &Receiver<Piece>, mut out: impl Write) {
    let mut together = Vec::with_capacity(AT_ONCE);
    let mut told = given_up();
    while let Ok(first) = lines.recv() {
        let mut next = Some(first);
        let mut end = None;
        while let Some(piece) = next {
            match piece {
                Piece::Line(line) => together.extend_from_slice(&line),
                Piece::End(done) => end = Some(done),
            }
            next = match end.is_some() || together.len() >= AT_ONCE {
                true => None,
                false => lines.try_recv().ok(),
            };
        }
        // A log that cannot be written cannot say so either.
        let _ = out.write_all(&together).and_then(|()| out.flush());
        together.clear();
        match end {
            Some(done) => _ = done.send(()),
            None => thread::sleep(REST),
        }
        let now = given_up();
        if now > told {
            let lines = now - told;
            told = now;
            tracing::warn!(
                lines,
                "lines of the log were given up: nobody took them in time"
            );
        }
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        let (done, written) = sync_channel(1);
        let began = Instant::now();
        let mut end = Piece::End(done);
        // Whoever hangs is not waited for.
        while let Err(TrySendError::Full(back)) = self.0.try_send(end) {
            if began.elapsed() >= PATIENCE {
                return;
            }
            thread::sleep(Duration::from_millis(1));
            end = back;
        }
        let _ = written.recv_timeout(PATIENCE);
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
        if self.0.try_send(Piece::Line(line.to_vec())).is_err() {
            GIVEN_UP.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, mpsc};

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
        let most = WAITING + AT_ONCE;
        for n in 0..most {
            // In one piece, as the formatter does.
            let line = format!("{n}\n");
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
        assert!(numbers.len() >= WAITING, "{}", numbers.len());
    }
}
