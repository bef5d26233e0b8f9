//! A consistent copy of the whole store, streamed while the server goes on serving.

use std::{io, sync::Arc};

use aide::axum::{ApiRouter, routing::get_with};
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::IntoResponse,
};
use futures_util::stream;
use tokio::sync::mpsc;

use super::{
    ask::Operating,
    describe::{Download, Routes, says},
    problem::Problem,
};
use crate::{house::House, refusal::Refusal};

/// How many pieces may wait for a slow reader.
const PIECES: usize = 16;

pub(super) fn routes() -> Routes {
    ApiRouter::new().api_route(
        "/v1/backup",
        get_with(
            download,
            says(
                "backup",
                "Operations (operators only)",
                "A consistent copy of everything, streamed",
            ),
        ),
    )
}

async fn download(
    State(house): State<Arc<House>>,
    _operator: Operating,
) -> Result<Download, Problem> {
    let source = house
        .backup
        .clone()
        .ok_or_else(|| Refusal::Unavailable("this store cannot copy itself".to_owned()))?;
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(PIECES);
    tokio::task::spawn_blocking(move || {
        let mut sink = |piece: &[u8]| {
            sender
                .blocking_send(Ok(Bytes::copy_from_slice(piece)))
                .map_err(io::Error::other)
        };
        if let Err(error) = source.backup(&mut sink) {
            tracing::warn!(%error, "the backup broke off");
            // The connection is cut, so that half a backup does not look like a whole one.
            let _ = sender.blocking_send(Err(error));
        }
    });
    let pieces = stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    let whole = (
        [(header::CONTENT_TYPE, "application/octet-stream")],
        Body::from_stream(pieces),
    );
    Ok(Download(whole.into_response()))
}
