//! The desk that decides.

use std::sync::Arc;

use doorbell_core::{
    acl::{Consume, ManageGrants, Mint, Operate, Permit, Scope, UseMessages, authorize},
    address::{Inbox, Jid},
    folder::Folder,
    grant::{Door, GrantId, Ttl},
    key::KeyId,
    label::SessionId,
    message::{Cursor, MessageId, RouteId},
    pattern::Pattern,
    ports::{self, SettleRequest, Settlement},
    principal::Principal,
    registry::{Issued, NewGrant},
    token::TokenKind,
};

use super::{Answer, Desk, forgetting, receiving, shapes};
use crate::{
    caller::Caller,
    house::House,
    refusal::Refusal,
    shares::OneOf,
    sources,
    wire::{
        Ack, AckResults, ChannelList, Count, Detail, ExposeChannel, ExposedChannel, IssueChat,
        IssueKey, IssueWebhook, IssuedKey, IssuedToken, KeyList, KeyRevoked, ListTokens, Message,
        Nack, OpenSession, Page, Read, Receive, Received, Replay, Replayed, ReplayedMany, Revoked,
        RotateSigningKey, RouteList, RouteTested, SessionEntry, SessionList, SetRoute,
        SettleStatus, Settled, SigningKeyRotated, TestRoute, Text, TokenEntry, TokenList,
    },
};

/// How many ids one call settles.
pub(crate) const MAX_IDS: usize = 1_000;
/// How many bytes of messages a page holds, but for a first one that is larger.
pub(super) const PAGE_BYTES: usize = 8 * 1024 * 1024;
/// The longest name of a key, in characters.
const MAX_KEY_NAME: usize = 200;

/// A desk in the server itself, bound to one caller.
#[derive(Clone)]
pub struct Local {
    pub(super) house: Arc<House>,
    pub(super) caller: Caller,
}

impl Local {
    /// The desk of `house` for `caller`.
    pub fn new(house: Arc<House>, caller: Caller) -> Self {
        Self { house, caller }
    }

    pub(super) fn principal(&self) -> &Principal {
        &self.caller.principal
    }

    /// The folder named, or the caller's own; an operator has none and must name it.
    pub(super) fn folder_or_home(
        &self,
        named: Option<Text<Folder>>,
        field: &str,
    ) -> Answer<Folder> {
        named
            .map(|named| named.0)
            .or_else(|| self.principal().home().cloned())
            .ok_or_else(|| {
                Refusal::invalid(field, "is required: an operator has no folder of its own")
            })
    }

    pub(super) fn use_messages(&self) -> Answer<Permit<UseMessages>> {
        Ok(authorize(self.principal(), UseMessages)?)
    }

    /// Whether the caller runs the instance.
    pub fn operate(&self) -> Answer<Permit<Operate>> {
        authorize(self.principal(), Operate)
            .map_err(|_| Refusal::Forbidden("this is the operator's business alone".to_owned()))
    }

    /// Refuses whoever may not leave anything out of the lists.
    pub(super) fn may_probe(&self, probe: bool) -> Answer<()> {
        if probe && self.operate().is_err() {
            return Err(Refusal::Forbidden(
                "probe is the operator's alone: what came of it is forgotten".to_owned(),
            ));
        }
        Ok(())
    }

    async fn mint(
        &self,
        door: Door,
        target: Option<Text<Folder>>,
        context: Option<Text<doorbell_core::grant::Context>>,
        ttl: Option<u64>,
        probe: bool,
    ) -> Answer<IssuedToken> {
        self.may_probe(probe)?;
        let target_folder = self.folder_or_home(target, "target_folder")?;
        let permit = authorize(self.principal(), Mint { target_folder }).map_err(|denied| {
            Refusal::Forbidden(format!("{denied}: target_folder lies outside its folder"))
        })?;
        let ttl = Ttl::from_seconds(ttl.unwrap_or(0))
            .map_err(|error| Refusal::invalid("ttl_seconds", error))?;
        let shown = matches!(door, Door::Hook { .. });
        let new = NewGrant {
            door,
            context: context.map(|context| context.0),
            ttl,
            public_url: shown.then(|| self.house.public_url.as_str().into()),
            probe,
        };
        let issued = self.house.registry.issue(permit, new).await?;
        tracing::info!(
            jid = %issued.grant.jid(), grant = %issued.grant.id, by = %self.caller,
            "issued"
        );
        Ok(self.show(&issued))
    }

