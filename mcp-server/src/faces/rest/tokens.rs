//! Route tokens.

use aide::axum::{
    ApiRouter,
    routing::{delete_with, get_with, post_with},
};
use axum::routing::post;
use doorbell_core::{address::Jid, folder::Folder, grant::GrantId};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    ask::{Answer, At, Body, Made, Named, Query, created, ok},
    describe::{Routes, says},
    paging::{Paged, Paging, Place, page},
};
use crate::{
    desk::Desk,
    wire::{Count, IssueChat, IssueWebhook, IssuedToken, ListTokens, Revoked, Text, TokenList},
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
        // Described to nobody until a chat is served.
        .route("/v1/route_tokens/chat", post(issue_chat))
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
        .api_route(
            "/v1/grants/{grant_id}",
            delete_with(
                revoke_one,
                says(
                    "revoke_grant",
                    GROUP,
                    "Revoke one token; of one that is dead already, 0 are",
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

/// Which tokens to list.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct List {
    /// Only those whose messages go to this folder or below it
    folder: Option<Text<Folder>>,
    /// How many at the most; all if absent
    limit: Option<Count<1, 1_000>>,
    /// Where the last page ended; absent: from the beginning
    cursor: Option<Text<Place>>,
}

async fn list(At(desk): At, Query(ask): Query<List>) -> Answer<Paged<TokenList>> {
    let folder = ask.folder;
    let paging = Paging {
        limit: ask.limit,
        cursor: ask.cursor,
    };
    page(desk.list_tokens(ListTokens { folder }).await?, paging)
}

/// The JID's slashes may be plain or escaped: the path has been decoded once either way.
async fn revoke(At(desk): At, Named(jid): Named<Jid>) -> Answer<Revoked> {
    ok(desk.revoke_token(jid).await?)
}

async fn revoke_one(At(desk): At, Named(id): Named<GrantId>) -> Answer<Revoked> {
    ok(desk.revoke_grant(id).await?)
}
