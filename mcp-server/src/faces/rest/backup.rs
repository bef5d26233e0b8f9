//! A consistent copy of the whole store, streamed while the server goes on serving.

use std::{io, sync::Arc, time::Duration};

use aide::axum::{ApiRouter, routing::get_with};
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::IntoResponse,
};
use futures_util::{Stream, stream};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{
    ask::Operating,
    describe::{Download, Routes, says},
    problem::Problem,
};
use crate::{
    house::{Backup, House},
    refusal::Refusal,
};

/// How many pieces may wait for a slow reader.
const PIECES: usize = 16;
/// How long a reader may take for a piece of some 64 KiB. One that hangs is let go of: while it is
/// waited for, no disk space of what it copies is given back.
const PIECE_TIMEOUT: Duration = Duration::from_secs(30);

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
    let pieces = copy(source, PIECE_TIMEOUT).pieces();
    let whole = (
        [(header::CONTENT_TYPE, "application/octet-stream")],
        Body::from_stream(pieces),
    );
    Ok(Download(whole.into_response()))
}

/// A copy on its way to whoever reads it.
struct Copying {
    pieces: mpsc::Receiver<Bytes>,
    outcome: oneshot::Receiver<io::Result<()>>,
}

impl Copying {
    /// Its pieces. Half a copy ends with an error, which cuts the connection: it does not look like
    /// a whole one.
    fn pieces(self) -> impl Stream<Item = io::Result<Bytes>> {
        stream::unfold(Some(self), |copying| async {
            let mut copying = copying?;
            if let Some(piece) = copying.pieces.recv().await {
                return Some((Ok(piece), Some(copying)));
            }
            let outcome = copying.outcome.await;
            let broke_off = |_| Err(io::Error::other("it ended early"));
            let error = outcome.unwrap_or_else(broke_off).err()?;
            Some((Err(error), None))
        })
    }
}

/// Copies on a thread that may wait, so long for each piece.
fn copy(source: Arc<dyn Backup>, patience: Duration) -> Copying {
    let (sender, pieces) = mpsc::channel(PIECES);
    let (ended, outcome) = oneshot::channel();
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        let mut sink = |piece: &[u8]| {
            let send = sender.send(Bytes::copy_from_slice(piece));
            match runtime.block_on(async { timeout(patience, send).await }) {
                Ok(sent) => sent.map_err(|_| io::Error::other("whoever read it has gone")),
                Err(_) => Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("whoever reads it took nothing for {patience:?}"),
                )),
            }
        };
        let copied = source.backup(&mut sink);
        drop(source);
        if let Err(error) = &copied {
            tracing::warn!(%error, "the backup broke off");
        }
        // Whoever read it may have gone.
        let _ = ended.send(copied);
    });
    Copying { pieces, outcome }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::StreamExt;

    use super::*;

    /// As large as a thousand pieces.
    struct Large;

    impl Backup for Large {
        fn backup(&self, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
            (0..1_000).try_for_each(|_| sink(&[0; 64]))
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reader_that_hangs_is_let_go_of_and_never_takes_half_for_the_whole() {
        let whole = copy(Arc::new(Large), Duration::from_secs(60)).pieces();
        assert!(
            whole
                .map(|piece| piece.expect("whole").len())
                .all(async |len| len == 64)
                .await
        );

        let source: Arc<dyn Backup> = Arc::new(Large);
        let copying = copy(Arc::clone(&source), Duration::from_millis(50));
        // Its thread has let go of what it copies once nobody else has that.
        while Arc::strong_count(&source) > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let pieces: Vec<_> = pin!(copying.pieces()).collect().await;
        assert_eq!(pieces.len(), PIECES + 1);
        assert!(pieces.last().expect("some").is_err());
    }
}
