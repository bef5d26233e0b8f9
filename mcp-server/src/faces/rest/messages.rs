//! Messages: the inbox and the log.

use axum::extract::Path;
use doorbell_core::message::MessageId;
use serde::Deserialize;

use super::ask::{Answer, At, Body, Query, named, ok};
use crate::{
    desk::Desk,
    wire::{
        Ack, AckResults, Count, Detail, MAX_BODY_BYTES, Nack, Page, Read, Receive, Received,
        Replayed,
    },
};

pub(super) async fn receive(At(desk): At, Body(ask): Body<Receive>) -> Answer<Received> {
    ok(desk.receive(ask).await?)
}

pub(super) async fn ack(At(desk): At, Body(ask): Body<Ack>) -> Answer<AckResults> {
    ok(desk.ack(ask).await?)
}

pub(super) async fn nack(At(desk): At, Body(ask): Body<Nack>) -> Answer<AckResults> {
    ok(desk.nack(ask).await?)
}

pub(super) async fn read(At(desk): At, Query(ask): Query<Read>) -> Answer<Page> {
    ok(desk.read(ask).await?)
}

/// How much of one message's body to show.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Show {
    max_body_bytes: Option<Count<0, MAX_BODY_BYTES>>,
}

pub(super) async fn show(
    At(desk): At,
    Path(id): Path<String>,
    Query(show): Query<Show>,
) -> Answer<Detail> {
    let id: MessageId = named("message", &id)?;
    ok(desk
        .message(id, show.max_body_bytes.map(Count::get))
        .await?)
}

pub(super) async fn replay(At(desk): At, Path(id): Path<String>) -> Answer<Replayed> {
    ok(desk.replay(named("message", &id)?).await?)
}
