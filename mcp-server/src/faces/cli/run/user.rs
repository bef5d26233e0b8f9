//! The user's side: standard input and output, and the signals sent to this process.

use std::{
    io::{self, IsTerminal, Read, Write},
    process,
    sync::Arc,
    thread,
};

use rustix::{
    process::{
        Signal, getpgid, getpgrp, getpid, getppid, getsid, kill_current_process_group, kill_process,
    },
    termios::Termios,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{
        mpsc::{self, Receiver, Sender},
        oneshot,
    },
};

use crate::session::pty::{Ends, Event, Terminal, size};

/// How many chunks wait on either side.
const CHUNKS: usize = 16;
/// How much is read at a time, in bytes.
const CHUNK: usize = 4 * 1024;

/// Signals that are the program's.
const PASSED_ON: [Signal; 6] = [
    Signal::HUP,
    Signal::INT,
    Signal::QUIT,
    Signal::TERM,
    Signal::USR1,
    Signal::USR2,
];

/// The user's terminal, if there is one, and what is printed to it.
pub(super) struct User {
    terminal: Option<Arc<Terminal>>,
    printed: oneshot::Receiver<()>,
}

impl User {
    /// Begins to hear signals and to print; keys are read from [`User::enter`] on by the program's
    /// terminal's rules.
    pub(super) fn begin() -> io::Result<(Self, Ends)> {
        let terminal = Terminal::on_standard_input().map(Arc::new);
        let (keys_in, keys) = mpsc::channel(CHUNKS);
        let (screen, screen_out) = mpsc::channel(CHUNKS);
        let (events_in, events) = mpsc::channel(CHUNKS);
        let (stopped, stopped_out) = mpsc::channel(1);
        let (done, printed) = oneshot::channel();
        for signal in PASSED_ON {
            pass_on(signal, events_in.clone(), terminal.clone())?;
        }
        follow_size(events_in.clone())?;
        if let Some(terminal) = &terminal {
            rest_and_go_on(terminal.clone(), events_in.clone(), stopped_out)?;
        }
        thread::spawn(move || read_keys(&keys_in));
        thread::spawn(move || {
            print(screen_out, &events_in);
            let _ = done.send(());
        });
        let is_pipe = terminal.is_none();
        let ends = Ends {
            keys,
            is_pipe,
            screen,
            events,
            stopped,
        };
        Ok((Self { terminal, printed }, ends))
    }

    /// The terminal's settings, as they were.
    pub(super) fn terminal_before(&self) -> Option<Termios> {
        self.terminal
            .as_ref()
            .map(|terminal| terminal.before().clone())
    }

    /// Whether what is printed is for a person.
    pub(super) fn reads_at_a_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Hands the terminal to the program.
    pub(super) fn enter(&self) -> io::Result<()> {
        self.terminal
            .as_ref()
            .map_or(Ok(()), |terminal| terminal.enter())
    }

    /// Waits until all is printed, and takes the terminal back.
    pub(super) async fn leave(self) {
        // It ends with the relay's end of the channel.
        let _ = self.printed.await;
        if let Some(terminal) = &self.terminal {
            terminal.leave();
        }
    }
}

/// Reads keys to their end. Not through the standard library's buffer, and never waited for: it
/// goes with the process.
fn read_keys(keys: &Sender<Vec<u8>>) {
    let mut chunk = vec![0; CHUNK];
    let mut input = Plain(io::stdin());
    loop {
        match input.read(&mut chunk) {
            Ok(count) if count > 0 => {
                if keys.blocking_send(chunk[..count].to_vec()).is_err() {
                    return;
                }
            }
            Ok(_) | Err(_) => return,
        }
    }
}

/// Prints what the program printed. Where nobody reads any more, the program is told as by a
/// terminal that hangs up.
fn print(mut screen: Receiver<Vec<u8>>, events: &Sender<Event>) {
    let mut output = Plain(io::stdout());
    while let Some(piece) = screen.blocking_recv() {
        if output.write_all(&piece).is_err() {
            let _ = events.blocking_send(Event::Signal(Signal::HUP));
            return;
        }
    }
}

