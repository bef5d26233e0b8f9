//! A program under the relay, with the user's side and the source in the test's hands.

use std::{ffi::OsString, sync::Once, thread, time::Duration};

use doorbell_core::{message::MessageId, testing::PATIENCE};
use rustix::{process::Signal, termios::Winsize};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    time::timeout,
};

use super::super::{Ends, Event, NotStarted, Pace, Program, Said, Source, relay};

struct Script {
    said: UnboundedReceiver<Said>,
    settled: UnboundedSender<MessageId>,
}

impl Source for Script {
    async fn next(&mut self) -> Said {
        match self.said.recv().await {
            Some(said) => said,
            None => std::future::pending().await,
        }
    }

    fn settled(&mut self, id: MessageId) {
        let _ = self.settled.send(id);
    }
}

pub(super) struct Rig {
    say: UnboundedSender<Said>,
    settled: UnboundedReceiver<MessageId>,
    keys: Option<mpsc::Sender<Vec<u8>>>,
    screen: mpsc::Receiver<Vec<u8>>,
    events: mpsc::Sender<Event>,
    stopped: mpsc::Receiver<()>,
    program: thread::JoinHandle<Result<u8, NotStarted>>,
    /// Printed and not looked at yet.
    seen: Vec<u8>,
}

/// Message number `n`.
pub(super) fn id(n: u32) -> MessageId {
    format!("01K{n:023}").parse().expect("an id")
}

/// A job in the background is started with SIGINT and SIGQUIT ignored, one under `nohup` with SIGHUP,
/// and hands that on: no key would interrupt the programs here, and no hangup end them. A signal that is
/// caught is as it is by default in whoever is started.
fn restore_signals_for_children() {
    static RESTORED: Once = Once::new();
    RESTORED.call_once(|| {
        let (caught, ready) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            let number = runtime.block_on(async {
                let mut interrupt = signal(SignalKind::interrupt()).expect("caught");
                let mut quit = signal(SignalKind::quit()).expect("caught");
                // Where it is ignored it goes on doing nothing here.
                let _hangup =
                    ignores_hangups().then(|| signal(SignalKind::hangup()).expect("caught"));
                caught.send(()).expect("somebody waits");
                tokio::select! {
                    _ = interrupt.recv() => Signal::INT,
                    _ = quit.recv() => Signal::QUIT,
                }
            });
            // Here it still ends the tests.
            std::process::exit(128 + number.as_raw());
        });
        ready.recv().expect("no panic");
    });
}

/// Whether this process was started with SIGHUP ignored, where that can be told.
fn ignores_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}

impl Rig {
    /// Runs `sh -c script` at a terminal, ready to be typed at as soon as `READY` is printed.
    pub(super) async fn sh(script: &str) -> Self {
        let mut rig = Self::start(&["sh", "-c", script], false);
        rig.until("READY").await;
        rig
    }

    pub(super) fn start(command: &[&str], is_pipe: bool) -> Self {
        let at_once = Pace {
            at_most: Duration::ZERO,
            after: Duration::ZERO,
        };
        Self::at_pace(command, is_pipe, at_once)
    }

    pub(super) fn at_pace(command: &[&str], is_pipe: bool, pace: Pace) -> Self {
        restore_signals_for_children();
        let program = Program {
            command: command.iter().map(OsString::from).collect(),
            environment: [("TERM", "xterm"), ("PS1", "$ "), ("INPUTRC", "/dev/null")]
                .map(|(name, value)| (name.into(), value.into()))
                .to_vec(),
            like: None,
            size: Winsize {
                ws_row: 24,
                ws_col: 80,
                ws_xpixel: 0,
                ws_ypixel: 0,
            },
            to_terminal: !is_pipe,
        };
        let (say, said) = mpsc::unbounded_channel();
        let (settled_in, settled) = mpsc::unbounded_channel();
        let (keys_in, keys) = mpsc::channel(16);
        let (screen_in, screen) = mpsc::channel(16);
        let (events_in, events) = mpsc::channel(16);
        let (stopped_in, stopped) = mpsc::channel(1);
        let program = thread::spawn(move || {
            let ends = Ends {
                keys,
                is_pipe,
                screen: screen_in,
                events,
                stopped: stopped_in,
            };
            let mut source = Script {
                said,
                settled: settled_in,
            };
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime")
                .block_on(relay(&program, ends, &mut source, pace))
        });
        Self {
            say,
            settled,
            keys: Some(keys_in),
            screen,
            events: events_in,
            stopped,
            program,
            seen: Vec::new(),
        }
    }

