//! The issuer's keys as we know them: fetched by one task, early, again by age, and once more when a
//! token names a key that is not among them. No request fetches by itself, so no sender of
//! tokens decides how often the issuer is asked.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};

use super::fetch::{FetchError, Published};

/// How old keys get before they are fetched again: so long may one that the issuer withdrew
/// still be believed.
const REFRESH: Duration = Duration::from_secs(10 * 60);
/// How old they may get while the issuer is away.
const TOO_OLD: Duration = Duration::from_secs(24 * 3600);
/// How often tokens that name an unknown key may cause a fetch.
const GAP: Duration = Duration::from_secs(10);
/// The same while there are no keys at all.
const FIRST_GAP: Duration = Duration::from_secs(1);
/// How long a request waits for a fetch that it caused. Two documents, each bounded by itself.
const PATIENCE: Duration = Duration::from_secs(11);
/// The longest rest after failures; the first is of a second.
const LONGEST_REST: Duration = Duration::from_secs(30);

/// What is known just now.
#[derive(Debug, Default)]
struct State {
    /// How many fetches have ended, one way or the other.
    attempts: u64,
    keys: Option<(Arc<Published>, Instant)>,
}

/// The last fetch that a request asked for: when, and how many had ended by then.
type Asked = Option<(Instant, u64)>;

/// The keys, and the way to ask for newer ones.
#[derive(Debug, Default)]
pub(super) struct Keys {
    state: watch::Sender<State>,
    wanted: Notify,
    asked: Mutex<Asked>,
}

impl Keys {
    /// The keys, unless there are none or the issuer has been away for too long.
    pub(super) fn current(&self) -> Option<Arc<Published>> {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> Option<Arc<Published>> {
        let state = self.state.borrow();
        let (keys, at) = state.keys.as_ref()?;
        (now.saturating_duration_since(*at) < TOO_OLD).then(|| Arc::clone(keys))
    }

    /// Keys that were fetched since the call, or while it waited; nothing if it is too early to
    /// ask again, or the issuer does not answer.
    pub(super) async fn newer(&self) -> Option<Arc<Published>> {
        let mut changes = self.state.subscribe();
        let before = self.ask(Instant::now())?;
        let changed = changes.wait_for(|state| state.attempts > before);
        timeout(PATIENCE, changed).await.ok()?.ok()?;
        self.current()
    }

    /// Asks for a fetch, or joins one that was asked for and is under way. Says how many had ended
    /// before; nothing when the last one was too short a time ago.
    fn ask(&self, now: Instant) -> Option<u64> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let (ended, gap) = {
            let state = self.state.borrow();
            let gap = if state.keys.is_some() { GAP } else { FIRST_GAP };
            (state.attempts, gap)
        };
        if let Some((at, before)) = *asked {
            if before == ended {
                return Some(before);
            }
            if now.saturating_duration_since(at) < gap {
                return None;
            }
        }
        *asked = Some((now, ended));
        self.wanted.notify_one();
        Some(ended)
    }

    /// A fetch has ended, with keys or without.
    fn note(&self, fetched: Option<Published>, now: Instant) {
        self.state.send_modify(|state| {
            state.attempts += 1;
            if let Some(keys) = fetched {
                state.keys = Some((Arc::new(keys), now));
            }
        });
    }

    /// Keeps the keys fresh with what `fetch` brings, for as long as it is polled.
    pub(super) async fn keep<F, W>(&self, fetch: F)
    where
        F: Fn() -> W,
        W: Future<Output = Result<Published, FetchError>>,
    {
        let mut failures = Failures::default();
        loop {
            let fetched = fetch().await;
            let rest = failures.note(&fetched);
            self.note(fetched.ok(), Instant::now());
            tokio::select! {
                () = sleep(rest) => {}
                () = self.wanted.notified() => {}
            }
        }
    }
}

/// How often in a row it failed, and with what: said once, not with every attempt.
#[derive(Default)]
struct Failures {
    count: u32,
    last: Option<FetchError>,
    begun: bool,
}

impl Failures {
    /// Says what is new, and how long to rest.
    fn note(&mut self, fetched: &Result<Published, FetchError>) -> Duration {
        match fetched {
            Ok(published) => {
                if !self.begun || self.count > 0 {
                    tracing::info!(
                        keys = published.keys.len(),
                        "the OIDC issuer's keys are here"
                    );
                }
                *self = Self {
                    begun: true,
                    ..Self::default()
                };
                REFRESH
            }
            Err(error) => {
                if self.last.as_ref() != Some(error) {
                    tracing::warn!(
                        %error,
                        "the OIDC issuer's keys cannot be fetched; trying on. API keys work meanwhile"
                    );
                }
                self.last = Some(error.clone());
                self.count = self.count.saturating_add(1);
                let rest = Duration::from_secs(1 << (self.count - 1).min(5));
                rest.min(LONGEST_REST)
            }
        }
    }
}

#[cfg(test)]
mod tests;