/// A descriptor without a buffer, which waits even where another process made it not wait.
struct Plain<F>(F);

impl<F: std::os::fd::AsFd> Plain<F> {
    fn wait<T>(
        &self,
        for_what: rustix::event::PollFlags,
        mut attempt: impl FnMut(&F) -> rustix::io::Result<T>,
    ) -> io::Result<T> {
        loop {
            match attempt(&self.0) {
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => {
                    let mut fds = [rustix::event::PollFd::new(&self.0, for_what)];
                    match rustix::event::poll(&mut fds, None) {
                        Ok(_) | Err(rustix::io::Errno::INTR) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                done => return Ok(done?),
            }
        }
    }
}

impl<F: std::os::fd::AsFd> Read for Plain<F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.wait(rustix::event::PollFlags::IN, |fd| {
            rustix::io::read(fd, &mut *into)
        })
    }
}

impl<F: std::os::fd::AsFd> Write for Plain<F> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.wait(rustix::event::PollFlags::OUT, |fd| {
            rustix::io::write(fd, from)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn heard(kind: Signal) -> io::Result<tokio::signal::unix::Signal> {
    signal(SignalKind::from_raw(kind.as_raw()))
}

/// Passes a signal on; once the program has ended it ends us.
fn pass_on(kind: Signal, events: Sender<Event>, terminal: Option<Arc<Terminal>>) -> io::Result<()> {
    let mut signals = heard(kind)?;
    tokio::spawn(async move {
        while signals.recv().await.is_some() {
            if events.send(Event::Signal(kind)).await.is_err() {
                if let Some(terminal) = terminal {
                    terminal.leave();
                }
                process::exit(128 + kind.as_raw());
            }
        }
    });
    Ok(())
}

fn follow_size(events: Sender<Event>) -> io::Result<()> {
    let mut changes = heard(Signal::WINCH)?;
    tokio::spawn(async move {
        while changes.recv().await.is_some() {
            let _ = events.send(Event::Resized(size())).await;
        }
    });
    Ok(())
}

/// While we are stopped, from outside or because the program stopped itself, the terminal is the
/// shell's.
fn rest_and_go_on(
    terminal: Arc<Terminal>,
    events: Sender<Event>,
    mut stopped: Receiver<()>,
) -> io::Result<()> {
    let mut stops = heard(Signal::TSTP)?;
    let mut goes_on = heard(Signal::CONT)?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                Some(()) = stops.recv() => {
                    terminal.leave();
                    let _ = kill_process(getpid(), Signal::STOP);
                }
                Some(()) = stopped.recv() => {
                    if is_orphaned() {
                        // No shell would ever bring us back: it goes on at once.
                        let _ = events.send(Event::GoesOn).await;
                    } else {
                        terminal.leave();
                        let _ = kill_current_process_group(Signal::STOP);
                    }
                }
                Some(()) = goes_on.recv() => {
                    if events.is_closed() {
                        return;
                    }
                    // A terminal that is gone cannot be made raw.
                    let _ = terminal.enter();
                    let _ = events.send(Event::Resized(size())).await;
                    let _ = events.send(Event::GoesOn).await;
                }
                else => return,
            }
        }
    });
    Ok(())
}

/// Whether our process group has no shell: nobody of the same session and another group started us
/// (POSIX: an orphaned process group, whose members a terminal does not stop either).
fn is_orphaned() -> bool {
    let Some(parent) = getppid() else {
        return true;
    };
    let same_session = matches!((getsid(Some(parent)), getsid(None)), (Ok(a), Ok(b)) if a == b);
    let other_group = getpgid(Some(parent)).is_ok_and(|group| group != getpgrp());
    !(same_session && other_group)
}
