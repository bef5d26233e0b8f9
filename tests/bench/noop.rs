//! The yardstick: an axum handler that takes what ours takes (path, header map, whole body) and
//! does nothing with it.

use crate::Outcome;
use axum::{Router, body::Bytes, extract::Path, http::HeaderMap, http::StatusCode, routing::post};
use std::io::Write;

/// Serves on a free port of loopback until killed; the address is the one line on stdout.
pub(crate) fn serve() -> Outcome<()> {
    // The same runtime that `#[tokio::main]` gives anyone: a worker per core.
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
            let mut stdout = std::io::stdout();
            writeln!(stdout, "{}", listener.local_addr()?)?;
            stdout.flush()?;
            axum::serve(listener, router()).await?;
            Ok(())
        })
}

/// One route, of the front door's shape.
pub(crate) fn router() -> Router {
    Router::new().route("/hook/{token}", post(ignore))
}

async fn ignore(Path(token): Path<String>, headers: HeaderMap, body: Bytes) -> StatusCode {
    // Or the optimiser might find out that nobody looks.
    std::hint::black_box((token, headers, body));
    StatusCode::NO_CONTENT
}