    /// Whose messages the caller may read.
    pub fn scope(&self) -> Answer<Scope> {
        Ok(self.use_messages()?.scope())
    }

    /// Whether the caller's credential still lets it in: whoever stays on the line is asked again.
    pub fn is_let_in(&self) -> bool {
        let authenticator = &self.house.authenticator;
        authenticator.still_lets_in(&self.caller.credential)
    }

    /// One of the streams that may be open at once.
    pub fn open_stream(&self) -> Answer<OneOf> {
        self.house.shares.stream(&self.caller)
    }

    /// Waits until it does not.
    pub async fn let_out(&self) {
        let authenticator = &self.house.authenticator;
        authenticator.let_out(&self.caller.credential).await;
    }

    /// One message by its place in the log, at most `body_bytes` of its body.
    pub async fn at(&self, place: Cursor, body_bytes: u64) -> Answer<Option<Message>> {
        let before = Cursor(place.0.saturating_sub(1));
        let (messages, _) = self.follow(None, before, 1, body_bytes).await?;
        let found = messages.into_iter().find(|(cursor, _)| *cursor == place);
        Ok(found.map(|(_, message)| message))
    }

    /// Reads on behind `cursor`: messages, each with its own place and at most `body_bytes` of its
    /// body, and where the next page begins.
    pub async fn follow(
        &self,
        pattern: Option<Pattern>,
        cursor: Cursor,
        limit: usize,
        body_bytes: u64,
    ) -> Answer<(Vec<(Cursor, Message)>, Cursor)> {
        let request = ports::ReadRequest {
            scope: self.use_messages()?.scope(),
            within: None,
            pattern,
            state: None,
            since: None,
            until: None,
            cursor: Some(cursor),
            order: ports::Order::OldestFirst,
            limit,
            body_limit: usize::try_from(body_bytes).unwrap_or(usize::MAX),
            budget: PAGE_BYTES,
            now: self.house.clock.now(),
        };
        let page = self.house.store.read(request).await?;
        let messages = page.messages.into_iter();
        Ok((
            messages.map(|m| (m.cursor, shapes::message(m))).collect(),
            page.cursor,
        ))
    }

    /// The one place where a new token is written out.
    fn show(&self, issued: &Issued) -> IssuedToken {
        let token = issued.token.expose();
        IssuedToken {
            token: token.to_owned(),
            url: (issued.token.kind() == TokenKind::Hook)
                .then(|| format!("{}/hook/{token}", self.house.public_url)),
            jid: Text(issued.grant.jid()),
            grant_id: Text(issued.grant.id),
            expires_at: issued.grant.expires_at.map(Text),
            next_steps: match &issued.grant.door {
                Door::Hook { label, .. } => Some(sources::next_steps(label, issued.grant.id)),
                Door::Web { .. } => None,
            },
            warning: self.url_warning(),
        }
    }

    async fn settle(&self, ids: Vec<String>, how: Settlement) -> Answer<AckResults> {
        if ids.is_empty() || ids.len() > MAX_IDS {
            return Err(Refusal::invalid("ids", format!("1 to {MAX_IDS} ids")));
        }
        let done = match how {
            Settlement::Ack => SettleStatus::Acked,
            Settlement::Nack { .. } => SettleStatus::Nacked,
        };
        // A text that is no id names no message: it is as unknown as an id nobody minted.
        let parsed: Vec<Option<MessageId>> = ids.iter().map(|id| id.parse().ok()).collect();
        let request = SettleRequest {
            ids: parsed.iter().copied().flatten().collect(),
            how,
            receiver: self.caller.receiver,
            scope: self.use_messages()?.scope(),
            now: self.house.clock.now(),
        };
        let mut answers = self.house.store.settle(request).await?.into_iter();
        self.house.switchboard.settled();
        let mut settled = |known: bool| known && answers.next().unwrap_or(false);
        let results = ids
            .into_iter()
            .zip(parsed)
            .map(|(id, parsed)| Settled {
                id,
                status: if settled(parsed.is_some()) {
                    done
                } else {
                    SettleStatus::NotFound
                },
            })
            .collect();
        Ok(AckResults { results })
    }
}

