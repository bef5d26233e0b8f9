//! The body, capped and timed.

use std::{future::poll_fn, pin::pin};

use bytes::{Bytes, BytesMut};
use http_body::Body;
use tokio::time::timeout;

use crate::{admit::Admitted, limits::Limits, rejection::Rejection};

/// Reads a body to its end, as it is: nothing is decoded.
///
/// The share of the budget grows with it. A body whose length was announced has its share already.
pub(crate) async fn read<B: Body<Data = Bytes>>(
    body: B,
    limits: &Limits,
    admitted: &mut Admitted,
) -> Result<Bytes, Rejection> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    timeout(limits.body_time, collect(body, limits.body_bytes, admitted))
        .await
        .unwrap_or(Err(Rejection::BodyTooSlow(limits.body_time)))
}

async fn collect<B: Body<Data = Bytes>>(
    body: B,
    cap: usize,
    admitted: &mut Admitted,
) -> Result<Bytes, Rejection> {
    let announced = body.size_hint().exact();
    let mut body = pin!(body);
    // Most bodies come in one piece, which is kept without a copy.
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        // Trailers are let go: they are neither body nor head.
        let Ok(data) = frame.map_err(|_| Rejection::BodyBroken)?.into_data() else {
            continue;
        };
        length += data.len();
        if length > cap {
            return Err(Rejection::BodyTooLarge(cap));
        }
        admitted
            .share
            .cover(admitted.head_bytes + length)
            .map_err(|_| Rejection::Overload)?;
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                let whole = announced.and_then(|bytes| usize::try_from(bytes).ok());
                rest.reserve(whole.unwrap_or(length).min(cap));
                rest.extend_from_slice(&first);
                first = Bytes::new();
            }
            rest.extend_from_slice(&data);
        }
        if body.is_end_stream() {
            break;
        }
    }
    Ok(if rest.is_empty() {
        first
    } else {
        rest.freeze()
    })
}
