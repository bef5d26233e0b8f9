//! The tools, each a type.

mod channels;
mod messages;
mod routes;
mod tokens;

pub(super) use self::{
    channels::{ExposeChannel, ListChannelGrants, RevokeChannelGrant},
    messages::{AckMessages, NackMessages, ReadMessages, ReceiveMessages, ReplayMessages},
    routes::{ListRoutes, RemoveRoute, SetRoute},
    tokens::{IssueWebhook, ListRouteTokens, RevokeRouteToken},
};
