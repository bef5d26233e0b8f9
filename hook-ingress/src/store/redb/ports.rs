//! The ports, as they are answered: from memory, by the files, or by the writer.

use std::{collections::HashSet, sync::Arc};

use doorbell_core::{
    acl::Scope,
    address::{Inbox, Jid},
    backlog::Backlogs,
    bound::Count,
    folder::Folder,
    grant::{Grant, GrantId},
    key::{ApiKey, KeyId},
    message::{Arrival, ContentHash, Cursor, MessageId, Receiver, RouteId},
    pattern::Pattern,
    ports::{
        Answer, Detail, GrantStore, GrantUse, Grants, Health, InboxSummary, InsertGrantError,
        KeyStore, LeaseRequest, Leased, Log, Page, Put, ReadRequest, RouteStore, Routes,
        SetRuleError, SettleRequest, StoreError, Waiting,
    },
    rates::MINUTES,
    route::{NewRule, Rule, Table},
    time::Timestamp,
    token::TokenHash,
};

use super::{
    RedbStore,
    command::{Command, PutCommand, SettleCommand},
    entry::{Dedupe, seq_of},
    record,
    registry::Registry,
    shared::Shared,
    told::tell_leased,
};

impl RedbStore {
    pub(super) fn registry(&self) -> std::sync::RwLockReadGuard<'_, Registry> {
        self.shared
            .registry
            .read()
            .expect("nothing panics under this lock")
    }

    /// Routes anew what waits for sessions that have ended.
    pub(super) async fn reroute(&self, now: Timestamp) -> Result<(), StoreError> {
        let writer = self.queue.clone();
        let reroute = move |shared: &Shared| shared.reroute(&writer, now);
        self.blocking(reroute).await.map(drop)
    }

    fn lease_what_waits(&self, request: LeaseRequest) -> Answer<'_, Leased> {
        let (body_limit, now) = (request.body_limit, request.now);
        let again = request.clone();
        let asked = self.ask(move |answer| Command::Lease(Box::new(request), answer));
        Box::pin(async move {
            let picked = asked.await?;
            let next_ready_at = picked.next_ready_at;
            if picked.messages.is_empty() && picked.observed.is_empty() {
                return Ok(Leased {
                    next_ready_at,
                    ..Leased::default()
                });
            }
            let read = self.blocking(move |shared| {
                let seqs: Vec<u64> = picked.messages.iter().map(|(seq, _)| *seq).collect();
                let mut messages = shared.messages(&seqs, body_limit, now)?;
                let mut taken = picked.messages.into_iter();
                let mut index = shared.index();
                for message in &mut messages {
                    let seq = seq_of(message.id);
                    // As it was leased, whatever has become of it since; both are in one order.
                    if let Some((_, attempt)) = taken.find(|(at, _)| *at == seq) {
                        message.attempt = attempt;
                    }
                    if let Some(hold) = index.holds.get_mut(&seq) {
                        hold.id = Some(message.id);
                    }
                }
                drop(index);
                let damaged = messages.extract_if(.., |message| message.damaged);
                let damaged: Vec<MessageId> = damaged.map(|message| message.id).collect();
                messages.iter().for_each(tell_leased);
                let mut observed = shared.messages(&picked.observed, body_limit, now)?;
                observed.retain(|message| !message.damaged);
                let leased = Leased {
                    messages,
                    observed,
                    next_ready_at,
                };
                Ok((leased, damaged))
            });
            let (leased, damaged) = read.await?;
            if damaged.is_empty() {
                return Ok(leased);
            }
            // Nobody can work with these: they lie among the dead, and others are looked for.
            self.ask(move |answer| Command::Bury(damaged, now, answer))
                .await?;
            if leased.messages.is_empty() && leased.observed.is_empty() {
                return self.lease_what_waits(again).await;
            }
            Ok(leased)
        })
    }
}

impl Grants for RedbStore {
    fn grant(&self, hash: &TokenHash) -> Option<Arc<Grant>> {
        self.registry().grant(hash)
    }
}

