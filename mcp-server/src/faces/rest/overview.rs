//! What somebody who looks wants to see at once.

use aide::axum::{ApiRouter, routing::get_with};

use super::{
    ask::{Answer, At, Query, ok},
    describe::{Routes, says},
};
use crate::wire::{FolderList, InFolder, Rates, SourceList, WhoAmI};

const GROUP: &str = "Overview";

pub(super) fn routes() -> Routes {
    ApiRouter::new()
        .api_route(
            "/v1/whoami",
            get_with(
                who_am_i,
                says("who_am_i", GROUP, "Whom the credential lets in"),
            ),
        )
        .api_route(
            "/v1/folders",
            get_with(
                folders,
                says(
                    "list_folders",
                    GROUP,
                    "The folders in reach: their webhooks, sessions and what waits",
                ),
            ),
        )
        .api_route(
            "/v1/rates",
            get_with(
                rates,
                says("rates", GROUP, "Messages a minute over the last hour"),
            ),
        )
        .api_route(
            "/v1/sources",
            get_with(
                sources,
                says("list_sources", GROUP, "Where to paste a URL, by sender"),
            ),
        )
}

async fn who_am_i(At(desk): At) -> Answer<WhoAmI> {
    ok(desk.who_am_i())
}

async fn folders(At(desk): At, Query(ask): Query<InFolder>) -> Answer<FolderList> {
    ok(desk.folders(ask)?)
}

async fn rates(At(desk): At, Query(ask): Query<InFolder>) -> Answer<Rates> {
    ok(desk.rates(ask)?)
}

async fn sources(At(desk): At) -> Answer<SourceList> {
    ok(desk.sources())
}
