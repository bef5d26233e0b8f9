//! One of the two stores, and what it said so far.
//!
//! Two stores give their own ids and cursors to the same message, so answers are compared with
//! each message's number in their stead.

use std::{sync::Arc, time::Duration};

use super::{
    super::subject::{T0, grants_of, hash, in_folder, messages_of, open_session, session},
    action::{Action, From, Pile},
};
use crate::{
    address::Inbox,
    backlog::Backlogs,
    grant::{Door, Grant, GrantId},
    message::{
        Arrival, Cursor, DedupeId, Destination, Head, Kind, LifeEvent, Matched, Message, MessageId,
        Mode, Receiver, Repeats, RouteId, State,
    },
    pattern::Pattern,
    ports::{
        GrantUse, InboxSummary, InsertGrantError, LeaseRequest, Put, ReadRequest, SettleRequest,
        Store, Waiting,
    },
    principal::Principal,
    time::Timestamp,
};

/// How much of a body is compared.
const BODY_LIMIT: usize = 64;

/// What a store answered, in words that both stores share.
#[derive(Debug, PartialEq)]
pub(super) enum Reply {
    Minted(Arc<Grant>),
    /// The JID; more than one grant may be to blame for it.
    Clash(String),
    Ids(Vec<GrantId>),
    Grants(Vec<GrantUse>),
    Stored(usize),
    Duplicate(usize),
    Revoked,
    Leased(Vec<Seen>, Vec<Seen>, Option<Timestamp>),
    Settled(Vec<bool>),
    Page(Vec<Seen>, bool),
    Detail(Option<(Seen, Vec<LifeEvent>, Option<Repeats>)>),
    Replayed(bool),
    ReplayedMany(Vec<bool>),
    Waiting(Waiting, InboxSummary),
    Backlogs(Backlogs),
}

/// A message, less what differs between stores and what the laws look at.
#[derive(Debug, PartialEq)]
pub(super) struct Seen {
    number: usize,
    jid: String,
    to: Destination,
    rule: Option<u128>,
    mode: Mode,
    received_at: Timestamp,
    body: bytes::Bytes,
    body_bytes: u64,
    attempt: u8,
    state: State,
    repeat_of: Option<usize>,
}

pub(super) struct Side {
    store: Arc<dyn Store>,
    grants: Vec<Arc<Grant>>,
    messages: Vec<MessageId>,
    pages: Vec<Cursor>,
}