impl GrantStore for RedbStore {
    fn insert_grant(
        &self,
        grant: Grant,
        hash: TokenHash,
        now: Timestamp,
    ) -> Answer<'_, Arc<Grant>, InsertGrantError> {
        let ask = self.ask(move |answer| Command::InsertGrant(Box::new(grant), hash, now, answer));
        Box::pin(ask)
    }

    fn revoke_grants(&self, ids: Vec<GrantId>, at: Timestamp) -> Answer<'_, Vec<GrantId>> {
        Box::pin(self.ask(move |answer| Command::RevokeGrants(ids, at, answer)))
    }

    fn list_grants(&self, scope: &Scope) -> Vec<GrantUse> {
        self.registry().list(scope)
    }

    fn count_grants(&self, beside: &Folder) -> Count {
        self.registry().standing.beside(beside)
    }

    fn grant_of(&self, id: GrantId, scope: &Scope) -> Option<Arc<Grant>> {
        let (_, grant) = self.registry().grant_by_id(id)?;
        scope.covers(&grant.owner_folder).then_some(grant)
    }

    fn grants_of(&self, jid: &Jid, scope: &Scope) -> Vec<Arc<Grant>> {
        let mut grants = self.registry().of_jid(jid);
        grants.retain(|grant| scope.covers(&grant.owner_folder));
        grants
    }

    fn grants_to(&self, jid: &Jid, scope: &Scope) -> Vec<Arc<Grant>> {
        let mut grants = self.registry().of_jid(jid);
        grants.retain(|grant| scope.covers(&grant.target_folder));
        grants
    }
}

impl KeyStore for RedbStore {
    fn key(&self, hash: &TokenHash) -> Option<Arc<ApiKey>> {
        self.registry().key(hash)
    }

    fn insert_key(&self, key: ApiKey, hash: TokenHash) -> Answer<'_, ()> {
        Box::pin(self.ask(move |answer| Command::InsertKey(Box::new(key), hash, answer)))
    }

    fn revoke_key(&self, id: KeyId, at: Timestamp) -> Answer<'_, bool> {
        Box::pin(self.ask(move |answer| Command::RevokeKey(id, at, answer)))
    }

    fn list_keys(&self) -> Vec<Arc<ApiKey>> {
        self.registry().keys()
    }
}

impl Routes for RedbStore {
    fn routes(&self) -> Arc<Table> {
        self.registry().routes.clone()
    }
}

impl RouteStore for RedbStore {
    fn set_rule(&self, rule: NewRule) -> Answer<'_, Arc<Rule>, SetRuleError> {
        Box::pin(self.ask(move |answer| Command::SetRule(Box::new(rule), answer)))
    }

    fn remove_rule(&self, id: RouteId) -> Answer<'_, bool> {
        Box::pin(self.ask(move |answer| Command::RemoveRule(id, answer)))
    }
}

