//! Routes: the rules that say where messages go.

use aide::axum::{
    ApiRouter,
    routing::{delete_with, get_with, post_with},
};
use doorbell_core::message::RouteId;

use super::{
    ask::{Answer, At, Body, Made, Named, created, ok},
    describe::{Routes, says},
};
use crate::{
    desk::Desk,
    wire::{RouteList, RouteTested, SetRoute, TestRoute},
};

const GROUP: &str = "Routes";

pub(super) fn routes() -> Routes {
    ApiRouter::new()
        .api_route(
            "/v1/routes",
            get_with(
                list,
                says(
                    "list_routes",
                    GROUP,
                    "Every rule in reach, in the order in which they are tried",
                ),
            )
            .post_with(
                set,
                says("set_route", GROUP, "Set a rule that routes messages"),
            ),
        )
        .api_route(
            "/v1/routes/test",
            post_with(
                test,
                says(
                    "test_route",
                    GROUP,
                    "Say where a message would go, and why; nothing is stored",
                ),
            ),
        )
        .api_route(
            "/v1/routes/{route_id}",
            delete_with(
                remove,
                says(
                    "remove_route",
                    GROUP,
                    "Remove a rule, and list what remains",
                ),
            ),
        )
}

async fn set(At(desk): At, Body(ask): Body<SetRoute>) -> Made<RouteList> {
    created(desk.set_route(ask).await?)
}

async fn list(At(desk): At) -> Answer<RouteList> {
    ok(desk.list_routes().await?)
}

async fn test(At(desk): At, Body(ask): Body<TestRoute>) -> Answer<RouteTested> {
    ok(desk.test_route(ask).await?)
}

async fn remove(At(desk): At, Named(id): Named<RouteId>) -> Answer<RouteList> {
    ok(desk.remove_route(id).await?)
}
