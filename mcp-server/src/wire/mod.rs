//! Requests and replies as JSON: one shape for every face.
//!
//! What can be parsed is parsed here: a [`Text`] holds a folder or a label, never a string that
//! might be one, and a [`Count`] is within its bounds. Unknown fields are refused, so that a
//! misspelt option is not an option silently left out.

mod channels;
mod headers;
mod keys;
mod messages;
mod overview;
mod page_cursor;
mod read;
mod routes;
mod sign_in;
mod test_messages;
mod text;
mod tokens;

pub use channels::{
    ChannelEntry, ChannelList, ExposeChannel, ExposedChannel, ListChannels, OpenSession,
    RevokeChannel, RotateSigningKey, SessionEntry, SessionList, SessionState, SigningKeyRotated,
};
pub use headers::Headers;
pub use keys::{IssueKey, IssuedKey, KeyEntry, KeyList, KeyRevoked};
pub use messages::{
    Ack, AckResults, BodyEncoding, DEFAULT_BODY_BYTES, DEFAULT_CHARS, Detail, LifeEntry,
    MAX_BODY_BYTES, MaxChars, Message, MessageState, Nack, Order, Page, Read, Receive, Received,
    Repeats, Replay, ReplayState, Replayed, ReplayedMany, SettleStatus, Settled,
};
pub use overview::{
    Commands, FolderEntry, FolderList, InFolder, Minute, Rates, SourceEntry, SourceList, Who,
    WhoAmI,
};
pub use page_cursor::PageCursor;
pub use read::{from_json, from_query, from_value};
pub use routes::{
    ListRoutes, MAX_TRIED_HEADERS, RemoveRoute, RouteEntry, RouteList, RoutePattern, RouteTested,
    RouteTried, SetRoute, TestRoute,
};
pub use sign_in::SignInLink;
pub use test_messages::{SendTest, TestRefused, TestSent};
pub use text::{Count, Text, TextShape};
pub use tokens::{
    IssueChat, IssueWebhook, IssuedToken, ListTokens, RevokeToken, Revoked, TokenEntry, TokenList,
};
