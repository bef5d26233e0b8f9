//! Links that sign a browser in to the dashboard.

use aide::axum::{ApiRouter, routing::post_with};
use axum::http::HeaderMap;

use super::{
    ask::{Made, Operating, created},
    describe::{Routes, says},
};
use crate::wire::SignInLink;

pub(super) fn routes() -> Routes {
    ApiRouter::new().api_route(
        "/v1/sign_in_links",
        post_with(
            make,
            says(
                "make_sign_in_link",
                "Operations (operators only)",
                "Make a link that signs a browser in as you, once and within 60 s",
            ),
        ),
    )
}

async fn make(Operating(desk): Operating, headers: HeaderMap) -> Made<SignInLink> {
    created(desk.sign_in_link(&headers)?)
}
