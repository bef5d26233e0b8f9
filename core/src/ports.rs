//! What storage promises, one trait per need, each method saying what holds once it returns.
//!
//! The traits ask only what an embedded store and PostgreSQL can both keep. Answers are boxed
//! futures so that the traits can be objects; none needs a particular runtime. Dropping one does
//! not undo what was asked.

use std::{pin::Pin, sync::Arc, time::Duration};

pub use crate::backlog::Waiting;
use crate::{
    acl::Scope,
    address::{Inbox, Jid, SessionRef},
    backlog::Backlogs,
    bound::Count,
    browser::BrowserSession,
    capability::{KeyRing, SigningKey},
    channel::ChannelGrant,
    folder::Folder,
    grant::{Grant, GrantId},
    key::{ApiKey, KeyId},
    label::SessionId,
    message::{
        Arrival, Cursor, LifeEvent, Message, MessageId, Reason, Receiver, Repeats, RouteId, State,
    },
    pattern::Pattern,
    rates::MINUTES,
    route::{NewRule, Rule, Table, TooManyRules},
    session::Session,
    time::Timestamp,
    token::TokenHash,
};

/// What a port returns: a future that owns or borrows no longer than the port itself.
pub type Answer<'a, T, E = StoreError> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// Nothing was changed, unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store is closed, overloaded or waiting for its disk; it may be ready again later. What
    /// was asked may or may not have been kept, and was not promised.
    #[error("the store is not ready: {0}")]
    NotReady(Arc<str>),
    /// What the store holds does not read as what it wrote. It will not get better by waiting.
    #[error("the store is damaged: {0}")]
    Damaged(Arc<str>),
}

/// The read half of the grants: all that the front door holds. It cannot mint.
pub trait Grants: Send + Sync {
    /// The grant behind a token, live or not; from memory, without waiting.
    fn grant(&self, hash: &TokenHash) -> Option<Arc<Grant>>;
}

/// Why a grant was not kept.
#[derive(Clone, Debug, thiserror::Error)]
pub enum InsertGrantError {
    /// A live grant writes the same JID from other parts.
    #[error("{} already stands for another split of folder, label and suffix, in grant {}", .0.jid(), .0.id)]
    Clash(Arc<Grant>),
    /// Nothing was kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A grant and when a message last came through it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantUse {
    /// The grant.
    pub grant: Arc<Grant>,
    /// The last arrival that was stored; after a crash it may be some seconds too early.
    pub last_used_at: Option<Timestamp>,
}

/// The write half of the grants. Only the registry holds it.
pub trait GrantStore: Grants {
    /// Keeps a new grant. Once it returns the grant is durable and its token is let in.
    ///
    /// The check against a clash with the grants live at `now` and the insert are one step.
    fn insert_grant(
        &self,
        grant: Grant,
        hash: TokenHash,
        now: Timestamp,
    ) -> Answer<'_, Arc<Grant>, InsertGrantError>;

    /// Revokes those of `ids` that are not revoked yet, and says which those were. Once it returns
    /// that is durable, and nothing that comes through them is stored any more.
    fn revoke_grants(&self, ids: Vec<GrantId>, at: Timestamp) -> Answer<'_, Vec<GrantId>>;

    /// Every grant whose owner folder `scope` covers, oldest first; revoked and expired ones too,
    /// for as long as they are remembered.
    fn list_grants(&self, scope: &Scope) -> Vec<GrantUse>;

    /// How many grants there are beside one of this owner folder, those that were not revoked; from
    /// memory.
    fn count_grants(&self, beside: &Folder) -> Count;

    /// The grant of this id, live or not, if `scope` covers its owner folder.
    fn grant_of(&self, id: GrantId, scope: &Scope) -> Option<Arc<Grant>>;

    /// Every grant that writes this JID and whose owner folder `scope` covers.
    fn grants_of(&self, jid: &Jid, scope: &Scope) -> Vec<Arc<Grant>>;

