//! Routes.

use axum::extract::Path;
use doorbell_core::message::RouteId;

use super::ask::{Answer, At, Body, created, named, ok};
use crate::{
    desk::Desk,
    wire::{RouteList, RouteTested, SetRoute, TestRoute},
};

pub(super) async fn set(At(desk): At, Body(ask): Body<SetRoute>) -> Answer<RouteList> {
    created(desk.set_route(ask).await?)
}

pub(super) async fn list(At(desk): At) -> Answer<RouteList> {
    ok(desk.list_routes().await?)
}

pub(super) async fn test(At(desk): At, Body(ask): Body<TestRoute>) -> Answer<RouteTested> {
    ok(desk.test_route(ask).await?)
}

pub(super) async fn remove(At(desk): At, Path(id): Path<String>) -> Answer<RouteList> {
    ok(desk.remove_route(named::<RouteId>("route", &id)?).await?)
}
