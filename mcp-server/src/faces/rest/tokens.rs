//! Route tokens.

use axum::extract::Path;
use doorbell_core::address::Jid;

use super::ask::{Answer, At, Body, Query, created, named, ok};
use crate::{
    desk::Desk,
    wire::{IssueChat, IssueWebhook, IssuedToken, ListTokens, Revoked, TokenList},
};

pub(super) async fn issue_webhook(
    At(desk): At,
    Body(ask): Body<IssueWebhook>,
) -> Answer<IssuedToken> {
    created(desk.issue_webhook(ask).await?)
}

pub(super) async fn issue_chat(At(desk): At, Body(ask): Body<IssueChat>) -> Answer<IssuedToken> {
    created(desk.issue_chat(ask).await?)
}

pub(super) async fn list(At(desk): At, Query(ask): Query<ListTokens>) -> Answer<TokenList> {
    ok(desk.list_tokens(ask).await?)
}

/// The JID's slashes may be plain or escaped: the path has been decoded once either way.
pub(super) async fn revoke(At(desk): At, Path(jid): Path<String>) -> Answer<Revoked> {
    ok(desk.revoke_token(named::<Jid>("jid", &jid)?).await?)
}
