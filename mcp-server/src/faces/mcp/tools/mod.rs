//! The tools, each a type.

mod channels;
mod messages;
mod tokens;

pub(super) use self::{
    channels::{ExposeChannel, ListChannelGrants, RevokeChannelGrant},
    messages::{AckMessages, NackMessages, ReadMessages, ReceiveMessages},
    tokens::{IssueWebhook, ListRouteTokens, RevokeRouteToken},
};
