//! API keys: the operator's business alone.

use axum::extract::Path;
use doorbell_core::key::KeyId;

use super::ask::{Answer, At, Body, created, named, ok};
use crate::{
    desk::Desk,
    wire::{IssueKey, IssuedKey, KeyList, KeyRevoked},
};

pub(super) async fn issue(At(desk): At, Body(ask): Body<IssueKey>) -> Answer<IssuedKey> {
    created(desk.issue_key(ask).await?)
}

pub(super) async fn list(At(desk): At) -> Answer<KeyList> {
    ok(desk.list_keys().await?)
}

pub(super) async fn revoke(At(desk): At, Path(id): Path<String>) -> Answer<KeyRevoked> {
    // Whoever may not know of keys learns nothing from an id that does not read, either.
    desk.list_keys().await?;
    ok(desk.revoke_key(named::<KeyId>("key", &id)?).await?)
}
