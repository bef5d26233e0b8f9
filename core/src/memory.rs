//! The reference model: every port over plain collections.
//!
//! It is written to be read, and every store is held against it: one lock, one list of messages,
//! linear scans, every answer ready at once. It forgets everything when dropped and nothing
//! before that; a store may forget settled and dead messages once their retention is over.

mod entry;
mod grants;
mod log;

use std::sync::{Arc, Mutex, MutexGuard};

use crate::{
    grant::Grant,
    key::ApiKey,
    ports::{Answer, Health, Ring, StoreError},
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
mod tests {
    use std::{
        future::Future,
        pin::pin,
        task::{Context, Poll, Waker},
        time::Duration,
    };

    use super::*;
    use crate::{
        acl::{UseMessages, authorize},
        address::Inbox,
        grant::{Door, GrantId},
        message::{Arrival, Head, Kind, MessageId, Receiver, State},
        ports::{GrantStore, LeaseRequest, Log, Put, SettleRequest, Settlement},
        principal::Principal,
        route::default_outcome,
        time::Timestamp,
    };

    struct Nobody;

    impl Ring for Nobody {
        fn ring(&self, _: &Inbox, _: &[MessageId]) {}
    }

    fn ready<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("an answer of the model is there at once"),
        }
    }

    #[test]
    fn what_was_put_is_leased_once_and_acked_once() {
        let store = MemoryStore::new(Arc::new(Nobody));
        let now = Timestamp::from_millis(1_795_277_640_000);
        let grant = Grant {
            id: GrantId::new(now, 1),
            door: Door::Web { suffix: None },
            owner_folder: "acme".parse().expect("legal"),
            target_folder: "acme".parse().expect("legal"),
            context: None,
            created_at: now,
            expires_at: None,
            revoked_at: None,
        };
        let hash = TokenHash::from_bytes([1; 32]);
        let grant = ready(store.insert_grant(grant, hash, now)).expect("no clash");
        let route = default_outcome(&grant);
        let put = ready(store.put(Arrival {
            to: route.to.clone(),
            mode: route.mode,
            grant,
            kind: Kind::Web,
            received_at: now,
            head: Head::default(),
            body: "hello".into(),
            dedupe: None,
        }));
        let Ok(Put::Stored(id)) = put else {
            panic!("{put:?}");
        };
        let lease = LeaseRequest {
            inboxes: vec![route.to.inbox],
            receiver: Receiver(1),
            max: 10,
            pattern: None,
            body_limit: 10,
            now,
            lease_for: Duration::from_secs(60),
            max_observed: 10,
        };
        let leased = ready(store.lease(lease.clone())).expect("leased").messages;
        assert_eq!(leased.len(), 1);
        assert_eq!((leased[0].id, leased[0].state), (id, State::Leased));
        assert!(
            ready(store.lease(lease))
                .expect("leased")
                .messages
                .is_empty()
        );
        let settle = SettleRequest {
            ids: vec![id, id],
            how: Settlement::Ack,
            receiver: Receiver(1),
            scope: authorize(&Principal::Operator, UseMessages)
                .expect("everyone")
                .scope(),
            now,
        };
        assert_eq!(ready(store.settle(settle)), Ok(vec![true, false]));
    }
}
