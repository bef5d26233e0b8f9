//! A store under test, and short ways to ask it for things.

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use super::Rings;
use crate::{
    acl::{ManageGrants, Scope, UseMessages, authorize},
    address::{Inbox, SessionRef},
    folder::Folder,
    grant::{Door, Grant, GrantId},
    message::{Arrival, Destination, Head, Kind, LEASE, Message, MessageId, Mode, Receiver, State},
    pattern::Pattern,
    ports::{
        Answer, Detail, InsertGrantError, LeaseRequest, Leased, Order, Page, Put, ReadRequest,
        SettleRequest, Settlement, Store,
    },
    principal::Principal,
    session::Session,
    time::Timestamp,
    token::TokenHash,
};

/// When every law begins: 2026-11-21T16:14:00.000Z.
pub const T0: Timestamp = Timestamp::from_millis(1_795_277_640_000);

/// A store under test and the ring it was opened with.
pub struct Subject {
    /// The store.
    pub store: Arc<dyn Store>,
    /// What it tells.
    pub rings: Arc<Rings>,
    minted: AtomicU64,
}

impl Subject {
    /// A fresh store that tells `rings`.
    pub fn new(store: Arc<dyn Store>, rings: Arc<Rings>) -> Self {
        Self {
            store,
            rings,
            minted: AtomicU64::new(0),
        }
    }

    /// A record for `hook:<folder>/<label>`, owned by the folder, and a hash for it. Each call
    /// makes another.
    pub(super) fn record(&self, folder: &str, label: &str) -> (Grant, TokenHash) {
        let n = self.minted.fetch_add(1, Ordering::Relaxed) + 1;
        let grant = Grant {
            id: GrantId::new(T0, n.into()),
            door: Door::Hook {
                label: label.parse().expect("a legal label"),
                suffix: None,
            },
            owner_folder: in_folder(folder),
            target_folder: in_folder(folder),
            context: None,
            public_url: None,
            probe: false,
            created_at: T0,
            expires_at: None,
            revoked_at: None,
        };
        (grant, hash(n))
    }

    pub(super) async fn insert(
        &self,
        (grant, hash): (Grant, TokenHash),
    ) -> Result<Arc<Grant>, InsertGrantError> {
        self.store.insert_grant(grant, hash, T0).await
    }

    /// A live grant of `hook:<folder>/<label>`.
    pub(super) async fn mint(&self, folder: &str, label: &str) -> Arc<Grant> {
        let record = self.record(folder, label);
        self.insert(record).await.expect("nothing to clash with")
    }

    pub(super) async fn put(&self, arrival: Arrival) -> Put {
        open_session(&*self.store, &arrival.to).await;
        self.store.put(arrival).await.expect("the store takes it")
    }

    pub(super) async fn stored(&self, arrival: Arrival) -> MessageId {
        match self.put(arrival).await {
            Put::Stored(id) => id,
            other => panic!("expected it to be stored, but: {other:?}"),
        }
    }

    /// Stores so many plain messages, a second apart from T0 on.
    pub(super) async fn fill(&self, grant: &Arc<Grant>, count: u64) -> Vec<MessageId> {
        let mut ids = Vec::new();
        for second in 0..count {
            let mut one = arrival(grant);
            one.received_at = at(second);
            ids.push(self.stored(one).await);
        }
        ids
    }

    pub(super) async fn lease(&self, request: LeaseRequest) -> Leased {
        self.store.lease(request).await.expect("leased")
    }

    /// Leases up to 100 from a folder's inbox for [`LEASE`].
    pub(super) async fn take(
        &self,
        folder: &str,
        receiver: Receiver,
        now: Timestamp,
    ) -> Vec<Message> {
        self.lease(from(folder, receiver, now)).await.messages
    }

    pub(super) async fn settle(
        &self,
        how: Settlement,
        ids: &[MessageId],
        receiver: Receiver,
        now: Timestamp,
    ) -> Vec<bool> {
        let request = SettleRequest {
            ids: ids.to_vec(),
            how,
            receiver,
            scope: everything(),
            now,
        };
        self.store.settle(request).await.expect("settled")
    }

    pub(super) async fn ack(&self, id: MessageId, receiver: Receiver, now: Timestamp) -> bool {
        self.settle(Settlement::Ack, &[id], receiver, now).await == [true]
    }

    pub(super) async fn nack(
        &self,
        id: MessageId,
        delay: Duration,
        receiver: Receiver,
        now: Timestamp,
    ) -> bool {
        let how = Settlement::nack(delay);
        self.settle(how, &[id], receiver, now).await == [true]
    }

    /// Lets a message's five leases end one after the other; dead from the returned moment on.
    pub(super) async fn wear_out(&self, folder: &str, from: Timestamp) -> Timestamp {
        let mut now = from;
        for _ in 0..5 {
            assert!(
                !self.take(folder, ANN, now).await.is_empty(),
                "not dead yet"
            );
            now = now.plus(LEASE);
        }
        now
    }

    pub(super) async fn page(&self, request: ReadRequest) -> Page {
        self.store.read(request).await.expect("read")
    }

