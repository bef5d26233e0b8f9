//! Stores that are wrong in one way each: the laws and the random actions must find them out.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use super::{Rings, Subject, laws, random};
use crate::{
    acl::Scope,
    address::{Inbox, Jid, SessionRef},
    backlog::{Backlog, Backlogs},
    bound::Count,
    browser::BrowserSession,
    capability::{KeyRing, SigningKey},
    channel::ChannelGrant,
    folder::Folder,
    grant::{Grant, GrantId},
    key::{ApiKey, KeyId},
    label::SessionId,
    memory::{MemoryStore, tests::there_at_once},
    message::{Arrival, Cursor, MessageId, Receiver, RouteId, State},
    pattern::Pattern,
    ports::{
        Answer, BrowserSessions, ChannelStore, ChannelUse, Channels, Detail, GrantStore, GrantUse,
        Grants, Health, InboxSummary, InsertGrantError, KeyStore, LeaseRequest, Leased, Log,
        MakeSession, Page, Put, ReadRequest, RouteStore, Routes, SetRuleError, SettleRequest,
        Settlement, StoreError, Waiting,
    },
    rates::MINUTES,
    route::{NewRule, Rule, Table},
    session::Session,
    time::Timestamp,
    token::TokenHash,
};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bend {
    CountsKeepWhatIsOver,
    RepeatsAreStored,
    OnlyTheIdIsCompared,
    RevokedGrantsAreLetIn,
    LeasesEndASecondEarly,
    LeasesIgnoreThePattern,
    LeasesTakeWhatIsThere,
    OthersAreNobody,
    ObservedComeAlone,
    AnyoneSettles,
    ReplayOnlySaysSo,
    WhatWaitsIsReplayedToo,
    PagesIgnoreTheState,
    PagesIgnoreTheTime,
    PagesIgnoreTheFolder,
    CursorsLagByOne,
    LifeForgetsItsEnd,
    WaitingIgnoresThePattern,
    BacklogsForgetTheRest,
    ExpiringGrantsDoNotClash,
    RemovingOnlySaysSo,
    MessagesForgetTheirRule,
    NacksForgetTheirReason,
    SigningOutOnlySaysSo,
}

const BENDS: [Bend; 24] = [
    Bend::CountsKeepWhatIsOver,
    Bend::RepeatsAreStored,
    Bend::OnlyTheIdIsCompared,
    Bend::RevokedGrantsAreLetIn,
    Bend::LeasesEndASecondEarly,
    Bend::LeasesIgnoreThePattern,
    Bend::LeasesTakeWhatIsThere,
    Bend::OthersAreNobody,
    Bend::ObservedComeAlone,
    Bend::AnyoneSettles,
    Bend::ReplayOnlySaysSo,
    Bend::WhatWaitsIsReplayedToo,
    Bend::PagesIgnoreTheState,
    Bend::PagesIgnoreTheTime,
    Bend::PagesIgnoreTheFolder,
    Bend::CursorsLagByOne,
    Bend::LifeForgetsItsEnd,
    Bend::WaitingIgnoresThePattern,
    Bend::BacklogsForgetTheRest,
    Bend::ExpiringGrantsDoNotClash,
    Bend::RemovingOnlySaysSo,
    Bend::MessagesForgetTheirRule,
    Bend::NacksForgetTheirReason,
    Bend::SigningOutOnlySaysSo,
];

struct Bent(Bend, MemoryStore);

impl Bent {
    fn open(bend: Bend, rings: &Arc<Rings>) -> Arc<Self> {
        Arc::new(Self(bend, MemoryStore::new(rings.clone())))
    }
}

impl Grants for Bent {
    fn grant(&self, hash: &TokenHash) -> Option<Arc<Grant>> {
        self.1.grant(hash)
    }
}

