//! A store with moods.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use doorbell_core::{
    acl::Scope,
    address::{Inbox, SessionRef},
    backlog::Backlogs,
    capability::KeyRing,
    channel::ChannelGrant,
    folder::Folder,
    grant::{Grant, GrantId},
    label::SessionId,
    memory::MemoryStore,
    message::{Arrival, Cursor, MessageId, Receiver},
    pattern::Pattern,
    ports::{
        Answer, ChannelStore, Channels, Detail, Grants, Health, InboxSummary, LeaseRequest, Leased,
        Log, Page, Put, ReadRequest, Routes, SettleRequest, StoreError, Waiting,
    },
    rates::MINUTES,
    route::Table,
    session::Session,
    time::Timestamp,
    token::TokenHash,
};

/// A log that can be told to be full, or not to be ready.
pub(super) struct Moody {
    pub(super) store: Arc<MemoryStore>,
    pub(super) full: AtomicBool,
    pub(super) broken: AtomicBool,
    pub(super) unready: AtomicBool,
    /// A session that ends just before the next message is stored.
    pub(super) ending: Mutex<Option<SessionId>>,
}

impl Health for Moody {
    fn ready(&self) -> Result<(), StoreError> {
        if self.unready.load(Ordering::Relaxed) {
            return Err(StoreError::NotReady("its disk failed".into()));
        }
        Ok(())
    }
}

impl Grants for Moody {
    fn grant(&self, hash: &TokenHash) -> Option<Arc<Grant>> {
        self.store.grant(hash)
    }
}

impl Channels for Moody {
    fn signing_keys(&self) -> KeyRing {
        self.store.signing_keys()
    }
    fn channel_grant(&self, id: GrantId) -> Option<Arc<ChannelGrant>> {
        self.store.channel_grant(id)
    }
    fn session(&self, id: &SessionId) -> Option<Arc<Session>> {
        self.store.session(id)
    }
    fn session_of(&self, session: &SessionRef) -> Option<Arc<Session>> {
        self.store.session_of(session)
    }
}

impl Routes for Moody {
    fn routes(&self) -> Arc<Table> {
        self.store.routes()
    }
}

impl Log for Moody {
    fn put(&self, arrival: Arrival) -> Answer<'_, Put> {
        if self.full.load(Ordering::Relaxed) {
            return Box::pin(async { Ok(Put::Full) });
        }
        let ending = self.ending.lock().expect("unpoisoned").take();
        if let Some(id) = ending {
            drop(self.store.end_session(id, arrival.received_at));
        }
        if self.broken.load(Ordering::Relaxed) {
            return Box::pin(async { Err(StoreError::NotReady("closed".into())) });
        }
        self.store.put(arrival)
    }
    fn lease(&self, request: LeaseRequest) -> Answer<'_, Leased> {
        self.store.lease(request)
    }
    fn settle(&self, request: SettleRequest) -> Answer<'_, Vec<bool>> {
        self.store.settle(request)
    }
    fn read(&self, request: ReadRequest) -> Answer<'_, Page> {
        self.store.read(request)
    }
    fn get(
        &self,
        id: MessageId,
        scope: Scope,
        body_limit: usize,
        now: Timestamp,
    ) -> Answer<'_, Option<Detail>> {
        self.store.get(id, scope, body_limit, now)
    }
    fn replay(&self, id: MessageId, scope: Scope, now: Timestamp) -> Answer<'_, bool> {
        self.store.replay(id, scope, now)
    }
    fn replay_many(
        &self,
        ids: Vec<MessageId>,
        scope: Scope,
        now: Timestamp,
    ) -> Answer<'_, Vec<bool>> {
        self.store.replay_many(ids, scope, now)
    }
    fn waiting(&self, inbox: &Inbox, pattern: Option<&Pattern>, now: Timestamp) -> Waiting {
        self.store.waiting(inbox, pattern, now)
    }
    fn summary(
        &self,
        inbox: &Inbox,
        pattern: Option<&Pattern>,
        receiver: Receiver,
        now: Timestamp,
    ) -> InboxSummary {
        self.store.summary(inbox, pattern, receiver, now)
    }
    fn backlogs(&self, most: usize, now: Timestamp) -> Answer<'_, Backlogs> {
        self.store.backlogs(most, now)
    }
    fn peek(
        &self,
        inbox: &Inbox,
        pattern: Option<&Pattern>,
        after: Cursor,
        limit: usize,
        now: Timestamp,
    ) -> Vec<Cursor> {
        self.store.peek(inbox, pattern, after, limit, now)
    }
    fn rates(
        &self,
        scope: &Scope,
        within: Option<&Folder>,
        now: Timestamp,
    ) -> [(Timestamp, u64); MINUTES] {
        self.store.rates(scope, within, now)
    }
    fn end(&self) -> Cursor {
        self.store.end()
    }
}
