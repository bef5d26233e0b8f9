//! The body, capped and timed.

use std::{future::poll_fn, pin::pin};

use bytes::{Bytes, BytesMut};
use http_body::Body;
use tokio::time::{Instant, timeout_at};

use crate::{admit::Admitted, limits::Limits, rejection::Rejection};

/// Reads a body to its end, as it is: nothing is decoded.
///
/// The share of the budget grows with it, and so does the time it has, up to its end.
pub(crate) async fn read<B: Body<Data = Bytes>>(
    body: B,
    limits: &Limits,
    admitted: &mut Admitted,
) -> Result<Bytes, Rejection> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let began = Instant::now();
    let mut body = pin!(body);
    // Most bodies come in one piece, which is kept without a copy.
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut length = 0;
    loop {
        let frame = timeout_at(
            limits.body_pace.due(began, length),
            poll_fn(|cx| body.as_mut().poll_frame(cx)),
        );
        let Some(frame) = frame
            .await
            .map_err(|_| Rejection::BodyTooSlow(limits.body_pace))?
        else {
            break;
        };
        // Trailers are let go: they are neither body nor head.
        let Ok(data) = frame.map_err(|_| Rejection::BodyBroken)?.into_data() else {
            continue;
        };
        length += data.len();
        if length > limits.body_bytes {
            return Err(Rejection::BodyTooLarge(limits.body_bytes));
        }
        admitted
            .share
            .cover(admitted.head_bytes + length)
            .map_err(|_| Rejection::Overload)?;
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                // Not what was announced: that may never come.
                rest.reserve(length * 2);
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