    /// Every grant that writes this JID and whose target folder `scope` covers.
    fn grants_to(&self, jid: &Jid, scope: &Scope) -> Vec<Arc<Grant>>;
}

/// API keys.
pub trait KeyStore: Send + Sync {
    /// The key behind a hash, live or not; from memory, without waiting.
    fn key(&self, hash: &TokenHash) -> Option<Arc<ApiKey>>;

    /// Keeps a new key. Once it returns the key is durable and its holder is let in.
    fn insert_key(&self, key: ApiKey, hash: TokenHash) -> Answer<'_, ()>;

    /// Revokes a key. Once it returns its holder is let in no more. False: there is none by that
    /// id, or it was revoked before.
    fn revoke_key(&self, id: KeyId, at: Timestamp) -> Answer<'_, bool>;

    /// Every key, oldest first.
    fn list_keys(&self) -> Vec<Arc<ApiKey>>;
}

/// Browsers that are signed in.
pub trait BrowserSessions: Send + Sync {
    /// The session behind a cookie's hash and the key that it was signed in with, unless the one is
    /// over at `now` or the other revoked; from memory, without waiting.
    fn browser_session(
        &self,
        hash: &TokenHash,
        now: Timestamp,
    ) -> Option<(BrowserSession, Arc<ApiKey>)>;

    /// Keeps a session, in the place of the one of that hash if there is one. Once it returns it is
    /// durable. False: there is no live key of that id, and nothing was kept.
    ///
    /// A key has [`MAX_BROWSERS_PER_KEY`](crate::browser::MAX_BROWSERS_PER_KEY) at the most; the one
    /// that ends first goes in the same step.
    fn keep_browser_session(&self, session: BrowserSession, hash: TokenHash) -> Answer<'_, bool>;

    /// Ends a session. Once it returns that is durable. False: there is none of that hash.
    fn end_browser_session(&self, hash: TokenHash) -> Answer<'_, bool>;
}

/// What the front door asks about channels: from memory, without waiting. It cannot mint.
pub trait Channels: Send + Sync {
    /// The keys whose signatures hold.
    fn signing_keys(&self) -> KeyRing;

    /// The grant that a channel token names, live or not.
    fn channel_grant(&self, id: GrantId) -> Option<Arc<ChannelGrant>>;

    /// The newest session of an id, ended or not, for as long as it is remembered.
    fn session(&self, id: &SessionId) -> Option<Arc<Session>>;

    /// This very session, ended or not, for as long as it is remembered.
    fn session_of(&self, session: &SessionRef) -> Option<Arc<Session>>;
}

/// A channel grant and when a message last came through it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelUse {
    /// The grant.
    pub grant: Arc<ChannelGrant>,
    /// The last arrival that was stored; after a crash it may be some seconds too early.
    pub last_used_at: Option<Timestamp>,
}

/// What became of a session that was to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MakeSession {
    /// It is new, and durable.
    Made(Arc<Session>),
    /// One of that id stands already and has not ended, here or elsewhere. Nothing was changed.
    Stands(Arc<Session>),
}

/// The write half of channels: grants, sessions and signing keys. Only the registry holds it.
pub trait ChannelStore: Channels {
    /// Keeps a new channel grant. Once it returns it is durable and its token is let in.
    fn insert_channel_grant(&self, grant: ChannelGrant) -> Answer<'_, Arc<ChannelGrant>>;

    /// Revokes a channel grant. Once it returns that is durable, and nothing that comes through it
    /// is stored any more. False: there is none by that id, or it was revoked before.
    fn revoke_channel_grant(&self, id: GrantId, at: Timestamp) -> Answer<'_, bool>;

    /// Every channel grant whose owner folder `scope` covers, oldest first; revoked and expired
    /// ones too, for as long as they are remembered.
    fn list_channel_grants(&self, scope: &Scope) -> Vec<ChannelUse>;

    /// How many channel grants there are beside one of this owner folder, those that were not revoked;
    /// from memory.
    fn count_channel_grants(&self, beside: &Folder) -> Count;