impl GrantStore for Bent {
    fn insert_grant(
        &self,
        grant: Grant,
        hash: TokenHash,
        now: Timestamp,
    ) -> Answer<'_, Arc<Grant>, InsertGrantError> {
        match self.0 {
            // By the end of time they have all expired.
            Bend::ExpiringGrantsDoNotClash => {
                let end = Timestamp::from_millis(u64::MAX);
                self.1.insert_grant(grant, hash, end)
            }
            _ => self.1.insert_grant(grant, hash, now),
        }
    }

    fn revoke_grants(&self, ids: Vec<GrantId>, at: Timestamp) -> Answer<'_, Vec<GrantId>> {
        match self.0 {
            Bend::RevokedGrantsAreLetIn => Box::pin(std::future::ready(Ok(ids))),
            _ => self.1.revoke_grants(ids, at),
        }
    }

    fn list_grants(&self, scope: &Scope) -> Vec<GrantUse> {
        self.1.list_grants(scope)
    }

    fn count_grants(&self, beside: &Folder) -> Count {
        match self.0 {
            Bend::CountsKeepWhatIsOver => Count {
                all: self.1.list_grants(&super::subject::everything()).len(),
                ..self.1.count_grants(beside)
            },
            _ => self.1.count_grants(beside),
        }
    }

    fn grant_of(&self, id: GrantId, scope: &Scope) -> Option<Arc<Grant>> {
        self.1.grant_of(id, scope)
    }

    fn grants_of(&self, jid: &Jid, scope: &Scope) -> Vec<Arc<Grant>> {
        self.1.grants_of(jid, scope)
    }

    fn grants_to(&self, jid: &Jid, scope: &Scope) -> Vec<Arc<Grant>> {
        self.1.grants_to(jid, scope)
    }
}

impl KeyStore for Bent {
    fn key(&self, hash: &TokenHash) -> Option<Arc<ApiKey>> {
        self.1.key(hash)
    }

    fn insert_key(&self, key: ApiKey, hash: TokenHash) -> Answer<'_, ()> {
        self.1.insert_key(key, hash)
    }

    fn revoke_key(&self, id: KeyId, at: Timestamp) -> Answer<'_, bool> {
        self.1.revoke_key(id, at)
    }

    fn list_keys(&self) -> Vec<Arc<ApiKey>> {
        self.1.list_keys()
    }
}

impl BrowserSessions for Bent {
    fn browser_session(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Option<(BrowserSession, Arc<ApiKey>)> {
        self.1.browser_session(hash, now)
    }

    fn keep_browser_session(&self, session: BrowserSession, hash: TokenHash) -> Answer<'_, bool> {
        self.1.keep_browser_session(session, hash)
    }

    fn end_browser_session(&self, hash: TokenHash) -> Answer<'_, bool> {
        match self.0 {
            Bend::SigningOutOnlySaysSo => Box::pin(std::future::ready(Ok(true))),
            _ => self.1.end_browser_session(hash),
        }
    }
}

impl Channels for Bent {
    fn signing_keys(&self) -> KeyRing {
        self.1.signing_keys()
    }

    fn channel_grant(&self, id: GrantId) -> Option<Arc<ChannelGrant>> {
        self.1.channel_grant(id)
    }

    fn session(&self, id: &SessionId) -> Option<Arc<Session>> {
        self.1.session(id)
    }

    fn session_of(&self, session: &SessionRef) -> Option<Arc<Session>> {
        self.1.session_of(session)
    }
}

