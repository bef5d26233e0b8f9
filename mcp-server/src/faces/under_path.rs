//! `--control-url https://h/bell`, behind a proxy that passes the path on as the browser sent it.
//!
//! One that takes `/bell` away itself needs nothing: pages link relatively.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{Uri, uri::PathAndQuery},
    middleware::{self, Next},
    response::{IntoResponse, Redirect, Response},
};

use crate::config::ControlUrl;

/// What our own paths begin with. Under a path that begins so, what a proxy has taken away already
/// could not be told from what it has not.
const OWN: [&str; 12] = [
    ".well-known",
    "assets",
    "healthz",
    "mcp",
    "metrics",
    "oidc",
    "openapi.json",
    "proof",
    "readyz",
    "sign-in",
    "sign-out",
    "v1",
];

/// The same, answering below the path of `url` too.
pub fn under_path(face: Router, url: Option<&ControlUrl>) -> Router {
    let path = url.map_or("", ControlUrl::path);
    let first = path.split('/').nth(1).unwrap_or_default();
    if path.is_empty() || OWN.contains(&first) {
        return face;
    }
    Router::new()
        .fallback_service(face)
        .layer(middleware::from_fn_with_state(
            Arc::<str>::from(path),
            below,
        ))
}

async fn below(State(path): State<Arc<str>>, mut request: Request, next: Next) -> Response {
    match request.uri().path().strip_prefix(&*path) {
        // What the page links to lies below it only with the slash.
        Some("") => {
            let query = request.uri().query().map(|query| format!("?{query}"));
            let query = query.unwrap_or_default();
            return Redirect::permanent(&format!("{path}/{query}")).into_response();
        }
        Some(rest) if rest.starts_with('/') => {
            if let Some(uri) = at(request.uri(), rest) {
                *request.uri_mut() = uri;
            }
        }
        _ => {}
    }
    next.run(request).await
}

/// The same at another path; nothing where that is none.
fn at(uri: &Uri, path: &str) -> Option<Uri> {
    let path = match uri.query() {
        None => path.parse::<PathAndQuery>(),
        Some(query) => format!("{path}?{query}").parse(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path.ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::header::LOCATION, routing::get};
    use tower::ServiceExt;

    use super::*;

    async fn ask(url: &str, path: &str) -> (u16, String) {
        let url = ControlUrl::parse(url).expect("a URL");
        let face = Router::new().fallback(get(|uri: Uri| async move { uri.to_string() }));
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let response = under_path(face, Some(&url)).oneshot(request).await;
        let response = response.expect("infallible");
        let status = response.status().as_u16();
        if let Some(location) = response.headers().get(LOCATION) {
            return (status, location.to_str().expect("ASCII").to_owned());
        }
        let body = axum::body::to_bytes(response.into_body(), 1024).await;
        let body = body.expect("short").to_vec();
        (status, String::from_utf8(body).expect("UTF-8"))
    }

    #[tokio::test]
    async fn what_a_proxy_did_not_take_away_is_taken_away() {
        for (path, seen) in [
            ("/bell/", "/"),
            ("/bell/v1/messages?match=a%2Fb", "/v1/messages?match=a%2Fb"),
            ("/bell/bell/", "/bell/"),
            ("/v1/messages", "/v1/messages"),
            ("/bellows/v1", "/bellows/v1"),
            ("/", "/"),
        ] {
            let answer = ask("https://h/bell", path).await;
            assert_eq!(answer, (200, seen.to_owned()), "{path}");
        }
        let answer = ask("https://h/a/bell", "/a/bell").await;
        assert_eq!(answer, (308, "/a/bell/".to_owned()));
        let answer = ask("https://h/bell", "/bell?q=a%20b").await;
        assert_eq!(answer, (308, "/bell/?q=a%20b".to_owned()));
        let answer = ask("https://h", "/bell").await;
        assert_eq!(answer, (200, "/bell".to_owned()));
    }

    #[tokio::test]
    async fn under_a_path_that_reads_like_ours_a_proxy_has_to_take_it_away() {
        let answer = ask("https://h/v1", "/v1/messages").await;
        assert_eq!(answer, (200, "/v1/messages".to_owned()));
    }
}