impl Side {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            grants: Vec::new(),
            messages: Vec::new(),
            pages: Vec::new(),
        }
    }

    pub(super) fn grants(&self) -> usize {
        self.grants.len()
    }

    pub(super) fn messages(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn pages(&self) -> usize {
        self.pages.len()
    }

    fn number(&self, id: MessageId) -> usize {
        let found = self.messages.iter().position(|have| *have == id);
        found.expect("a store shows what it said it stored")
    }

    fn seen(&self, messages: Vec<Message>) -> Vec<Seen> {
        messages.into_iter().map(|one| self.see(one)).collect()
    }

    fn see(&self, message: Message) -> Seen {
        Seen {
            number: self.number(message.id),
            jid: message.address.to_string(),
            to: message.to,
            rule: message.rule.map(|rule| rule.id.as_u128()),
            mode: message.mode,
            received_at: message.received_at,
            body: message.body,
            body_bytes: message.body_bytes,
            attempt: message.attempt,
            state: message.state,
            repeat_of: message.repeat_of.map(|first| self.number(first)),
        }
    }

    /// Does it, and says what came of it.
    pub(super) async fn take(&mut self, action: &Action, now: Timestamp) -> Reply {
        match action.clone() {
            Action::Mint {
                folder,
                owner,
                label,
                suffix,
                ttl,
            } => {
                let suffix = suffix.map(|suffix| suffix.parse().expect("legal"));
                let label = label.parse().expect("legal");
                self.mint(folder, owner, Door::Hook { label, suffix }, ttl, now)
                    .await
            }
            Action::Revoke { grants } => {
                let ids = grants.into_iter().map(|n| self.grants[n].id).collect();
                let revoked = self.store.revoke_grants(ids, now).await;
                let mut revoked = revoked.expect("revoked");
                revoked.sort();
                Reply::Ids(revoked)
            }
            Action::Grants { who } => {
                Reply::Grants(self.store.list_grants(&grants_of(&principal(who))))
            }
            Action::Put {
                grant,
                folder,
                to_session,
                rule,
                mode,
                repeat_of,
                body_bytes,
            } => {
                let mut to = Destination::folder(in_folder(folder));
                if to_session {
                    to.inbox = session("build");
                }
                open_session(&*self.store, &to).await;
                self.put(Arrival {
                    via: self.grants[grant].clone().into(),
                    to,
                    rule: rule.map(matched),
                    kind: Kind::Hook,
                    mode,
                    received_at: now,
                    head: Head::default(),
                    body: match repeat_of {
                        None => body(self.messages.len(), body_bytes),
                        Some((n, content)) => body(n * 10 + content, 24),
                    },
                    dedupe: repeat_of.map(|(n, _)| DedupeId::new("webhook-id", &[n as u8])),
                    test: false,
                    repeat_of: None,
                })
                .await
            }
            Action::Lease {
                from,
                receiver,
                max,
                pattern,
                lease_for,
                max_observed,
                observed_alone,
                among,
            } => {
                let mut places = Vec::new();
                for n in among.iter().flatten() {
                    places.extend(self.cursor(From::Message(*n), now).await);
                }
                let request = LeaseRequest {
                    inboxes: from.into_iter().map(inbox).collect(),
                    receiver: Receiver(receiver),
                    max,
                    pattern: parse(pattern),
                    body_limit: BODY_LIMIT,
                    now,
                    lease_for,
                    max_observed,
                    observed_alone,
                    among: among.map(|_| places),
                };
                let leased = self.store.lease(request).await.expect("leased");
                let messages = self.seen(leased.messages);
                Reply::Leased(messages, self.seen(leased.observed), leased.next_ready_at)
            }
            Action::Settle {
                messages,
                how,
                receiver,
                who,
            } => {
                let request = SettleRequest {
                    ids: messages.into_iter().map(|n| self.messages[n]).collect(),
                    how,
                    receiver: Receiver(receiver),
                    scope: messages_of(&principal(who)),
                    now,
                };
                Reply::Settled(self.store.settle(request).await.expect("settled"))
            }
            Action::Read {
                who,
                within,
                since,
                until,
                pattern,
                state,
                from,
                order,
                limit,
            } => {
                let ago = |age: Duration| {
                    let age = u64::try_from(age.as_millis()).expect("short");
                    Timestamp::from_millis(now.as_millis() - age)
                };
                let request = ReadRequest {
                    scope: messages_of(&principal(who)),
                    within: within.map(in_folder),
                    pattern: parse(pattern),
                    state,
                    since: since.map(ago),
                    until: until.map(ago),
                    cursor: self.cursor(from, now).await,
                    order,
                    limit,
                    body_limit: BODY_LIMIT,
                    budget: usize::MAX,
                    now,
                };
                let page = self.store.read(request).await.expect("read");
                self.pages.push(page.cursor);
                Reply::Page(self.seen(page.messages), page.more)
            }
            Action::Get { message, who } => {
                let scope = messages_of(&principal(who));
                let id = self.messages[message];
                let found = self.store.get(id, scope, BODY_LIMIT, now).await;
                let found = found.expect("read");
                Reply::Detail(
                    found.map(|found| (self.see(found.message), found.life, found.repeats)),
                )
            }
            Action::Replay { message, who } => {
                let scope = messages_of(&principal(who));
                let id = self.messages[message];
                let replayed = self.store.replay(id, scope, now).await;
                Reply::Replayed(replayed.expect("replayed"))
            }
            Action::ReplayMany { messages, who } => {
                let scope = messages_of(&principal(who));
                let ids = messages.into_iter().map(|n| self.messages[n]).collect();
                let replayed = self.store.replay_many(ids, scope, now).await;
                Reply::ReplayedMany(replayed.expect("replayed"))
            }
            Action::Waiting {
                pile,
                pattern,
                receiver,
            } => {
                let (inbox, pattern) = (inbox(pile), parse(pattern));
                let pattern = pattern.as_ref();
                Reply::Waiting(
                    self.store.waiting(&inbox, pattern, now),
                    self.store.summary(&inbox, pattern, Receiver(receiver), now),
                )
            }
            Action::Backlogs { most } => {
                Reply::Backlogs(self.store.backlogs(most, now).await.expect("counted"))
            }
        }
    }

    async fn mint(
        &mut self,
        folder: &str,
        owner: &str,
        door: Door,
        ttl: Option<Duration>,
        now: Timestamp,
    ) -> Reply {
        let n = self.grants.len() as u64;
        let grant = Grant {
            id: GrantId::new(now, n.into()),
            door,
            owner_folder: in_folder(owner),
            target_folder: in_folder(folder),
            context: None,
            public_url: None,
            probe: false,
            created_at: now,
            expires_at: ttl.map(|ttl| now.plus(ttl)),
            revoked_at: None,
        };
        match self.store.insert_grant(grant, hash(n), now).await {
            Ok(grant) => {
                assert_eq!(self.store.grant(&hash(n)).as_ref(), Some(&grant));
                self.grants.push(grant.clone());
                Reply::Minted(grant)
            }
            Err(InsertGrantError::Clash(other)) => Reply::Clash(other.jid().to_string()),
            Err(InsertGrantError::Store(error)) => panic!("{error}"),
        }
    }

    async fn put(&mut self, arrival: Arrival) -> Reply {
        match self.store.put(arrival).await.expect("taken") {
            Put::Stored(id) => {
                assert!(self.messages.last() < Some(&id), "ids sort by arrival");
                self.messages.push(id);
                Reply::Stored(self.messages.len() - 1)
            }
            Put::Duplicate(id) => Reply::Duplicate(self.number(id)),
            Put::Conflict(id) => panic!("no channel is spoken to here, but: {id}"),
            Put::Revoked => Reply::Revoked,
            Put::Ended => panic!("nothing ends sessions here"),
            Put::Full => panic!("there is room for a test"),
        }
    }

    async fn cursor(&self, from: From, now: Timestamp) -> Option<Cursor> {
        match from {
            From::Start => None,
            From::End => Some(self.store.end()),
            From::Page(n) => Some(self.pages[n]),
            From::Message(n) => {
                let everything = messages_of(&Principal::Operator);
                let found = self.store.get(self.messages[n], everything, 0, now).await;
                Some(found.expect("read").expect("it is there").message.cursor)
            }
        }
    }
}

fn principal(who: Option<&str>) -> Principal {
    who.map_or(Principal::Operator, |folder| {
        Principal::Agent(in_folder(folder))
    })
}

fn inbox(pile: Pile) -> Inbox {
    match pile {
        Pile::Folder(folder) => Inbox::Folder(in_folder(folder)),
        Pile::Session => session("build"),
    }
}

fn parse(pattern: Option<&str>) -> Option<Pattern> {
    pattern.map(|text| text.parse().expect("legal"))
}

fn matched(n: u128) -> Arc<Matched> {
    Arc::new(Matched {
        id: RouteId::from_u128(n),
        said: "hook:** -> wherever".into(),
    })
}

/// Bytes that tell one message from another.
fn body(number: usize, length: usize) -> bytes::Bytes {
    let mut text = format!("{number} of {T0} ").into_bytes();
    text.resize(length, b'.');
    text.into()
}