impl ChannelStore for Bent {
    fn insert_channel_grant(&self, grant: ChannelGrant) -> Answer<'_, Arc<ChannelGrant>> {
        self.1.insert_channel_grant(grant)
    }

    fn revoke_channel_grant(&self, id: GrantId, at: Timestamp) -> Answer<'_, bool> {
        self.1.revoke_channel_grant(id, at)
    }

    fn list_channel_grants(&self, scope: &Scope) -> Vec<ChannelUse> {
        self.1.list_channel_grants(scope)
    }

    fn count_channel_grants(&self, beside: &Folder) -> Count {
        self.1.count_channel_grants(beside)
    }

    fn count_sessions(&self, beside: &Folder) -> Count {
        self.1.count_sessions(beside)
    }

    fn make_session(&self, session: Session) -> Answer<'_, MakeSession> {
        self.1.make_session(session)
    }

    fn end_session(&self, id: SessionId, at: Timestamp) -> Answer<'_, bool> {
        self.1.end_session(id, at)
    }

    fn list_sessions(&self, scope: &Scope) -> Vec<Arc<Session>> {
        self.1.list_sessions(scope)
    }

    fn add_signing_key(&self, key: SigningKey, alone: bool) -> Answer<'_, ()> {
        self.1.add_signing_key(key, alone)
    }
}

impl Routes for Bent {
    fn routes(&self) -> Arc<Table> {
        self.1.routes()
    }
}

impl RouteStore for Bent {
    fn set_rule(&self, rule: NewRule) -> Answer<'_, Arc<Rule>, SetRuleError> {
        self.1.set_rule(rule)
    }

    fn remove_rule(&self, id: RouteId) -> Answer<'_, bool> {
        match self.0 {
            Bend::RemovingOnlySaysSo => Box::pin(std::future::ready(Ok(true))),
            _ => self.1.remove_rule(id),
        }
    }
}

impl Health for Bent {
    fn ready(&self) -> Result<(), StoreError> {
        self.1.ready()
    }
}