impl Desk for Local {
    async fn issue_webhook(&self, ask: IssueWebhook) -> Answer<IssuedToken> {
        let door = Door::Hook {
            label: ask.source_label.0,
            suffix: ask.jid_suffix.map(|suffix| suffix.0),
        };
        self.mint(
            door,
            ask.target_folder,
            ask.context,
            ask.ttl_seconds.map(Count::get),
            ask.probe,
        )
        .await
    }

    async fn issue_chat(&self, ask: IssueChat) -> Answer<IssuedToken> {
        let door = Door::Web {
            suffix: ask.jid_suffix.map(|suffix| suffix.0),
        };
        self.mint(
            door,
            ask.target_folder,
            ask.context,
            ask.ttl_seconds.map(Count::get),
            false,
        )
        .await
    }

    async fn list_tokens(&self, ask: ListTokens) -> Answer<TokenList> {
        let permit = authorize(self.principal(), ManageGrants)?;
        let within = ask.folder.map(|folder| folder.0);
        let grants = self.house.registry.list(&permit, within.as_ref());
        Ok(TokenList {
            tokens: grants.iter().map(TokenEntry::from).collect(),
        })
    }

    async fn revoke_token(&self, jid: Jid) -> Answer<Revoked> {
        let permit = authorize(self.principal(), ManageGrants)?;
        let revoked = self.house.registry.revoke(&permit, &jid).await?;
        for grant in &revoked {
            tracing::info!(%jid, %grant, by = %self.caller, "revoked");
        }
        forgetting::probes(&self.house).await?;
        Ok(Revoked {
            jid: Text(jid),
            revoked: revoked.len() as u64,
        })
    }

    async fn revoke_grant(&self, id: GrantId) -> Answer<Revoked> {
        let permit = authorize(self.principal(), ManageGrants)?;
        let Some((grant, was_live)) = self.house.registry.revoke_one(&permit, id).await? else {
            return Err(Refusal::NotFound(format!("no grant {id}")));
        };
        let jid = grant.jid();
        if was_live {
            tracing::info!(%jid, grant = %id, by = %self.caller, "revoked");
        }
        forgetting::probes(&self.house).await?;
        Ok(Revoked {
            jid: Text(jid),
            revoked: u64::from(was_live),
        })
    }

    async fn receive(&self, ask: Receive) -> Answer<Received> {
        let folder = self.folder_or_home(ask.folder.clone(), "folder")?;
        let permit = authorize(self.principal(), Consume { folder }).map_err(|denied| {
            Refusal::Forbidden(format!("{denied}: folder lies outside its folder"))
        })?;
        let mut inboxes = vec![Inbox::Folder(permit.action().folder.clone())];
        inboxes.extend(self.own_session_inbox()?);
        receiving::receive(&self.house, inboxes, self, &ask).await
    }

    async fn ack(&self, ask: Ack) -> Answer<AckResults> {
        self.settle(ask.ids, Settlement::Ack).await
    }

    async fn nack(&self, ask: Nack) -> Answer<AckResults> {
        let delay = std::time::Duration::from_secs(ask.delay_seconds.map_or(0, Count::get));
        let how = Settlement::Nack {
            delay,
            reason: ask.reason.map(|reason| reason.0),
            attempted: ask.attempted.unwrap_or(true),
        };
        self.settle(ask.ids, how).await
    }

    async fn read(&self, ask: Read) -> Answer<Page> {
        self.page(ask).await
    }

