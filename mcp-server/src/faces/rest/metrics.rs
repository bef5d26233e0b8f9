//! `GET /metrics`: the whole instance's figures, for Prometheus and the like.

use std::sync::Arc;

use aide::{
    OperationOutput,
    axum::{ApiRouter, routing::get_with},
    generate::GenContext,
    openapi::{Operation, Response as Described, StatusCode},
};
use axum::{
    extract::State,
    http::{
        HeaderMap,
        header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use schemars::json_schema;

use super::{
    ask::Operating,
    describe::{Routes, response, says},
};
use crate::{
    house::House,
    telemetry::{self, Dialect},
};

pub(super) fn routes() -> Routes {
    ApiRouter::new().api_route(
        "/metrics",
        get_with(
            scrape,
            says(
                "metrics",
                "Operations (operators only)",
                "The instance's figures, as Prometheus reads them",
            ),
        ),
    )
}

async fn scrape(
    State(house): State<Arc<House>>,
    _operator: Operating,
    headers: HeaderMap,
) -> Figures {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let dialect = Dialect::accepted(accept.unwrap_or_default());
    Figures {
        dialect,
        text: telemetry::scrape(&house, dialect).await,
    }
}

/// A page of figures, and how it is written.
struct Figures {
    dialect: Dialect,
    text: String,
}

impl IntoResponse for Figures {
    fn into_response(self) -> Response {
        let headers = [
            (CONTENT_TYPE, self.dialect.content_type()),
            (CACHE_CONTROL, "no-store"),
        ];
        (headers, self.text).into_response()
    }
}

impl OperationOutput for Figures {
    type Inner = Self;

    fn inferred_responses(
        _: &mut GenContext,
        _: &mut Operation,
    ) -> Vec<(Option<StatusCode>, Described)> {
        let text = json_schema!({ "type": "string" });
        let mut figures = response("The figures", "text/plain", text.clone());
        figures
            .content
            .extend(response("", "application/openmetrics-text", text).content);
        vec![(Some(StatusCode::Code(200)), figures)]
    }
}
