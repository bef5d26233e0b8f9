//! Errors as RFC 9457 problem details.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::refusal::Refusal;

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
        // `type` is left out: RFC 9457 then reads it as about:blank, and `title` as the status's.
        let mut document = serde_json::json!({
            "title": status.canonical_reason().unwrap_or("Error"),
            "status": status.as_u16(),
            "detail": refusal.to_string(),
            "code": refusal.code(),
        });
        if let Refusal::Invalid { field, .. } = &refusal {
            document["field"] = field.as_str().into();
        }
        let mut response = (status, document.to_string()).into_response();
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
