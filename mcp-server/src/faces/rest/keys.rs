//! API keys: the operator's business alone.

use aide::axum::{
    ApiRouter,
    routing::{delete_with, get_with},
};
use doorbell_core::key::KeyId;

use super::{
    ask::{Answer, Body, Made, Named, Operating, Query, created, ok},
    describe::{Routes, says},
    paging::{Paged, Paging, page},
};
use crate::{
    desk::Desk,
    wire::{IssueKey, IssuedKey, KeyList, KeyRevoked},
};

const GROUP: &str = "Keys (operators only)";

pub(super) fn routes() -> Routes {
    ApiRouter::new()
        .api_route(
            "/v1/keys",
            get_with(
                list,
                says("list_keys", GROUP, "Every API key, never its text"),
            )
            .post_with(
                issue,
                says(
                    "issue_key",
                    GROUP,
                    "Issue an agent's API key; it is shown now and never again",
                ),
            ),
        )
        .api_route(
            "/v1/keys/{key_id}",
            delete_with(revoke, says("revoke_key", GROUP, "Revoke an API key")),
        )
}

async fn issue(Operating(desk): Operating, Body(ask): Body<IssueKey>) -> Made<IssuedKey> {
    created(desk.issue_key(ask).await?)
}

async fn list(Operating(desk): Operating, Query(ask): Query<Paging>) -> Answer<Paged<KeyList>> {
    page(desk.list_keys().await?, ask)
}

/// Whoever may not know of keys learns nothing from an id that does not read, either.
async fn revoke(Operating(desk): Operating, Named(id): Named<KeyId>) -> Answer<KeyRevoked> {
    ok(desk.revoke_key(id).await?)
}
