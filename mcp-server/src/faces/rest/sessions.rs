//! Sessions: one running agent each.

use aide::{
    OperationOutput,
    axum::{
        ApiRouter,
        routing::{delete_with, get_with},
    },
    generate::GenContext,
    openapi::{Operation, Response, StatusCode},
};
use axum::response::IntoResponse;
use doorbell_core::label::SessionId;

use super::{
    ask::{Answer, At, Body, Named, Query, Reply, ok},
    describe::{Routes, says},
    paging::{Paged, Paging, page},
    problem::Problem,
};
use crate::{
    desk::Desk,
    wire::{OpenSession, SessionEntry, SessionList},
};

const GROUP: &str = "Sessions";

pub(super) fn routes() -> Routes {
    ApiRouter::new()
        .api_route(
            "/v1/sessions",
            get_with(
                list,
                says("list_sessions", GROUP, "Oldest first, ended ones too"),
            )
            .post_with(
                open,
                says("open_session", GROUP, "Make a session, or return it"),
            ),
        )
        .api_route(
            "/v1/sessions/{id}",
            delete_with(end, says("end_session", GROUP, "End a session for good")),
        )
}

/// 201 where it is new, 200 where it stood already.
enum Opened {
    New(SessionEntry),
    Stood(SessionEntry),
}

impl IntoResponse for Opened {
    fn into_response(self) -> axum::response::Response {
        match self {
            Self::New(session) => Reply::<201, _>(session).into_response(),
            Self::Stood(session) => Reply::<200, _>(session).into_response(),
        }
    }
}

impl OperationOutput for Opened {
    type Inner = SessionEntry;

    fn inferred_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<StatusCode>, Response)> {
        let mut both = Reply::<200, SessionEntry>::inferred_responses(ctx, operation);
        both.extend(Reply::<201, SessionEntry>::inferred_responses(
            ctx, operation,
        ));
        both
    }
}

async fn open(At(desk): At, Body(ask): Body<OpenSession>) -> Result<Opened, Problem> {
    let (session, new) = desk.make_session(ask).await?;
    Ok(if new {
        Opened::New(session)
    } else {
        Opened::Stood(session)
    })
}

async fn list(At(desk): At, Query(ask): Query<Paging>) -> Answer<Paged<SessionList>> {
    page(desk.list_sessions().await?, ask)
}

async fn end(At(desk): At, Named(id): Named<SessionId>) -> Answer<SessionEntry> {
    ok(desk.end_session(id).await?)
}
