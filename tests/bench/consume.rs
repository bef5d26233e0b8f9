//! Agents that keep up: each leases what is there, acknowledges it, and asks again.

use crate::Outcome;
use crate::control::Control;
use crate::server::Doorbell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Receivers on a thread of their own.
pub(crate) struct Consumers {
    shared: Arc<Shared>,
    thread: std::thread::JoinHandle<Outcome<Option<Instant>>>,
}

struct Shared {
    acked: AtomicU64,
    /// How often some were.
    lots: AtomicU64,
    /// How many there will be; `u64::MAX` while nobody knows.
    due: AtomicU64,
}

impl Consumers {
    /// Starts so many, each over a connection of its own.
    pub(crate) fn start(server: &Doorbell, count: u32) -> Self {
        let shared = Arc::new(Shared {
            acked: AtomicU64::new(0),
            lots: AtomicU64::new(0),
            due: AtomicU64::new(u64::MAX),
        });
        let (theirs, address) = (Arc::clone(&shared), server.control);
        let key = server.key().to_owned();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let mut receivers = tokio::task::JoinSet::new();
                for _ in 0..count {
                    let control = Control::open(address, &key).await?;
                    receivers.spawn(receive(control, Arc::clone(&theirs)));
                }
                let mut last = None;
                while let Some(done) = receivers.join_next().await {
                    last = last.max(done??);
                }
                Ok(last)
            })
        });
        Self { shared, thread }
    }

    /// How many are acknowledged by now.
    pub(crate) fn acked(&self) -> u64 {
        self.shared.acked.load(Ordering::SeqCst)
    }

    /// Waits until this many are acknowledged, and says when the last one was, and how many lots
    /// they came in.
    pub(crate) fn finish(self, due: u64) -> Outcome<(Option<Instant>, u64)> {
        self.shared.due.store(due, Ordering::SeqCst);
        let last = self.thread.join().map_err(|_| "the receivers panicked")??;
        let acked = self.shared.acked.load(Ordering::SeqCst);
        if acked != due {
            return Err(format!("{acked} messages were acked of {due} sent").into());
        }
        Ok((last, self.shared.lots.load(Ordering::SeqCst)))
    }

    /// Waits for receivers whose server was killed under them.
    pub(crate) fn abandon(self) -> u64 {
        // They end with an error, which is the point of killing the server.
        let _ = self.thread.join();
        self.shared.acked.load(Ordering::SeqCst)
    }
}

async fn receive(mut control: Control, shared: Arc<Shared>) -> Outcome<Option<Instant>> {
    let mut last: Option<Instant> = None;
    let begun = Instant::now();
    loop {
        if shared.acked.load(Ordering::SeqCst) >= shared.due.load(Ordering::SeqCst) {
            return Ok(last);
        }
        let ids = control.receive(1).await?;
        if ids.is_empty() {
            let idle = last.unwrap_or(begun).elapsed();
            if shared.due.load(Ordering::SeqCst) != u64::MAX && idle > Duration::from_secs(90) {
                return Err("the inbox is empty and messages are still owed".into());
            }
            continue;
        }
        control.ack(&ids).await?;
        last = Some(Instant::now());
        shared.lots.fetch_add(1, Ordering::SeqCst);
        shared.acked.fetch_add(ids.len() as u64, Ordering::SeqCst);
    }
}