    /// How many sessions there are beside one of this folder, those that have not ended; from memory.
    fn count_sessions(&self, beside: &Folder) -> Count;

    /// Makes a session, unless one of its id stands that has not ended. Once it returns it is durable.
    ///
    /// Its moment is later than that of every other of its id which is remembered.
    fn make_session(&self, session: Session) -> Answer<'_, MakeSession>;

    /// Ends the session of that id for good. Once it returns that is durable, and nothing is stored for
    /// it any more. False: there is none by that id, or it had ended before.
    ///
    /// What waits for it does so no longer either: a text that came through a channel is dead, every
    /// other message is routed anew by the rules as they are, and rings. What a receiver holds follows
    /// when its lease ends.
    fn end_session(&self, id: SessionId, at: Timestamp) -> Answer<'_, bool>;

    /// Every session whose folder `scope` covers, oldest first; ended ones for as long as they are
    /// remembered.
    fn list_sessions(&self, scope: &Scope) -> Vec<Arc<Session>>;

    /// Keeps a new signing key, which signs from now on. With `alone` the others are forgotten in
    /// the same step, and what they signed is no longer let in.
    fn add_signing_key(&self, key: SigningKey, alone: bool) -> Answer<'_, ()>;
}

/// What the front door asks about routes: from memory, without waiting.
pub trait Routes: Send + Sync {
    /// Every rule, as of the last change that returned.
    fn routes(&self) -> Arc<Table>;
}

/// Why a rule was not kept.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SetRuleError {
    /// There is no room for another.
    #[error(transparent)]
    TooMany(#[from] TooManyRules),
    /// Nothing was kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The write half of routes. Only the registry holds it.
pub trait RouteStore: Routes {
    /// Keeps a new rule. Once it returns it is durable, and decides about the very next arrival.
    ///
    /// Its place behind its owner's last is found, and room looked for, in the same step.
    fn set_rule(&self, rule: NewRule) -> Answer<'_, Arc<Rule>, SetRuleError>;

    /// Removes a rule. Once it returns that is durable, and it decides nothing any more. False:
    /// there is none by that id.
    fn remove_rule(&self, id: RouteId) -> Answer<'_, bool>;
}

/// What became of an arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is durable, under this id.
    Stored(MessageId),
    /// The grant saw this provider's id with this content within the window, in that message, in
    /// whose repeats it counts. Nothing was stored. A dead message of a hook is pending again.
    Duplicate(MessageId),
    /// The channel grant saw this idempotency key within the window with other content, in that
    /// message. Nothing was stored.
    Conflict(MessageId),
    /// The grant was revoked or expired meanwhile. Nothing was stored.
    Revoked,
    /// The session it was for has ended, or there is none. Nothing was stored.
    Ended,
    /// There is no room for it. Nothing was stored.
    Full,
}

/// Asks for messages to be leased.
#[derive(Clone, Debug)]
pub struct LeaseRequest {
    /// From which inboxes; the caller may read each.
    pub inboxes: Vec<Inbox>,
    /// Who will hold them.
    pub receiver: Receiver,
    /// How many at the most.
    pub max: usize,
    /// Only messages at addresses that match.
    pub pattern: Option<Pattern>,
    /// How much of each body to read, in bytes.
    pub body_limit: usize,
    /// The time now; leases that ended before it are over.
    pub now: Timestamp,
    /// How long the lease lasts.
    pub lease_for: Duration,
    /// How many observed messages to bring along at the most.
    pub max_observed: usize,
    /// Whether they come where no message does, too.
    pub observed_alone: bool,
    /// Only messages at these places; observed ones are not meant.
    pub among: Option<Vec<Cursor>>,
}

/// What was leased.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leased {
    /// Oldest first, each held by the receiver alone until its lease ends. `attempt` counts it.
    pub messages: Vec<Message>,
    /// Messages to be met as context, oldest first; the store will not bring them again.
    pub observed: Vec<Message>,
    /// Where fewer than `max` were ready: when the next lease or delay in these inboxes ends.
    pub next_ready_at: Option<Timestamp>,
}