    async fn message(&self, id: MessageId, max_body_bytes: Option<u64>) -> Answer<Detail> {
        let scope = self.use_messages()?.scope();
        let limit = max_body_bytes.map_or(usize::MAX, |bytes| {
            usize::try_from(bytes).unwrap_or(usize::MAX)
        });
        let found = self
            .house
            .store
            .get(id, scope, limit, self.house.clock.now())
            .await?;
        found
            .map(|found| shapes::detail(found, &self.house.switchboard.rings.of(id)))
            .ok_or_else(|| Refusal::NotFound(format!("no message {id}")))
    }

    async fn replay(&self, id: MessageId) -> Answer<Replayed> {
        let scope = self.use_messages()?.scope();
        let (store, now) = (&self.house.store, self.house.clock.now());
        if store.replay(id, scope.clone(), now).await? {
            tracing::info!(%id, by = %self.caller, "replay asked for");
            return Ok(Replayed {
                id: Text(id),
                replayed: true,
            });
        }
        Err(match store.get(id, scope, 0, now).await? {
            None => Refusal::NotFound(format!("no message {id}")),
            Some(_) => Refusal::Conflict(format!(
                "{id} was said to a session that has ended: say it to another"
            )),
        })
    }

    async fn replay_many(&self, ask: Replay) -> Answer<ReplayedMany> {
        self.replay_all(ask).await
    }

    async fn issue_key(&self, ask: IssueKey) -> Answer<IssuedKey> {
        let permit = self.operate()?;
        if ask
            .name
            .as_ref()
            .is_some_and(|name| name.chars().count() > MAX_KEY_NAME)
        {
            return Err(Refusal::invalid(
                "name",
                format!("at most {MAX_KEY_NAME} characters"),
            ));
        }
        let principal = Principal::Agent(ask.folder.0);
        let issued = self
            .house
            .registry
            .issue_key(&permit, principal, ask.name.map(Into::into))
            .await?;
        tracing::info!(key = %issued.key.id, holder = %issued.key.principal, by = %self.caller, "API key issued");
        Ok(IssuedKey {
            key: issued.token.expose().to_owned(),
            entry: shapes::key(&issued.key),
        })
    }

    async fn list_keys(&self) -> Answer<KeyList> {
        let permit = self.operate()?;
        let keys = self.house.registry.list_keys(&permit);
        Ok(KeyList {
            keys: keys.iter().map(|key| shapes::key(key)).collect(),
        })
    }

    async fn revoke_key(&self, id: KeyId) -> Answer<KeyRevoked> {
        let permit = self.operate()?;
        if self.house.registry.revoke_key(&permit, id).await? {
            self.house.authenticator.note_end();
            tracing::info!(key = %id, by = %self.caller, "API key revoked");
            Ok(KeyRevoked {
                key_id: Text(id),
                revoked: true,
            })
        } else {
            Err(Refusal::NotFound(format!("no live API key {id}")))
        }
    }

    async fn expose_channel(&self, ask: ExposeChannel) -> Answer<ExposedChannel> {
        self.expose(ask).await
    }

    async fn list_channels(&self) -> Answer<ChannelList> {
        self.channels()
    }

    async fn revoke_channel(&self, id: GrantId) -> Answer<ChannelList> {
        self.revoke_channel_grant(id).await
    }

    async fn open_session(&self, ask: OpenSession) -> Answer<SessionEntry> {
        Ok(self.make_session(ask).await?.0)
    }

    async fn list_sessions(&self) -> Answer<SessionList> {
        self.sessions()
    }

    async fn end_session(&self, id: SessionId) -> Answer<SessionEntry> {
        self.end(id).await
    }

    async fn set_route(&self, ask: SetRoute) -> Answer<RouteList> {
        self.set(ask).await
    }

    async fn list_routes(&self) -> Answer<RouteList> {
        self.routes()
    }

    async fn remove_route(&self, id: RouteId) -> Answer<RouteList> {
        self.remove(id).await
    }

    async fn test_route(&self, ask: TestRoute) -> Answer<RouteTested> {
        self.try_routes(ask)
    }

    async fn rotate_signing_key(&self, ask: RotateSigningKey) -> Answer<SigningKeyRotated> {
        self.rotate(ask).await
    }
}
