//! Messages: the inbox and the log.

use aide::axum::{
    ApiRouter,
    routing::{get_with, post_with},
};
use doorbell_core::message::MessageId;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    ask::{Answer, At, Body, Named, Query, ok},
    describe::{Routes, says},
};
use crate::{
    desk::Desk,
    wire::{
        Ack, AckResults, Count, Detail, MAX_BODY_BYTES, Nack, Page, Read, Receive, Received,
        Replay, Replayed, ReplayedMany,
    },
};

const GROUP: &str = "Messages";

pub(super) fn routes() -> Routes {
    ApiRouter::new()
        .api_route(
            "/v1/messages",
            get_with(
                read,
                says(
                    "read_messages",
                    GROUP,
                    "A page of the log; consumes nothing",
                ),
            ),
        )
        .api_route(
            "/v1/messages/receive",
            post_with(
                receive,
                says(
                    "receive_messages",
                    GROUP,
                    "Lease the oldest pending messages of an inbox",
                ),
            ),
        )
        .api_route(
            "/v1/messages/ack",
            post_with(ack, says("ack_messages", GROUP, "Settle messages")),
        )
        .api_route(
            "/v1/messages/nack",
            post_with(nack, says("nack_messages", GROUP, "Give messages back")),
        )
        .api_route(
            "/v1/messages/replay",
            post_with(
                replay_many,
                says(
                    "replay_messages",
                    GROUP,
                    "Make messages pending again: these, or all dead ones",
                ),
            ),
        )
        .api_route(
            "/v1/messages/{id}",
            get_with(
                show,
                says("show_message", GROUP, "One message and its life"),
            ),
        )
        .api_route(
            "/v1/messages/{id}/replay",
            post_with(
                replay,
                says("replay_message", GROUP, "Make a message pending again"),
            ),
        )
}

async fn receive(At(desk): At, Body(ask): Body<Receive>) -> Answer<Received> {
    ok(desk.receive(ask).await?)
}

async fn ack(At(desk): At, Body(ask): Body<Ack>) -> Answer<AckResults> {
    ok(desk.ack(ask).await?)
}

async fn nack(At(desk): At, Body(ask): Body<Nack>) -> Answer<AckResults> {
    ok(desk.nack(ask).await?)
}

async fn read(At(desk): At, Query(ask): Query<Read>) -> Answer<Page> {
    ok(desk.read(ask).await?)
}

/// How much of one message's body to show.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Show {
    /// Cut the body after so many bytes; whole if absent
    max_body_bytes: Option<Count<0, MAX_BODY_BYTES>>,
}

async fn show(
    At(desk): At,
    Named(id): Named<MessageId>,
    Query(show): Query<Show>,
) -> Answer<Detail> {
    ok(desk
        .message(id, show.max_body_bytes.map(Count::get))
        .await?)
}

async fn replay_many(At(desk): At, Body(ask): Body<Replay>) -> Answer<ReplayedMany> {
    ok(desk.replay_many(ask).await?)
}

async fn replay(At(desk): At, Named(id): Named<MessageId>) -> Answer<Replayed> {
    ok(desk.replay(id).await?)
}
