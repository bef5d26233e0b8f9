//! A consistent copy of the whole store, streamed while the server goes on serving.

use std::{io, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use doorbell_core::acl::{Operate, authorize};
use futures_util::stream;
use tokio::sync::mpsc;

use super::problem::Problem;
use crate::{caller::Caller, house::House, refusal::Refusal};

/// How many pieces may wait for a slow reader.
const PIECES: usize = 16;

pub(super) async fn download(
    State(house): State<Arc<House>>,
    axum::Extension(caller): axum::Extension<Caller>,
) -> Result<Response, Problem> {
    authorize(&caller.principal, Operate)
        .map_err(|_| Refusal::Forbidden("a backup is the operator's business alone".to_owned()))?;
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
    Ok((
        [(header::CONTENT_TYPE, "application/octet-stream")],
        Body::from_stream(pieces),
    )
        .into_response())
}
