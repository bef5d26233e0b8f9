//! Channels: capabilities into sessions, and the keys that sign them.

use aide::axum::{
    ApiRouter,
    routing::{delete_with, get_with, post_with},
};
use doorbell_core::grant::GrantId;

use super::{
    ask::{Answer, At, Body, Made, Named, Operating, Query, created, ok},
    describe::{Routes, says},
    paging::{Paged, Paging, page},
};
use crate::{
    desk::Desk,
    wire::{ChannelList, ExposeChannel, ExposedChannel, RotateSigningKey, SigningKeyRotated},
};

const GROUP: &str = "Channels";

pub(super) fn routes() -> Routes {
    ApiRouter::new()
        .api_route(
            "/v1/channels",
            get_with(
                list,
                says(
                    "list_channel_grants",
                    GROUP,
                    "Every grant that is remembered, the revoked ones too",
                ),
            )
            .post_with(
                expose,
                says(
                    "expose_channel",
                    GROUP,
                    "Mint a URL into one session; it is shown now and never again",
                ),
            ),
        )
        .api_route(
            "/v1/channels/{grant_id}",
            delete_with(
                revoke,
                says("revoke_channel_grant", GROUP, "Revoke a grant at once"),
            ),
        )
        .api_route(
            "/v1/signing_keys/rotate",
            post_with(
                rotate,
                says(
                    "rotate_signing_key",
                    GROUP,
                    "Make a new signing key (operators only)",
                ),
            ),
        )
}

async fn expose(At(desk): At, Body(ask): Body<ExposeChannel>) -> Made<ExposedChannel> {
    created(desk.expose_channel(ask).await?)
}

async fn list(At(desk): At, Query(ask): Query<Paging>) -> Answer<Paged<ChannelList>> {
    page(desk.list_channels().await?, ask)
}

async fn revoke(At(desk): At, Named(id): Named<GrantId>) -> Answer<ChannelList> {
    ok(desk.revoke_channel(id).await?)
}

async fn rotate(
    Operating(desk): Operating,
    Body(ask): Body<RotateSigningKey>,
) -> Made<SigningKeyRotated> {
    created(desk.rotate_signing_key(ask).await?)
}
