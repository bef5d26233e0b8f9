//! Against a listener on loopback that answers whatever a test wants.

use std::{collections::HashMap, net::SocketAddr};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri, header::LOCATION},
    response::{IntoResponse, Response},
};
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};

use super::*;

const KEY: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;
const OPENID: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";

/// What it answers at which path; a text that begins with a slash is a redirect.
type Pages = HashMap<&'static str, String>;

struct Listener {
    url: String,
    task: JoinHandle<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn page(State(pages): State<Pages>, uri: Uri) -> Response {
    match pages.get(uri.path()) {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(there) if there.starts_with('/') => {
            (StatusCode::FOUND, [(LOCATION, there.clone())]).into_response()
        }
        Some(text) => text.clone().into_response(),
    }
}

/// Asks an issuer for its keys that has these pages; `description` gets its own address.
async fn ask(
    at: &'static str,
    description: impl FnOnce(SocketAddr) -> String,
    mut pages: Pages,
) -> Result<Published, FetchError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    pages.insert(at, description(addr));
    let app = Router::new().fallback(page).with_state(pages);
    let listener = Listener {
        url: format!("http://{addr}"),
        task: tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") }),
    };
    let issuer = listener.url.parse().expect("an issuer");
    Fetch::new(issuer).expect("a client").published().await
}

fn described(addr: SocketAddr) -> String {
    json!({"issuer": format!("http://{addr}"), "jwks_uri": format!("http://{addr}/jwks")})
        .to_string()
}

fn jwks(text: impl Into<String>) -> Pages {
    HashMap::from([("/jwks", text.into())])
}

#[tokio::test]
async fn keys_are_found_where_openid_and_where_oauth_describe_an_issuer() {
    let good = format!(r#"{{"keys":[{KEY}]}}"#);
    for at in [OPENID, OAUTH] {
        let keys = ask(at, described, jwks(&good)).await.expect("found");
        assert_eq!(keys.keys.len(), 1);
    }
}

#[tokio::test]
async fn a_description_of_another_or_one_that_leads_elsewhere_is_refused() {
    let good = jwks(format!(r#"{{"keys":[{KEY}]}}"#));
    let another =
        |addr| json!({"issuer": "https://id.example", "jwks_uri": format!("http://{addr}/jwks")});
    let elsewhere =
        |addr| json!({"issuer": format!("http://{addr}"), "jwks_uri": "http://10.0.0.1/jwks"});
    let file = |addr| json!({"issuer": format!("http://{addr}"), "jwks_uri": "file:///etc/hosts"});
    let describe: [fn(SocketAddr) -> serde_json::Value; 3] = [another, elsewhere, file];
    for describe in describe {
        let asked = ask(OPENID, |addr| describe(addr).to_string(), good.clone()).await;
        assert!(
            matches!(asked, Err(FetchError::Document { .. })),
            "{asked:?}"
        );
    }
    let asked = ask(OPENID, |_| "<html>".to_owned(), good).await;
    assert!(
        matches!(asked, Err(FetchError::Document { .. })),
        "{asked:?}"
    );
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let mut pages = jwks("/keys");
    pages.insert("/keys", format!(r#"{{"keys":[{KEY}]}}"#));
    let asked = ask(OPENID, described, pages).await;
    let Err(FetchError::Status { status, .. }) = asked else {
        panic!("{asked:?}")
    };
    assert_eq!(status, StatusCode::FOUND);
}

#[tokio::test]
async fn a_document_that_is_too_large_or_holds_no_key_is_refused() {
    let large = format!(r#"{{"keys":[{KEY}],"x":"{}"}}"#, "x".repeat(MAX_DOCUMENT));
    for text in [
        large,
        r#"{"keys":[]}"#.to_owned(),
        "{}".to_owned(),
        String::new(),
    ] {
        let asked = ask(OPENID, described, jwks(text)).await;
        assert!(
            matches!(asked, Err(FetchError::Document { .. })),
            "{asked:?}"
        );
    }
}

#[tokio::test]
async fn an_issuer_that_does_not_listen_is_away() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let asked = Fetch::new(url.parse().expect("an issuer")).expect("a client");
    let asked = asked.published().await;
    assert!(matches!(asked, Err(FetchError::Away { .. })), "{asked:?}");
}
