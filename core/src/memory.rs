//! The reference model: every port over plain collections.
//!
//! It is written to be read, and every store is held against it: one lock, one list of messages,
//! linear scans, every answer ready at once. It forgets everything when dropped and nothing
//! before that; a store may forget settled and dead messages once their retention is over.

mod browsers;
mod channels;
mod entry;
mod grants;
mod log;
mod reroute;
mod routes;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use crate::{
    browser::BrowserSession,
    capability::SigningKey,
    channel::ChannelGrant,
    grant::Grant,
    key::ApiKey,
    ports::{Answer, Health, Ring, StoreError},
    route::Table,
    session::Session,
    token::TokenHash,
};
use entry::Entry;

/// A store that lives in memory.
pub struct MemoryStore {
    ring: Arc<dyn Ring>,
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    grants: Vec<(TokenHash, Arc<Grant>)>,
    keys: Vec<(TokenHash, Arc<ApiKey>)>,
    browsers: HashMap<TokenHash, BrowserSession>,
    channels: Vec<Arc<ChannelGrant>>,
    sessions: Vec<Arc<Session>>,
    signing_keys: Vec<SigningKey>,
    routes: Arc<Table>,
    /// In the order of arrival: the first has sequence number 1.
    entries: Vec<Entry>,
}

impl MemoryStore {
    /// An empty store that tells `ring` what becomes pending.
    pub fn new(ring: Arc<dyn Ring>) -> Self {
        Self {
            ring,
            tables: Mutex::default(),
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables
            .lock()
            .expect("nothing panics while it holds the tables")
    }
}

impl Health for MemoryStore {
    fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// An answer that is there already: what was asked is done before the future is returned.
fn answer<'a, T: Send + 'a, E: Send + 'a>(result: Result<T, E>) -> Answer<'a, T, E> {
    Box::pin(std::future::ready(result))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;
    use crate::contract;

    /// What the model answers; it needs no runtime to be waited for.
    pub(crate) fn there_at_once<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("an answer of the model is there at once"),
        }
    }

    #[test]
    fn the_model_obeys_every_law() {
        there_at_once(contract::every_law_holds(async |ring| {
            Arc::new(MemoryStore::new(ring))
        }));
    }
}