/// How a message is settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It is done with.
    Ack,
    /// It is given back, to be ready again after the delay; dead, if that was its last attempt.
    Nack {
        /// How long it rests.
        delay: Duration,
        /// Why; its life keeps it.
        reason: Option<Reason>,
        /// False: nothing was tried. Where the message is leased, that lease's attempt is taken
        /// back, and it does not die.
        attempted: bool,
    },
}

impl Settlement {
    /// A nack after an attempt, with no reason given.
    pub const fn nack(delay: Duration) -> Self {
        Self::Nack {
            delay,
            reason: None,
            attempted: true,
        }
    }
}

/// Asks for messages to be settled.
#[derive(Clone, Debug)]
pub struct SettleRequest {
    /// Which.
    pub ids: Vec<MessageId>,
    /// How.
    pub how: Settlement,
    /// Who asks.
    pub receiver: Receiver,
    /// Which folders' messages the caller may settle.
    pub scope: Scope,
    /// The time now.
    pub now: Timestamp,
}

/// Which way a page runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// On from the cursor; without one, from the beginning.
    OldestFirst,
    /// Back from the cursor; without one, from the end.
    NewestFirst,
}

/// Asks for a page of the log.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    /// Only messages routed to these folders.
    pub scope: Scope,
    /// Only messages routed to this folder or below it.
    pub within: Option<Folder>,
    /// Only messages at addresses that match.
    pub pattern: Option<Pattern>,
    /// Only messages that stand so.
    pub state: Option<State>,
    /// Only messages that came then or later.
    pub since: Option<Timestamp>,
    /// Only messages that came before then.
    pub until: Option<Timestamp>,
    /// Where the last page ended.
    pub cursor: Option<Cursor>,
    /// Which way.
    pub order: Order,
    /// How many at the most.
    pub limit: usize,
    /// How much of each body to read, in bytes.
    pub body_limit: usize,
    /// How much of bodies and heads to read in all, in bytes; the first message comes whatever it is.
    pub budget: usize,
    /// The time now.
    pub now: Timestamp,
}

/// A page of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// In the order asked for.
    pub messages: Vec<Message>,
    /// Where to go on.
    pub cursor: Cursor,
    /// Whether it ended for another reason than that the log does.
    pub more: bool,
}

/// What a receiver may have to know of an inbox beside what it leases there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InboxSummary {
    /// Messages that other receivers hold.
    pub leased_by_others: u64,
    /// Messages that are to be met as context.
    pub unmet: u64,
}

/// One message and its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// The message.
    pub message: Message,
    /// What happened to it after it was stored, oldest first.
    pub life: Vec<LifeEvent>,
    /// How often it came again, if it did.
    pub repeats: Option<Repeats>,
}

/// The messages: inboxes to lease from and one log to read.
pub trait Log: Send + Sync {
    /// Stores an arrival. Once it returns [`Put::Stored`] the message survives a crash, and
    /// whoever listens at its inbox has been told.
    ///
    /// One step: is the grant still live, has its session not ended, was the id seen before within
    /// [`crate::message::Kind::dedupe_window`] and with what content, keep id, content's hash and
    /// message. A known id with other content is a message of its own, but through a channel.
    fn put(&self, arrival: Arrival) -> Answer<'_, Put>;

    /// Leases the oldest ready messages. Once it returns the leases are durable: nobody else is
    /// given these messages before `now + lease_for`, not even after a crash.
    fn lease(&self, request: LeaseRequest) -> Answer<'_, Leased>;

    /// Settles messages. The answers stand in the order of the ids; true: it was settled so, and
    /// that is durable; false: there is no such message in scope, it is settled or dead already,
    /// or another receiver holds it.
    fn settle(&self, request: SettleRequest) -> Answer<'_, Vec<bool>>;

    /// A page of the log. It changes nothing.
    fn read(&self, request: ReadRequest) -> Answer<'_, Page>;

