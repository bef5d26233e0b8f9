//! How the server is told to stop, and in which order it does.
//!
//! First it says that it is not ready, and goes on serving for as long as `--drain` says. Then the
//! front door takes nothing new, finishes what is in flight, and whoever waits or follows is let go;
//! the control listener goes last. A second word ends it at once: the store survives that as it
//! survives a crash.

use std::{sync::atomic::Ordering, time::Duration};

use tokio::{sync::watch, time::sleep};

use super::{AppError, service};
use crate::house::House;

/// Returns when the server was told twice; until then what is served goes through the order.
pub(super) async fn in_order(told: &mut StopWord, house: &House, drain: Duration) {
    told.wait().await;
    house.leaving.store(true, Ordering::Relaxed);
    service::stopping();
    tracing::info!("told to stop: finishing what is in flight");
    tokio::select! {
        () = sleep(drain) => {}
        () = told.wait() => return,
    }
    house.draining.send_replace(true);
    told.wait().await;
}

/// Waits until it is said.
pub(super) async fn said(word: &watch::Sender<bool>) {
    // The sender is borrowed, so it is there.
    let _ = word.subscribe().wait_for(|said| *said).await;
}

/// SIGTERM or SIGINT; SIGHUP is no reason to stop, since a server in the background outlives the
/// terminal it was started from.
pub(super) struct StopWord {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    _hangup: tokio::signal::unix::Signal,
}

impl StopWord {
    pub(super) fn listen() -> Result<Self, AppError> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let listen = |kind| signal(kind).map_err(AppError::io("cannot listen for signals"));
            Ok(Self {
                terminate: listen(SignalKind::terminate())?,
                interrupt: listen(SignalKind::interrupt())?,
                _hangup: listen(SignalKind::hangup())?,
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    async fn wait(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}
