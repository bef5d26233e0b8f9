//! What the tests share: a clock that is moved by hand, a ring, a store in a directory.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use doorbell_core::{
    acl::{Scope, UseMessages, authorize},
    address::Inbox,
    grant::{Door, Grant, GrantId},
    message::{Arrival, DedupeId, Destination, Head, Headers, Kind, MessageId, Mode, Receiver},
    ports::{GrantStore, LeaseRequest, Leased, Log, Put, Ring, SettleRequest, Settlement},
    principal::Principal,
    time::{Clock, Timestamp},
    token::{Chance, TokenHash},
};

use crate::store::redb::{Options, RedbStore};

/// When tests begin.
pub(super) const T0: Timestamp = Timestamp::from_millis(1_795_277_640_000);

/// A clock that is moved by hand.
pub(super) struct Hands(AtomicU64);

impl Hands {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(T0.as_millis())))
    }

    pub(super) fn forward(&self, by: Duration) {
        self.0
            .fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// A ring that nobody hears.
pub(super) struct Nobody;

impl Ring for Nobody {
    fn ring(&self, _: &Inbox, _: &[MessageId]) {}
}

/// The operating system's chance.
pub(super) struct Dice;

impl Chance for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).unwrap();
    }
}

pub(super) fn options(clock: &Arc<Hands>) -> Options {
    Options::new(clock.clone(), Arc::new(Nobody), Arc::new(Dice))
}

pub(super) fn open(dir: &Path) -> RedbStore {
    RedbStore::open(dir, options(&Hands::new())).unwrap()
}

pub(super) fn everywhere() -> Scope {
    authorize(&Principal::Operator, UseMessages)
        .unwrap()
        .scope()
}

/// Mints a grant of `hook:<folder>/<label>`.
pub(super) async fn mint(store: &RedbStore, folder: &str, label: &str) -> Arc<Grant> {
    let mut name = [0; 16];
    Dice.fill(&mut name);
    let grant = Grant {
        id: GrantId::new(T0, u128::from_le_bytes(name)),
        door: Door::Hook {
            label: label.parse().unwrap(),
            suffix: None,
        },
        owner_folder: folder.parse().unwrap(),
        target_folder: folder.parse().unwrap(),
        context: Some("what it is for".parse().unwrap()),
        public_url: Some("https://bell.example".into()),
        probe: false,
        created_at: T0,
        expires_at: None,
        revoked_at: None,
    };
    let hash = TokenHash::from_bytes(*blake3::hash(&name).as_bytes());
    store.insert_grant(grant, hash, T0).await.unwrap()
}

pub(super) fn arrival(grant: &Arc<Grant>, body: impl Into<bytes::Bytes>) -> Arrival {
    Arrival {
        via: grant.clone().into(),
        to: Destination::folder(grant.target_folder.clone()),
        rule: None,
        kind: Kind::Hook,
        mode: Mode::Trigger,
        received_at: T0,
        head: Head {
            method: "POST".into(),
            query: String::new(),
            peer: None,
            headers: Headers::from_pairs(vec![("x-event".into(), "push".into())]),
            from: None,
        },
        body: body.into(),
        dedupe: None,
        test: false,
        repeat_of: None,
    }
}

pub(super) fn with_id(mut arrival: Arrival, id: &str) -> Arrival {
    arrival.dedupe = Some(DedupeId::new("webhook-id", id.as_bytes()));
    arrival
}

pub(super) async fn put(store: &RedbStore, arrival: Arrival) -> MessageId {
    match store.put(arrival).await.unwrap() {
        Put::Stored(id) => id,
        other => panic!("{other:?}"),
    }
}

pub(super) fn lease_request(folder: &str, max: usize, now: Timestamp) -> LeaseRequest {
    LeaseRequest {
        inboxes: vec![Inbox::Folder(folder.parse().unwrap())],
        receiver: Receiver(1),
        max,
        pattern: None,
        body_limit: usize::MAX,
        now,
        lease_for: Duration::from_secs(60),
        max_observed: 10,
        observed_alone: true,
        among: None,
    }
}

pub(super) async fn lease(store: &RedbStore, folder: &str, max: usize, now: Timestamp) -> Leased {
    store.lease(lease_request(folder, max, now)).await.unwrap()
}

pub(super) async fn ack(store: &RedbStore, ids: Vec<MessageId>, now: Timestamp) -> Vec<bool> {
    let request = SettleRequest {
        ids,
        how: Settlement::Ack,
        receiver: Receiver(1),
        scope: everywhere(),
        now,
    };
    store.settle(request).await.unwrap()
}

pub(super) fn grants_everywhere() -> Scope {
    authorize(&Principal::Operator, doorbell_core::acl::ManageGrants)
        .unwrap()
        .scope()
}