    /// Every id in the log, oldest first.
    pub(super) async fn log(&self) -> Vec<MessageId> {
        ids(&self.page(read(at(0))).await.messages)
    }

    pub(super) async fn detail(&self, id: MessageId, now: Timestamp) -> Detail {
        let found = self.store.get(id, everything(), usize::MAX, now).await;
        found.expect("read").expect("it is in the log")
    }

    pub(super) async fn state(&self, id: MessageId, now: Timestamp) -> (State, u8) {
        let message = self.detail(id, now).await.message;
        (message.state, message.attempt)
    }

    pub(super) async fn replay(&self, id: MessageId, now: Timestamp) -> bool {
        let replayed = self.store.replay(id, everything(), now).await;
        replayed.expect("replayed")
    }
}

/// Two receivers.
pub(super) const ANN: Receiver = Receiver(1);
pub(super) const BOB: Receiver = Receiver(2);

/// Awaits several answers together, so that a store may work on all of them at once.
pub(super) async fn together<T, E>(mut answers: Vec<Answer<'_, T, E>>) -> Vec<Result<T, E>> {
    let mut done: Vec<_> = answers.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (answer, done) in answers.iter_mut().zip(&mut done) {
            if done.is_none()
                && let Poll::Ready(result) = answer.as_mut().poll(context)
            {
                *done = Some(result);
            }
        }
        if done.iter().all(Option::is_some) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// So many seconds after T0.
pub(super) fn at(seconds: u64) -> Timestamp {
    T0.plus(Duration::from_secs(seconds))
}

/// The millisecond before.
pub(super) fn just_before(moment: Timestamp) -> Timestamp {
    moment.minus(Duration::from_millis(1))
}

pub(super) fn hash(n: u64) -> TokenHash {
    TokenHash::from_bytes(*blake3::hash(&n.to_le_bytes()).as_bytes())
}

pub(super) fn in_folder(text: &str) -> Folder {
    text.parse().expect("a legal folder")
}

pub(super) fn inbox(folder: &str) -> Inbox {
    Inbox::Folder(in_folder(folder))
}

/// Makes the session that a message is for, unless it stands.
pub(super) async fn open_session(store: &dyn Store, to: &Destination) {
    if let Inbox::Session(session) = &to.inbox {
        let session = Session {
            id: session.id.clone(),
            folder: to.folder.clone(),
            named: true,
            probe: false,
            created_at: session.made,
            ended_at: None,
        };
        store.make_session(session).await.expect("made, or stands");
    }
}

/// The inbox of a session that was made at T0.
pub(super) fn session(id: &str) -> Inbox {
    Inbox::Session(SessionRef {
        id: id.parse().expect("a legal session id"),
        made: T0,
    })
}

pub(super) fn pattern(text: &str) -> Option<Pattern> {
    Some(text.parse().expect("a legal pattern"))
}

pub(super) fn agent(folder: &str) -> Principal {
    Principal::Agent(in_folder(folder))
}

/// The messages within a principal's reach.
pub(super) fn messages_of(principal: &Principal) -> Scope {
    let permit = authorize(principal, UseMessages).expect("everyone may use messages");
    permit.scope()
}

/// The grants within a principal's reach.
pub(super) fn grants_of(principal: &Principal) -> Scope {
    let permit = authorize(principal, ManageGrants).expect("everyone may manage grants");
    permit.scope()
}

pub(super) fn everything() -> Scope {
    messages_of(&Principal::Operator)
}

pub(super) fn ids(messages: &[Message]) -> Vec<MessageId> {
    messages.iter().map(|message| message.id).collect()
}

/// A plain message through a grant, at T0: to the target folder, trigger, no provider's id.
pub(super) fn arrival(grant: &Arc<Grant>) -> Arrival {
    Arrival {
        via: grant.clone().into(),
        to: Destination::folder(grant.target_folder.clone()),
        rule: None,
        kind: Kind::Hook,
        mode: Mode::Trigger,
        received_at: T0,
        head: Head::default(),
        body: "hello".into(),
        dedupe: None,
        test: false,
        repeat_of: None,
    }
}

/// Up to 100 messages and 10 observed ones from a folder's inbox, whole, for [`LEASE`].
pub(super) fn from(folder: &str, receiver: Receiver, now: Timestamp) -> LeaseRequest {
    LeaseRequest {
        inboxes: vec![inbox(folder)],
        receiver,
        max: 100,
        pattern: None,
        body_limit: usize::MAX,
        now,
        lease_for: LEASE,
        max_observed: 10,
        observed_alone: true,
        among: None,
    }
}

/// The first 1000 of the whole log, oldest first.
pub(super) fn read(now: Timestamp) -> ReadRequest {
    ReadRequest {
        scope: everything(),
        within: None,
        pattern: None,
        state: None,
        since: None,
        until: None,
        cursor: None,
        order: Order::OldestFirst,
        limit: 1_000,
        body_limit: usize::MAX,
        budget: usize::MAX,
        now,
    }
}
