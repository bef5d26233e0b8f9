//! What goes into the program: the user's keys, and between them what is said.

use std::{collections::VecDeque, convert::Infallible, future::pending, io, time::Duration};

use doorbell_core::message::MessageId;
use pty_process::WritePty;
use tokio::{io::AsyncWriteExt, sync::mpsc, time::Instant};

use super::{
    discipline::Tty,
    inject,
    modes::Bracketed,
    settle::{LOOK, Settling},
    source::{Said, Source},
    typing::Typing,
};

/// How much of the user's typing is kept while something else is being written, in bytes.
const STASH: usize = 64 * 1024;
/// How often a write that is held up is tried again unasked.
const NUDGE: Duration = Duration::from_millis(200);
/// How long to leave a program alone that has closed its terminal.
const CLOSED: Duration = Duration::from_millis(50);

/// The one hand that types.
pub(super) struct Feed<'a, S> {
    pub(super) master: WritePty<'a>,
    pub(super) tty: &'a Tty,
    pub(super) bracketed: &'a Bracketed,
    pub(super) keys: mpsc::Receiver<Vec<u8>>,
    pub(super) typing: Typing,
    pub(super) settling: Settling,
    pub(super) source: &'a mut S,
    /// Typed while something else was being written.
    pub(super) stash: VecDeque<Vec<u8>>,
    pub(super) keys_end: bool,
}

impl<S: Source> Feed<'_, S> {
    /// Types until it is dropped.
    pub(super) async fn run(mut self) -> Infallible {
        let mut said: Option<(MessageId, String)> = None;
        let (mut hears, mut eof_typed) = (true, false);
        let mut last_key = Instant::now();
        let mut ours = true;
        loop {
            let patience = self.typing.patience();
            let turn = said.is_some()
                && patience.is_none()
                && self.settling.is_over(self.tty, self.bracketed);
            // One of theirs, one of ours: neither starves the other, and what the user typed before
            // something was said goes in before it.
            if (!turn || ours)
                && let Some(keys) = self.waiting_keys()
            {
                self.type_keys(&keys).await;
                (last_key, ours) = (Instant::now(), false);
                continue;
            }
            if turn && let Some((id, text)) = said.take() {
                self.inject(&text).await;
                self.source.settled(id);
                ours = true;
                continue;
            }
            if self.keys_end && !eof_typed {
                eof_typed = true;
                self.type_eof().await;
            }
            tokio::select! {
                biased;
                heard = self.source.next(), if hears && said.is_none() => match heard {
                    Said::Text { id, text } => said = Some((id, text)),
                    Said::Ended => hears = false,
                },
                keys = self.keys.recv(), if !self.keys_end => match keys {
                    Some(keys) => {
                        self.type_keys(&keys).await;
                        (last_key, ours) = (Instant::now(), false);
                    }
                    None => self.keys_end = true,
                },
                () = tokio::time::sleep_until(last_key + patience.unwrap_or_default()),
                    if said.is_some() && patience.is_some() => self.typing.give_up(),
                () = tokio::time::sleep(LOOK), if said.is_some() && !self.settling.was_over() => {}
                else => pending().await,
            }
        }
    }

    fn waiting_keys(&mut self) -> Option<Vec<u8>> {
        self.stash.pop_front().or_else(|| self.keys.try_recv().ok())
    }

    async fn inject(&mut self, text: &str) {
        let bracketed = self.bracketed.is_on();
        if let Some(bytes) = inject::sequence(text, bracketed, self.tty.discipline()) {
            self.write(&bytes).await;
            self.typing.submitted();
        }
    }

    async fn type_keys(&mut self, keys: &[u8]) {
        self.typing.read(keys);
        self.write(keys).await;
    }

    /// A pipe has ended. A terminal that has ended hangs up instead, and is told by a signal.
    async fn type_eof(&mut self) {
        if !self.typing.is_by_line() {
            return;
        }
        let tty = self.tty.discipline();
        let eof = tty.eof.unwrap_or(4);
        // The first only hands over a line that has not ended.
        let times = if tty.canonical && self.typing.is_mid_line() {
            2
        } else {
            1
        };
        self.write(&vec![eof; times]).await;
    }

    /// Writes all of `bytes`, however long the program takes. What the user types meanwhile is put
    /// by, but for what means a signal. Not to be dropped halfway, or an injection is cut in two.
    async fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let stashed: usize = self.stash.iter().map(Vec::len).sum();
            let listens = !self.keys_end && !self.typing.is_by_line() && stashed < STASH;
            let wrote = tokio::select! {
                biased;
                wrote = self.master.write(rest) => wrote,
                keys = self.keys.recv(), if listens => {
                    match keys {
                        Some(mut keys) => {
                            self.tty.signal_now(&mut keys);
                            self.stash.push_back(keys);
                        }
                        None => self.keys_end = true,
                    }
                    continue;
                }
                () = tokio::time::sleep(NUDGE) => {
                    rustix::io::write(self.tty.fd(), rest).map_err(io::Error::from)
                }
            };
            match wrote {
                Ok(count) if count > 0 => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // It has closed its terminal, and may open it again.
                Ok(_) | Err(_) => tokio::time::sleep(CLOSED).await,
            }
        }
    }
}