    /// One message, if it is in scope.
    fn get(
        &self,
        id: MessageId,
        scope: Scope,
        body_limit: usize,
        now: Timestamp,
    ) -> Answer<'_, Option<Detail>>;

    /// Makes a message pending again, as if it had just come, whatever became of it; its attempts
    /// count from one. One whose session has ended is routed anew. False: there is none in scope, or it
    /// is a channel's text whose session has ended. Once it returns it is durable and was rung.
    fn replay(&self, id: MessageId, scope: Scope, now: Timestamp) -> Answer<'_, bool>;

    /// The same for those of many messages that are settled, dead or observed; the others are left
    /// as they are. The answers stand in the order of the ids; true: it was replayed.
    fn replay_many(
        &self,
        ids: Vec<MessageId>,
        scope: Scope,
        now: Timestamp,
    ) -> Answer<'_, Vec<bool>>;

    /// What waits in an inbox, counting only what the pattern matches; from memory.
    fn waiting(&self, inbox: &Inbox, pattern: Option<&Pattern>, now: Timestamp) -> Waiting;

    /// What else a receiver may have to know of an inbox, counting only what the pattern matches;
    /// from memory.
    fn summary(
        &self,
        inbox: &Inbox,
        pattern: Option<&Pattern>,
        receiver: Receiver,
        now: Timestamp,
    ) -> InboxSummary;

    /// What is unsettled at `now`, of at most so many inboxes each by itself: the fullest, and of
    /// equals the first in their order. It costs with the inboxes and leases, not with the messages.
    fn backlogs(&self, most: usize, now: Timestamp) -> Answer<'_, Backlogs>;

    /// The places of messages that are ready to be leased from an inbox, behind `after`, oldest
    /// first, counting only what the pattern matches; from memory. It takes nothing.
    fn peek(
        &self,
        inbox: &Inbox,
        pattern: Option<&Pattern>,
        after: Cursor,
        limit: usize,
        now: Timestamp,
    ) -> Vec<Cursor>;

    /// How many messages were stored in each of the last minutes, as [`crate::rates::Rates::of`] has it; from
    /// memory. What came before a restart counts too, unless it was forgotten since.
    fn rates(
        &self,
        scope: &Scope,
        within: Option<&Folder>,
        now: Timestamp,
    ) -> [(Timestamp, u64); MINUTES];

    /// The log's end: a page read from here holds only what comes later.
    fn end(&self) -> Cursor;
}

/// Who is told, after the commit, that messages have become pending.
pub trait Ring: Send + Sync {
    /// `messages` are pending in `inbox` now. Must not block: the writer calls it.
    fn ring(&self, inbox: &Inbox, messages: &[MessageId]);

    /// How many hear a ring at this inbox; asked only to be told of in the log.
    fn told_at(&self, _inbox: &Inbox) -> usize {
        0
    }

    /// The log has grown, by pending messages or by observed ones: where, at least the first message
    /// of each address and folder. Must not block either.
    fn grown(&self, _arrived: &[Arrived<'_>]) {}
}

/// By what the log has grown.
#[derive(Clone, Copy, Debug)]
pub struct Arrived<'a> {
    /// The message's place.
    pub place: Cursor,
    /// The folder that it was routed to.
    pub folder: &'a Folder,
    /// The address that it arrived at.
    pub address: &'a str,
}

/// Whether the store takes messages.
pub trait Health: Send + Sync {
    /// Why not, if it does not.
    fn ready(&self) -> Result<(), StoreError>;

    /// Why arrivals are refused for want of room, and what to do, if they are: all else goes on.
    fn no_room(&self) -> Option<String> {
        None
    }
}

/// A whole store.
pub trait Store:
    GrantStore + KeyStore + BrowserSessions + ChannelStore + RouteStore + Log + Health
{
}

impl<T: GrantStore + KeyStore + BrowserSessions + ChannelStore + RouteStore + Log + Health> Store
    for T
{
}