impl Log for Bent {
    fn put(&self, mut arrival: Arrival) -> Answer<'_, Put> {
        if self.0 == Bend::RepeatsAreStored {
            arrival.dedupe = None;
        }
        if self.0 == Bend::OnlyTheIdIsCompared && arrival.dedupe.is_some() {
            (arrival.body, arrival.head.query) = Default::default();
        }
        if self.0 == Bend::MessagesForgetTheirRule {
            arrival.rule = None;
        }
        self.1.put(arrival)
    }

    fn lease(&self, mut request: LeaseRequest) -> Answer<'_, Leased> {
        match self.0 {
            Bend::LeasesEndASecondEarly => request.lease_for -= Duration::from_secs(1),
            Bend::LeasesIgnoreThePattern => request.pattern = None,
            Bend::LeasesTakeWhatIsThere => request.among = None,
            Bend::ObservedComeAlone => request.observed_alone = true,
            Bend::AnyoneSettles => request.receiver = Receiver(0),
            _ => {}
        }
        self.1.lease(request)
    }

    fn settle(&self, mut request: SettleRequest) -> Answer<'_, Vec<bool>> {
        if self.0 == Bend::AnyoneSettles {
            request.receiver = Receiver(0);
        }
        if self.0 == Bend::NacksForgetTheirReason
            && let Settlement::Nack { reason, .. } = &mut request.how
        {
            *reason = None;
        }
        self.1.settle(request)
    }

    fn read(&self, mut request: ReadRequest) -> Answer<'_, Page> {
        if self.0 == Bend::PagesIgnoreTheState {
            request.state = None;
        }
        if self.0 == Bend::PagesIgnoreTheTime {
            (request.since, request.until) = (None, None);
        }
        if self.0 == Bend::PagesIgnoreTheFolder {
            request.within = None;
        }
        let page = self.1.read(request);
        if self.0 != Bend::CursorsLagByOne {
            return page;
        }
        Box::pin(async {
            let mut page = page.await?;
            page.cursor = Cursor(page.cursor.0.saturating_sub(1));
            Ok(page)
        })
    }

    fn get(
        &self,
        id: MessageId,
        scope: Scope,
        body_limit: usize,
        now: Timestamp,
    ) -> Answer<'_, Option<Detail>> {
        let found = self.1.get(id, scope, body_limit, now);
        if self.0 != Bend::LifeForgetsItsEnd {
            return found;
        }
        Box::pin(async {
            let mut found = found.await?;
            if let Some(detail) = &mut found
                && detail.message.state == State::Dead
            {
                detail.life.pop();
            }
            Ok(found)
        })
    }

    fn replay(&self, id: MessageId, scope: Scope, now: Timestamp) -> Answer<'_, bool> {
        if self.0 != Bend::ReplayOnlySaysSo {
            return self.1.replay(id, scope, now);
        }
        let found = self.1.get(id, scope, 0, now);
        Box::pin(async { Ok(found.await?.is_some()) })
    }

    fn replay_many(
        &self,
        ids: Vec<MessageId>,
        scope: Scope,
        now: Timestamp,
    ) -> Answer<'_, Vec<bool>> {
        if self.0 != Bend::WhatWaitsIsReplayedToo {
            return self.1.replay_many(ids, scope, now);
        }
        Box::pin(async move {
            let mut replayed = Vec::new();
            for id in ids {
                replayed.push(self.1.replay(id, scope.clone(), now).await?);
            }
            Ok(replayed)
        })
    }

    fn waiting(&self, inbox: &Inbox, pattern: Option<&Pattern>, now: Timestamp) -> Waiting {
        let pattern = pattern.filter(|_| self.0 != Bend::WaitingIgnoresThePattern);
        self.1.waiting(inbox, pattern, now)
    }

    fn summary(
        &self,
        inbox: &Inbox,
        pattern: Option<&Pattern>,
        receiver: Receiver,
        now: Timestamp,
    ) -> InboxSummary {
        let receiver = match self.0 {
            Bend::OthersAreNobody => Receiver(u64::MAX),
            _ => receiver,
        };
        self.1.summary(inbox, pattern, receiver, now)
    }

    fn backlogs(&self, most: usize, now: Timestamp) -> Answer<'_, Backlogs> {
        let found = self.1.backlogs(most, now);
        if self.0 != Bend::BacklogsForgetTheRest {
            return found;
        }
        Box::pin(async {
            let mut found = found.await?;
            found.rest = Backlog::default();
            Ok(found)
        })
    }

    fn peek(
        &self,
        inbox: &Inbox,
        pattern: Option<&Pattern>,
        after: Cursor,
        limit: usize,
        now: Timestamp,
    ) -> Vec<Cursor> {
        self.1.peek(inbox, pattern, after, limit, now)
    }

    fn rates(
        &self,
        scope: &Scope,
        within: Option<&Folder>,
        now: Timestamp,
    ) -> [(Timestamp, u64); MINUTES] {
        self.1.rates(scope, within, now)
    }

    fn end(&self) -> Cursor {
        self.1.end()
    }
}

#[test]
fn the_laws_find_out_every_bent_store() {
    for bend in BENDS {
        let broken = laws().into_iter().filter(|law| {
            let rings = Arc::new(Rings::default());
            let subject = Subject::new(Bent::open(bend, &rings), rings);
            let held = catch_unwind(AssertUnwindSafe(|| there_at_once((law.run)(subject))));
            held.is_err()
        });
        assert!(broken.count() > 0, "no law minds {bend:?}");
    }
}

#[test]
fn random_actions_find_out_every_bent_store() {
    // The actions set no rules, sign nobody in and count nothing: those are the laws' business alone.
    let by_laws = [
        Bend::RemovingOnlySaysSo,
        Bend::SigningOutOnlySaysSo,
        Bend::CountsKeepWhatIsOver,
    ];
    let by_actions = |bend: &Bend| !by_laws.contains(bend);
    for bend in BENDS.into_iter().filter(by_actions) {
        let found = (0..50).any(|seed| {
            let store = Bent::open(bend, &Arc::default());
            let compared = random::store_behaves_like_the_model(store, seed, 400);
            catch_unwind(AssertUnwindSafe(|| there_at_once(compared))).is_err()
        });
        assert!(found, "nothing that was done showed {bend:?}");
    }
}
