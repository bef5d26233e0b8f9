//! Who takes part.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Instant,
};

use e2e::{pace::PATIENCE, server::Doorbell};
use serde_json::json;

use crate::{client::Client, ledger::Ledger};

/// The folders that messages come to, each with a URL and someone who drains it.
pub(crate) const FOLDERS: [&str; 4] = ["soak/a", "soak/b", "soak/c", "soak/d"];
/// The name under which all of them receive.
pub(crate) const RECEIVER: &str = "soak";
/// Where URLs are minted and revoked.
pub(crate) const CHURN: &str = "soak/churn";

/// What all of them share.
pub(crate) struct Scene {
    pub(crate) front: SocketAddr,
    pub(crate) control: SocketAddr,
    pub(crate) key: String,
    /// The path of each folder's URL.
    pub(crate) paths: Vec<String>,
    pub(crate) ledger: Ledger,
    /// Whether more is to be posted.
    pub(crate) sending: AtomicBool,
    /// Whether more is to be drained.
    pub(crate) draining: AtomicBool,
    /// How often was minted and revoked, killed, stopped, filled, and posted in vain.
    pub(crate) rounds: AtomicU64,
    pub(crate) kills: AtomicU64,
    pub(crate) stops: AtomicU64,
    pub(crate) fills: AtomicU64,
    pub(crate) repeats: AtomicU64,
}

impl Scene {
    /// Mints the URLs.
    pub(crate) fn set(server: &Doorbell<'_>) -> Self {
        let operator = server.operator();
        let mint = |folder: &&str| operator.hook(folder, "load").path();
        Self {
            front: server.front,
            control: server.control,
            key: server.home.operator_key(),
            paths: FOLDERS.iter().map(mint).collect(),
            ledger: Ledger::default(),
            sending: AtomicBool::new(true),
            draining: AtomicBool::new(true),
            rounds: AtomicU64::new(0),
            kills: AtomicU64::new(0),
            stops: AtomicU64::new(0),
            fills: AtomicU64::new(0),
            repeats: AtomicU64::new(0),
        }
    }

    pub(crate) fn is_sending(&self) -> bool {
        self.sending.load(Ordering::Relaxed)
    }

    /// The operator, on a connection of its own.
    pub(crate) fn operator(&self) -> Client {
        Client::new(self.control).with("Authorization", format!("Bearer {}", self.key))
    }

    /// Lets everything that is left be drained. What was leased in an answer that a kill swallowed is
    /// given back, and what died is taken up again.
    pub(crate) fn finish(&self) {
        let mut operator = self.operator().with("Doorbell-Receiver", RECEIVER.into());
        let began = Instant::now();
        let mut said = 0;
        loop {
            let left = self.ledger.outstanding();
            if left.is_empty() || began.elapsed() > PATIENCE {
                break;
            }
            let now = began.elapsed().as_secs();
            if now > said {
                said = now;
                println!("{} left to be drained", left.len());
                let ask = json!({"state": "dead"});
                operator.insist("POST", "/v1/messages/replay", Some(&ask));
                for ids in left.chunks(100) {
                    let ask = json!({"ids": ids, "attempted": false});
                    operator.insist("POST", "/v1/messages/nack", Some(&ask));
                }
            }
            Client::rest();
        }
        self.draining.store(false, Ordering::Relaxed);
    }

    pub(crate) fn summary(&self) -> String {
        let counts = self.ledger.counts();
        let number = |of: &AtomicU64| of.load(Ordering::Relaxed);
        format!(
            "{} posted: {} answered 200 ({} of them on a second try), {} refused, {} never answered; {} acknowledged; \
             {} rounds of minting and revoking; {} kills, {} restarts, {} times a full disk",
            counts.posted,
            counts.accepted,
            number(&self.repeats),
            counts.refused,
            counts.unanswered,
            counts.acked,
            number(&self.rounds),
            number(&self.kills),
            number(&self.stops),
            number(&self.fills),
        )
    }
}
