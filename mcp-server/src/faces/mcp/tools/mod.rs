//! The tools, each a type.

mod messages;
mod tokens;

pub(super) use self::{
    messages::{AckMessages, NackMessages, ReadMessages, ReceiveMessages},
    tokens::{IssueWebhook, ListRouteTokens, RevokeRouteToken},
};
