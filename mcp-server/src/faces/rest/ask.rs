//! What a handler takes: a desk bound to whoever asks, and a request that has been parsed.

use std::sync::Arc;

use axum::{
    body::{Bytes, to_bytes},
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use doorbell_core::{
    address::Jid,
    grant::GrantId,
    key::KeyId,
    label::SessionId,
    message::{MessageId, RouteId},
};
use schemars::{Schema, json_schema};
use serde::{Serialize, de::DeserializeOwned};

use super::{MAX_REQUEST, problem::Problem};
use crate::{caller::Caller, desk::Local, house::House, refusal::Refusal, wire, wire::TextShape};

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

/// The desk of an operator: whoever is none is refused before anything else is looked at.
pub(super) struct Operating(pub(super) Local);

impl FromRequestParts<Arc<House>> for Operating {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, house: &Arc<House>) -> Result<Self, Problem> {
        let At(desk) = At::from_request_parts(parts, house).await?;
        desk.operate()?;
        Ok(Self(desk))
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

/// What a piece of a path names.
pub(super) trait PathPart: TextShape {
    /// What the piece is called in a route.
    const PARAMETER: &'static str;
    /// What it names, in words.
    const WHAT: &'static str;

    /// What the document says of the piece.
    fn described() -> Schema {
        Self::schema()
    }
}

/// Its schema as a piece of a path is wider than what an address is, so that whoever makes up texts
/// from it makes up short ones: what is no address is not found, as any unknown one.
impl PathPart for Jid {
    const PARAMETER: &'static str = "jid";
    const WHAT: &'static str = "jid";

    fn described() -> Schema {
        json_schema!({
            "type": "string",
            "description": "The address: hook:acme/eng/github",
            "pattern": "^(hook|web):[A-Za-z0-9_/-]{1,80}$"
        })
    }
}

/// Declares what names what in a path.
macro_rules! path_part {
    ($($type:ty: $parameter:literal, $what:literal;)+) => {
        $(impl PathPart for $type {
            const PARAMETER: &'static str = $parameter;
            const WHAT: &'static str = $what;
        })+
    };
}

path_part! {
    MessageId: "id", "message";
    SessionId: "id", "session";
    GrantId: "grant_id", "grant";
    KeyId: "key_id", "key";
    RouteId: "route_id", "route";
}

/// A piece of the path, parsed. What cannot name a thing names nothing: not found.
pub(super) struct Named<T>(pub(super) T);

impl<S: Send + Sync, T: PathPart> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let none = |rule: String| {
            let what = T::WHAT;
            Problem(Refusal::NotFound(format!("no such {what}: {rule}")))
        };
        let pieces = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| none("the path is not UTF-8".to_owned()))?;
        let mut pieces = pieces.iter();
        let piece = pieces.find(|(name, _)| *name == T::PARAMETER);
        let (_, text) = piece.expect("the route has this piece");
        T::read(text).map(Self).map_err(none)
    }
}

/// A reply as JSON, never cached: it may hold a token or a stranger's text.
pub(super) struct Reply<const STATUS: u16, T>(pub(super) T);

impl<const STATUS: u16, T: Serialize> IntoResponse for Reply<STATUS, T> {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(STATUS).expect("a status that is written down");
        let headers = [
            ("content-type", "application/json"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
        ];
        match serde_json::to_vec(&self.0) {
            Ok(json) => (status, headers, json).into_response(),
            Err(error) => Problem(Refusal::Internal(error.to_string())).into_response(),
        }
    }
}

/// What most handlers return: 200 and this.
pub(super) type Answer<T> = Result<Reply<200, T>, Problem>;
/// What handlers return that make something: 201 and this.
pub(super) type Made<T> = Result<Reply<201, T>, Problem>;

/// 200 with a reply.
pub(super) fn ok<T>(reply: T) -> Answer<T> {
    Ok(Reply(reply))
}

/// 201: something was made.
pub(super) fn created<T>(reply: T) -> Made<T> {
    Ok(Reply(reply))
}
