//! The clock of every body on the control listener: whoever announces one and does not send it is
//! told 408, whichever handler was to read it.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, header::CONNECTION},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use doorbell_ingress::body_clock::BodyPace;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::rest::Problem;
use crate::refusal::Refusal;

/// Lets a body be read at the pace that it must keep; what a handler makes of one that does not is
/// replaced by the refusal.
pub async fn timed(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let pace = BodyPace::default();
    let late = Arc::new(AtomicBool::new(false));
    let request = request.map(|body| {
        Body::new(Timed {
            body,
            pace,
            came: 0,
            began: None,
            timer: None,
            late: Arc::clone(&late),
        })
    });
    let response = next.run(request).await;
    if !late.load(Ordering::Relaxed) {
        return response;
    }
    let (grace, rate, time) = (pace.grace.as_secs(), pace.rate, pace.time.as_secs());
    let refusal = Refusal::TooSlow(format!(
        "the request body came too slowly: after its first {grace} seconds it is to bring {rate} \
         bytes a second on average, and to end within {time}; send it again"
    ));
    let mut response = Problem(refusal).into_response();
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A body that ends with an error when it comes too slowly.
struct Timed {
    body: Body,
    pace: BodyPace,
    came: usize,
    /// When it was first asked for.
    began: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    late: Arc<AtomicBool>,
}

impl HttpBody for Timed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let began = *self.began.get_or_insert_with(Instant::now);
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            if let Some(Ok(frame)) = &frame {
                self.came += frame.data_ref().map_or(0, Bytes::len);
            }
            return Poll::Ready(frame);
        }
        let due = self.pace.due(began, self.came);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if timer.deadline() != due {
            timer.as_mut().reset(due);
        }
        ready!(timer.as_mut().poll(cx));
        self.late.store(true, Ordering::Relaxed);
        let late = axum::Error::new("the body came too slowly");
        Poll::Ready(Some(Err(late)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
