//! The whole: a program, the user's side of it, and what is said.

use std::{collections::VecDeque, future::pending, process::ExitStatus};

use rustix::{
    process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid},
    termios::{Winsize, tcsetwinsize},
};
use tokio::{
    process::Child,
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use super::{
    discipline::Tty,
    drain,
    feed::Feed,
    modes::Bracketed,
    open::{NotStarted, Program, Running, exit_code},
    output::{self, Progress},
    settle::{Pace, Settling},
    source::Source,
    typing::Typing,
};

/// The user's side.
#[derive(Debug)]
pub struct Ends {
    /// What the user types; its end is the end of the input.
    pub keys: mpsc::Receiver<Vec<u8>>,
    /// `keys` are a pipe's, not a terminal's: their end is typed as VEOF.
    pub is_pipe: bool,
    /// What the program prints.
    pub screen: mpsc::Sender<Vec<u8>>,
    /// What else happens.
    pub events: mpsc::Receiver<Event>,
    /// The program has stopped itself, as some do when Ctrl-Z is typed: it waits for
    /// [`Event::GoesOn`].
    pub stopped: mpsc::Sender<()>,
}

/// What happens to a terminal beside typing.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// It has another size.
    Resized(Winsize),
    /// A signal was sent to us and is for the program.
    Signal(Signal),
    /// The user is back: what was stopped goes on.
    GoesOn,
}

/// Runs a program to its end, types into it what is said, and returns the exit status to pass on
/// once all it printed is in `ends.screen`.
pub async fn relay(
    program: &Program,
    ends: Ends,
    source: &mut impl Source,
    pace: Pace,
) -> Result<u8, NotStarted> {
    let Running {
        mut pty,
        tty,
        mut child,
    } = program.start()?;
    let (reader, writer) = pty.split();
    let (bracketed, progress) = (Bracketed::default(), Progress::default());
    let Ends {
        keys,
        is_pipe,
        screen,
        mut events,
        stopped,
    } = ends;
    let output = output::relay(reader, screen, &bracketed, &progress);
    let status = {
        let feed = Feed {
            master: writer,
            tty: &tty,
            bracketed: &bracketed,
            keys,
            typing: Typing::new(is_pipe),
            settling: Settling::begin(pace),
            source,
            stash: VecDeque::new(),
            keys_end: false,
        };
        let ended = ended(&mut child, &mut events, &stopped, &tty);
        tokio::pin!(output);
        // The output first: what the program asked for is known before anything is typed.
        let status = tokio::select! {
            biased;
            never = &mut output => match never {},
            status = ended => status,
            never = feed.run() => match never {},
        };
        tokio::select! {
            biased;
            never = output => match never {},
            () = drain::wait(&progress) => {}
        }
        status
    };
    status.map(exit_code).map_err(NotStarted::Pty)
}

/// Waits for the program's end, and meanwhile passes events on.
async fn ended(
    child: &mut Child,
    events: &mut mpsc::Receiver<Event>,
    stopped: &mpsc::Sender<()>,
    tty: &Tty,
) -> std::io::Result<ExitStatus> {
    let mut changes = signal(SignalKind::child())?;
    let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    loop {
        if pid.is_some_and(has_stopped) {
            // Where nobody can bring it back it stays stopped, as it would bare.
            let _ = stopped.try_send(());
        }
        let event = tokio::select! {
            biased;
            status = child.wait() => return status,
            event = next(events) => event,
            _ = changes.recv() => continue,
        };
        match (event, pid) {
            (Event::Resized(size), _) => {
                // A terminal that is gone has no size.
                let _ = tcsetwinsize(tty.fd(), size);
            }
            (Event::Signal(signal), Some(pid)) => {
                // Not reaped yet, so the number is still its own.
                let _ = kill_process(pid, signal);
            }
            (Event::GoesOn, Some(pid)) => {
                // It leads its group: whoever it started in it goes on too.
                let _ = kill_process_group(pid, Signal::CONT);
            }
            (Event::Signal(_) | Event::GoesOn, None) => {}
        }
    }
}

/// Whether it stopped since this was last asked. Its end is not taken from whoever waits for that.
fn has_stopped(pid: Pid) -> bool {
    let asked = waitid(
        WaitId::Pid(pid),
        WaitIdOptions::STOPPED | WaitIdOptions::NOHANG,
    );
    matches!(asked, Ok(Some(status)) if status.stopped())
}

async fn next(events: &mut mpsc::Receiver<Event>) -> Event {
    match events.recv().await {
        Some(event) => event,
        None => pending().await,
    }
}
