//! What a handler takes: a desk bound to whoever asks, and a request that has been parsed.

use std::{fmt::Display, str::FromStr, sync::Arc};

use axum::{
    body::{Bytes, to_bytes},
    extract::{FromRequest, FromRequestParts, Request},
    http::request::Parts,
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{MAX_REQUEST, problem::Problem};
use crate::{caller::Caller, desk::Local, house::House, refusal::Refusal, wire};

/// The desk of this house for the caller that the guard let in.
pub(super) struct At(pub(super) Local);

impl FromRequestParts<Arc<House>> for At {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, house: &Arc<House>) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Caller>().cloned().ok_or_else(|| {
            Problem(Refusal::Unauthenticated(
                "this needs a credential".to_owned(),
            ))
        })?;
        Ok(Self(Local::new(Arc::clone(house), caller)))
    }
}

/// A request read from a JSON body, whatever its content type says; none reads as `{}`.
pub(super) struct Body<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes: Bytes = to_bytes(request.into_body(), MAX_REQUEST)
            .await
            .map_err(|_| {
                Problem(Refusal::TooLarge(format!(
                    "the request body broke off or is larger than {MAX_REQUEST} bytes"
                )))
            })?;
        Ok(Self(wire::from_json(&bytes)?))
    }
}

/// A request read from the query string.
pub(super) struct Query<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(wire::from_query(
            parts.uri.query().unwrap_or_default(),
        )?))
    }
}

/// Parses a piece of the path. What cannot name a thing names nothing: not found.
pub(super) fn named<T: FromStr<Err: Display>>(what: &str, text: &str) -> Result<T, Problem> {
    text.parse()
        .map_err(|error| Problem(Refusal::NotFound(format!("no such {what}: {error}"))))
}

/// A reply as JSON, never cached: it may hold a token or a stranger's text.
pub(super) struct Reply<T>(pub(super) axum::http::StatusCode, pub(super) T);

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        let headers = [
            ("content-type", "application/json"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
        ];
        match serde_json::to_vec(&self.1) {
            Ok(json) => (self.0, headers, json).into_response(),
            Err(error) => Problem(Refusal::Internal(error.to_string())).into_response(),
        }
    }
}

/// What most handlers return.
pub(super) type Answer<T> = Result<Reply<T>, Problem>;

/// 200 with a reply.
pub(super) fn ok<T>(reply: T) -> Answer<T> {
    Ok(Reply(axum::http::StatusCode::OK, reply))
}

/// 201: something was made.
pub(super) fn created<T>(reply: T) -> Answer<T> {
    Ok(Reply(axum::http::StatusCode::CREATED, reply))
}
