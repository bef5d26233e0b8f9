//! The desk that every face stands at.
//!
//! [`Local`] decides, in the server; [`Remote`] asks a running server over the same `/v1` that
//! anyone may use. Both take and give [`crate::wire`] types, so a face does not know which it has.

mod address;
mod bound;
mod channels;
mod connect_error;
mod events;
pub mod forgetting;
mod local;
mod overview;
mod printed;
mod proof;
mod reading;
mod receiving;
mod remote;
mod replaying;
mod routes;
mod shapes;
mod test_messages;

pub use address::{Address, KeySource, no_doorbell, shown};
pub use connect_error::explain as explain_connect_error;
pub use events::Events;
pub use local::Local;
#[cfg(test)]
pub(crate) use local::MAX_IDS;
pub use remote::Remote;

use doorbell_core::{
    address::Jid,
    grant::GrantId,
    key::KeyId,
    label::SessionId,
    message::{MessageId, RouteId},
};

use crate::{
    refusal::Refusal,
    wire::{
        Ack, AckResults, ChannelList, Detail, ExposeChannel, ExposedChannel, IssueChat, IssueKey,
        IssueWebhook, IssuedKey, IssuedToken, KeyList, KeyRevoked, ListTokens, Nack, OpenSession,
        Page, Read, Receive, Received, Replay, Replayed, ReplayedMany, Revoked, RotateSigningKey,
        RouteList, RouteTested, SessionEntry, SessionList, SetRoute, SigningKeyRotated, TestRoute,
        TokenList,
    },
};

/// What a desk answers.
pub type Answer<T> = Result<T, Refusal>;

/// Everything a caller can ask. A desk is bound to one caller.
pub trait Desk: Send + Sync {
    /// Mints a webhook URL.
    fn issue_webhook(&self, ask: IssueWebhook) -> impl Future<Output = Answer<IssuedToken>> + Send;
    /// Mints a browser chat's token.
    fn issue_chat(&self, ask: IssueChat) -> impl Future<Output = Answer<IssuedToken>> + Send;
    /// Lists live route tokens.
    fn list_tokens(&self, ask: ListTokens) -> impl Future<Output = Answer<TokenList>> + Send;
    /// Revokes all of a JID's tokens.
    fn revoke_token(&self, jid: Jid) -> impl Future<Output = Answer<Revoked>> + Send;
    /// Revokes one route token.
    fn revoke_grant(&self, id: GrantId) -> impl Future<Output = Answer<Revoked>> + Send;
    /// Leases messages, waiting if asked to.
    fn receive(&self, ask: Receive) -> impl Future<Output = Answer<Received>> + Send;
    /// Settles messages.
    fn ack(&self, ask: Ack) -> impl Future<Output = Answer<AckResults>> + Send;
    /// Gives messages back.
    fn nack(&self, ask: Nack) -> impl Future<Output = Answer<AckResults>> + Send;
    /// Reads a page of the log.
    fn read(&self, ask: Read) -> impl Future<Output = Answer<Page>> + Send;
    /// Shows one message and its life.
    fn message(
        &self,
        id: MessageId,
        max_body_bytes: Option<u64>,
    ) -> impl Future<Output = Answer<Detail>> + Send;
    /// Makes a message pending again.
    fn replay(&self, id: MessageId) -> impl Future<Output = Answer<Replayed>> + Send;
    /// Makes many messages pending again, of those that are settled, dead or observed.
    fn replay_many(&self, ask: Replay) -> impl Future<Output = Answer<ReplayedMany>> + Send;
    /// Issues an agent's API key.
    fn issue_key(&self, ask: IssueKey) -> impl Future<Output = Answer<IssuedKey>> + Send;
    /// Lists API keys.
    fn list_keys(&self) -> impl Future<Output = Answer<KeyList>> + Send;
    /// Revokes an API key.
    fn revoke_key(&self, id: KeyId) -> impl Future<Output = Answer<KeyRevoked>> + Send;
    /// Signs a channel token.
    fn expose_channel(
        &self,
        ask: ExposeChannel,
    ) -> impl Future<Output = Answer<ExposedChannel>> + Send;
    /// Lists channel grants.
    fn list_channels(&self) -> impl Future<Output = Answer<ChannelList>> + Send;
    /// Revokes a channel grant, and shows it as it stands then.
    fn revoke_channel(&self, id: GrantId) -> impl Future<Output = Answer<ChannelList>> + Send;
    /// Opens a session, or returns the one of that id.
    fn open_session(&self, ask: OpenSession) -> impl Future<Output = Answer<SessionEntry>> + Send;
    /// Lists sessions.
    fn list_sessions(&self) -> impl Future<Output = Answer<SessionList>> + Send;
    /// Ends a session for good, and shows it as it stands then.
    fn end_session(&self, id: SessionId) -> impl Future<Output = Answer<SessionEntry>> + Send;
    /// Sets a rule that routes messages, and shows it.
    fn set_route(&self, ask: SetRoute) -> impl Future<Output = Answer<RouteList>> + Send;
    /// Lists rules in the order in which they are tried.
    fn list_routes(&self) -> impl Future<Output = Answer<RouteList>> + Send;
    /// Removes a rule, and lists what remains.
    fn remove_route(&self, id: RouteId) -> impl Future<Output = Answer<RouteList>> + Send;
    /// Says where a message would go, and why.
    fn test_route(&self, ask: TestRoute) -> impl Future<Output = Answer<RouteTested>> + Send;
    /// Makes a new signing key.
    fn rotate_signing_key(
        &self,
        ask: RotateSigningKey,
    ) -> impl Future<Output = Answer<SigningKeyRotated>> + Send;
}