impl Log for RedbStore {
    fn put(&self, arrival: Arrival) -> Answer<'_, Put> {
        let Arrival {
            via,
            to,
            rule,
            kind,
            mode,
            received_at,
            head,
            body,
            dedupe,
            test,
            repeat_of,
        } = arrival;
        let origin = self.shared.origins.number(&via, &to, rule.as_ref());
        let dedupe = dedupe.map(|id| {
            let content = ContentHash::of(kind, &head, &body);
            Dedupe::new(via.id(), id, content)
        });
        let mut head = record::encode_front(&head, &body);
        if let Some(first) = repeat_of {
            record::add_repeat_of(&mut head, first);
        }
        let check = record::check(&head, &body);
        let session = match to.inbox {
            Inbox::Session(session) => Some(session),
            Inbox::Folder(_) => None,
        };
        Box::pin(self.ask(move |answer| {
            let put = PutCommand {
                via,
                session,
                origin,
                kind,
                mode,
                received_at,
                head,
                body,
                check,
                test,
                dedupe,
                answer,
            };
            Command::Put(Box::new(put))
        }))
    }

    fn lease(&self, request: LeaseRequest) -> Answer<'_, Leased> {
        let now = request.now;
        if self.shared.has_strays(now) {
            return Box::pin(async move {
                self.reroute(now).await?;
                self.lease_what_waits(request).await
            });
        }
        self.lease_what_waits(request)
    }

    fn settle(&self, request: SettleRequest) -> Answer<'_, Vec<bool>> {
        Box::pin(async move {
            let SettleRequest {
                ids,
                how,
                receiver,
                scope,
                now,
            } = request;
            let mut asked = HashSet::with_capacity(ids.len());
            // The same request does not settle a message twice.
            let once = ids.into_iter().map(|id| asked.insert(id).then_some(id));
            let ids: Vec<Option<MessageId>> = once.collect();
            let targets = match self.shared.held(&ids, &scope) {
                Some(targets) => targets,
                None => {
                    self.blocking(move |shared| {
                        ids.into_iter()
                            .map(|id| id.map_or(Ok(None), |id| shared.target(id, &scope)))
                            .collect::<Result<Vec<_>, _>>()
                    })
                    .await?
                }
            };
            if targets.iter().all(Option::is_none) {
                return Ok(vec![false; targets.len()]);
            }
            let (asked, told) = (targets.clone(), how.clone());
            let ask = self.ask(move |answer| {
                Command::Settle(Box::new(SettleCommand {
                    targets,
                    how,
                    receiver,
                    now,
                    answer,
                }))
            });
            let settled = ask.await?;
            for (target, settled) in asked.iter().zip(&settled) {
                if let (Some(target), true) = (target, settled) {
                    self.shared.tell_settled(target, &told);
                }
            }
            Ok(settled)
        })
    }

    fn read(&self, request: ReadRequest) -> Answer<'_, Page> {
        Box::pin(self.blocking(move |shared| shared.page(&request)))
    }

    fn get(
        &self,
        id: MessageId,
        scope: Scope,
        body_limit: usize,
        now: Timestamp,
    ) -> Answer<'_, Option<Detail>> {
        Box::pin(self.blocking(move |shared| shared.detail(id, &scope, body_limit, now)))
    }

    fn replay(&self, id: MessageId, scope: Scope, now: Timestamp) -> Answer<'_, bool> {
        Box::pin(async move {
            let target = self
                .blocking(move |shared| shared.replayable(id, &scope, now))
                .await?;
            match target {
                None => Ok(false),
                Some(target) => {
                    let known = target.target;
                    let ask = self.ask(move |answer| Command::Replay(target, now, answer));
                    let replayed = ask.await?;
                    if replayed {
                        self.shared.tell_replayed(&known);
                    }
                    Ok(replayed)
                }
            }
        })
    }

    fn replay_many(
        &self,
        ids: Vec<MessageId>,
        scope: Scope,
        now: Timestamp,
    ) -> Answer<'_, Vec<bool>> {
        Box::pin(async move {
            let find = move |shared: &Shared| {
                let targets = ids.iter().map(|id| shared.replayable(*id, &scope, now));
                targets.collect::<Result<Vec<_>, _>>()
            };
            let targets = self.blocking(find).await?;
            if targets.iter().all(Option::is_none) {
                return Ok(vec![false; targets.len()]);
            }
            let asked = targets.clone();
            let ask = self.ask(move |answer| Command::ReplayMany(targets, now, answer));
            let replayed = ask.await?;
            for (target, replayed) in asked.iter().zip(&replayed) {
                if let (Some(target), true) = (target, replayed) {
                    self.shared.tell_replayed(&target.target);
                }
            }
            Ok(replayed)
        })
    }

    fn waiting(&self, inbox: &Inbox, pattern: Option<&Pattern>, now: Timestamp) -> Waiting {
        self.shared
            .index()
            .waiting(inbox, pattern, now, &self.shared.origins)
    }

    fn summary(
        &self,
        inbox: &Inbox,
        pattern: Option<&Pattern>,
        receiver: Receiver,
        now: Timestamp,
    ) -> InboxSummary {
        let origins = &self.shared.origins;
        let index = self.shared.index();
        index.summary(inbox, pattern, receiver, now, origins)
    }

    fn backlogs(&self, most: usize, now: Timestamp) -> Answer<'_, Backlogs> {
        Box::pin(self.blocking(move |shared| shared.backlogs(most, now)))
    }

    fn peek(
        &self,
        inbox: &Inbox,
        pattern: Option<&Pattern>,
        after: Cursor,
        limit: usize,
        now: Timestamp,
    ) -> Vec<Cursor> {
        let index = self.shared.index();
        let numbers = index.origins_of(inbox, pattern, &self.shared.origins);
        index
            .peek(&numbers, after.0, limit, now)
            .into_iter()
            .map(Cursor)
            .collect()
    }

    fn rates(
        &self,
        scope: &Scope,
        within: Option<&Folder>,
        now: Timestamp,
    ) -> [(Timestamp, u64); MINUTES] {
        self.shared.index().rates.of(scope, within, now)
    }

    fn end(&self) -> Cursor {
        Cursor(self.shared.end())
    }
}

impl Health for RedbStore {
    fn ready(&self) -> Result<(), StoreError> {
        self.shared.ready()
    }

    fn no_room(&self) -> Option<String> {
        self.shared.no_room()
    }
}
