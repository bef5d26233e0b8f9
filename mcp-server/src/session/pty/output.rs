//! What comes out of the program.

use std::{cell::Cell, convert::Infallible, time::Duration};

use pty_process::ReadPty;
use tokio::{io::AsyncReadExt, sync::mpsc};

use super::modes::{Bracketed, Modes};

/// How much is read at a time, in bytes.
const PIECE: usize = 16 * 1024;
/// How often a terminal that nobody has open is looked at again.
const CLOSED: Duration = Duration::from_millis(20);

/// How far the relay has come, for whoever decides that it was all.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Bytes read so far.
    pub(super) bytes: Cell<u64>,
    /// The user's side is slow: something read is not handed on yet.
    pub(super) held_up: Cell<bool>,
    /// Nobody has the program's side open, and all was read.
    pub(super) closed: Cell<bool>,
}

/// Hands on what the program prints, until it is dropped.
pub(super) async fn relay(
    mut master: ReadPty<'_>,
    screen: mpsc::Sender<Vec<u8>>,
    bracketed: &Bracketed,
    progress: &Progress,
) -> Infallible {
    let mut modes = Modes::default();
    let mut piece = vec![0; PIECE];
    loop {
        match master.read(&mut piece).await {
            Ok(count) if count > 0 => {
                let output = &piece[..count];
                modes.read(output, bracketed);
                progress.bytes.update(|bytes| bytes + count as u64);
                progress.closed.set(false);
                progress.held_up.set(true);
                // If the user's terminal is gone the program runs on, and is read so that it can.
                let _ = screen.send(output.to_vec()).await;
                progress.held_up.set(false);
            }
            // Linux answers EIO while nobody has the other side open; that may change.
            Ok(_) | Err(_) => {
                progress.closed.set(true);
                tokio::time::sleep(CLOSED).await;
            }
        }
    }
}
