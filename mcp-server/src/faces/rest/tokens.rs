//! Route tokens.

use aide::axum::{
    ApiRouter,
    routing::{delete_with, get_with, post_with},
};
use doorbell_core::address::Jid;

use super::{
    ask::{Answer, At, Body, Made, Named, Query, created, ok},
    describe::{Routes, says},
};
use crate::{
    desk::Desk,
    wire::{IssueChat, IssueWebhook, IssuedToken, ListTokens, Revoked, TokenList},
};

const GROUP: &str = "Route tokens";

pub(super) fn routes() -> Routes {
    ApiRouter::new()
        .api_route(
            "/v1/route_tokens",
            get_with(
                list,
                says("list_route_tokens", GROUP, "The live ones, oldest first"),
            ),
        )
        .api_route(
            "/v1/route_tokens/hook",
            post_with(
                issue_webhook,
                says(
                    "issue_webhook",
                    GROUP,
                    "Mint a webhook URL; it is shown now and never again",
                ),
            ),
        )
        .api_route(
            "/v1/route_tokens/chat",
            post_with(
                issue_chat,
                says(
                    "issue_chat",
                    GROUP,
                    "Mint a browser chat's token; it is shown now and never again",
                ),
            ),
        )
        .api_route(
            "/v1/route_tokens/{*jid}",
            delete_with(
                revoke,
                says(
                    "revoke_route_token",
                    GROUP,
                    "Revoke every token of an address; slashes may be escaped",
                ),
            ),
        )
}

async fn issue_webhook(At(desk): At, Body(ask): Body<IssueWebhook>) -> Made<IssuedToken> {
    created(desk.issue_webhook(ask).await?)
}

async fn issue_chat(At(desk): At, Body(ask): Body<IssueChat>) -> Made<IssuedToken> {
    created(desk.issue_chat(ask).await?)
}

async fn list(At(desk): At, Query(ask): Query<ListTokens>) -> Answer<TokenList> {
    ok(desk.list_tokens(ask).await?)
}

/// The JID's slashes may be plain or escaped: the path has been decoded once either way.
async fn revoke(At(desk): At, Named(jid): Named<Jid>) -> Answer<Revoked> {
    ok(desk.revoke_token(jid).await?)
}
