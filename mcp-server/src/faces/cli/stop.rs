//! Being told to stop while something is in hand.

use std::io;

use tokio::sync::watch;

/// Which signal was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// Hears SIGINT and SIGTERM from the moment it is made; neither ends the process any more.
#[derive(Clone, Debug)]
pub(super) struct Stop(watch::Receiver<Vec<Told>>);

impl Stop {
    /// Begins to hear.
    pub(super) fn listen() -> io::Result<Self> {
        let (sender, receiver) = watch::channel(Vec::new());
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut terminate = signal(SignalKind::terminate())?;
            tokio::spawn(async move {
                loop {
                    let told = tokio::select! {
                        _ = interrupt.recv() => Told::Interrupt,
                        _ = terminate.recv() => Told::Terminate,
                    };
                    sender.send_modify(|all| all.push(told));
                }
            });
        }
        #[cfg(not(unix))]
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                sender.send_modify(|all| all.push(Told::Interrupt));
            }
        });
        Ok(Self(receiver))
    }

    /// One that was told before anyone asked.
    #[cfg(test)]
    pub(super) fn already_told() -> Self {
        Self(watch::channel(vec![Told::Interrupt]).1)
    }

    /// Whether it was told.
    pub(super) fn is_told(&self) -> bool {
        !self.0.borrow().is_empty()
    }

    /// How many signals came so far.
    pub(super) fn count(&self) -> usize {
        self.0.borrow().len()
    }

    /// Waits until it is told.
    pub(super) async fn told(&mut self) {
        if self.0.wait_for(|all| !all.is_empty()).await.is_err() {
            // Nobody hears signals any more: nobody will be told.
            std::future::pending::<()>().await;
        }
    }

    /// Waits for the signal after the first `seen`.
    pub(super) async fn nth(&mut self, seen: usize) -> Told {
        match self.0.wait_for(|all| all.len() > seen).await {
            Ok(all) => all[seen],
            Err(_) => std::future::pending().await,
        }
    }
}