    pub(super) fn say(&self, n: u32, text: &str) {
        let said = Said::Text {
            id: id(n),
            text: text.to_owned(),
        };
        self.say.send(said).expect("the program runs");
    }

    pub(super) fn end_session(&self) {
        self.say.send(Said::Ended).expect("the program runs");
    }

    pub(super) fn keyboard(&self) -> mpsc::Sender<Vec<u8>> {
        self.keys.clone().expect("not closed")
    }

    pub(super) async fn keys(&self, keys: impl AsRef<[u8]>) {
        let keys = keys.as_ref().to_vec();
        self.keyboard().send(keys).await.expect("the program runs");
    }

    /// The end of the user's input.
    pub(super) fn close(&mut self) {
        self.keys = None;
    }

    pub(super) async fn resize(&self, rows: u16, columns: u16) {
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        self.events
            .send(Event::Resized(size))
            .await
            .expect("the program runs");
    }

    pub(super) async fn signal(&self, signal: Signal) {
        self.events
            .send(Event::Signal(signal))
            .await
            .expect("the program runs");
    }

    /// Waits until the program has stopped itself.
    pub(super) async fn stopped(&mut self) {
        let stopped = timeout(PATIENCE, self.stopped.recv()).await;
        stopped.expect("in time").expect("the program runs");
    }

    pub(super) async fn go_on(&self) {
        let went_on = self.events.send(Event::GoesOn).await;
        went_on.expect("the program runs");
    }

    /// Reads what is printed until `text` is, and returns what came before it.
    pub(super) async fn until(&mut self, text: &str) -> String {
        let wanted = text.as_bytes();
        let mut looked = 0;
        loop {
            let rest = &self.seen[looked..];
            if let Some(at) = rest.windows(wanted.len()).position(|bytes| bytes == wanted) {
                let before: Vec<u8> = self.seen.drain(..looked + at).collect();
                self.seen.drain(..wanted.len());
                return String::from_utf8_lossy(&before).into_owned();
            }
            looked = self.seen.len().saturating_sub(wanted.len());
            match timeout(PATIENCE, self.screen.recv()).await {
                Ok(Some(piece)) => self.seen.extend(piece),
                ended => panic!(
                    "no {text:?} ({ended:?}) in {:?}",
                    String::from_utf8_lossy(&self.seen[self.seen.len().saturating_sub(2_000)..])
                ),
            }
        }
    }

    /// Nothing is printed for so long.
    pub(super) async fn is_silent_for(&mut self, time: Duration) -> bool {
        self.seen.is_empty() && timeout(time, self.screen.recv()).await.is_err()
    }

    /// The next message that was typed to its last byte.
    pub(super) async fn settled(&mut self) -> MessageId {
        timeout(PATIENCE, self.settled.recv())
            .await
            .expect("in time")
            .expect("the program runs")
    }

    pub(super) fn is_settled(&mut self) -> bool {
        self.settled.try_recv().is_ok()
    }

    /// Reads to the end: what was printed, and the exit status.
    pub(super) async fn end(mut self) -> (String, Result<u8, NotStarted>) {
        while let Some(piece) = timeout(PATIENCE, self.screen.recv())
            .await
            .expect("in time")
        {
            self.seen.extend(piece);
        }
        let status = self.program.join().expect("no panic");
        (String::from_utf8_lossy(&self.seen).into_owned(), status)
    }

    pub(super) async fn exit_code(self) -> u8 {
        self.end().await.1.expect("it ran")
    }
}
