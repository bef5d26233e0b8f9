//! Errors as RFC 9457 problem details.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use doorbell_ingress::rejection::Rejection;
use http_body_util::Full;
use schemars::JsonSchema;
use serde::Serialize;

use crate::refusal::Refusal;

/// Problem details (RFC 9457). `type` is left out, which reads as about:blank, and `title` then is
/// the status's.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub struct Document {
    /// The status in words
    title: String,
    /// The status
    status: u16,
    /// What is wrong and what to do about it
    detail: String,
    /// Names it for programs
    code: String,
    /// Which argument broke a rule, if one did
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

/// A refusal as an HTTP response.
#[derive(Debug)]
pub struct Problem(pub Refusal);

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let refusal = self.0;
        let status = StatusCode::from_u16(refusal.status()).expect("the table holds statuses");
        let document = Document {
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: refusal.to_string(),
            code: refusal.code().to_owned(),
            field: match &refusal {
                Refusal::Invalid { field, .. } => Some(field.clone()),
                _ => None,
            },
        };
        let text = serde_json::to_string(&document).expect("strings and a number are JSON");
        let mut response = (status, text).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = refusal.retry_after() {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A request that the parser of HTTP refused, as this listener says it.
pub(crate) fn not_http(no: &Rejection) -> http::Response<Full<Bytes>> {
    let document = Document {
        title: no.status().canonical_reason().unwrap_or("Error").to_owned(),
        status: no.status().as_u16(),
        detail: no.message().into_owned(),
        code: no.code().to_owned(),
        field: None,
    };
    let text = serde_json::to_string(&document).expect("strings and a number are JSON");
    let mut response = http::Response::new(Full::from(text));
    *response.status_mut() = no.status();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// No such path.
pub(super) async fn not_found() -> Problem {
    Problem(Refusal::NotFound(
        "there is nothing at this path".to_owned(),
    ))
}

/// The path is right and the method is not; axum adds `Allow`.
pub(super) async fn method_not_allowed() -> Problem {
    Problem(Refusal::Method(
        "other methods; see the Allow header".to_owned(),
    ))
}
