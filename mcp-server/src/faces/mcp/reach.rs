//! Where the desk for a call comes from.

use std::sync::Arc;

use rmcp::{RoleServer, service::RequestContext};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::{
    caller::Caller,
    desk::{Answer, Desk, Local},
    house::House,
    refusal::Refusal,
};

/// A way from a request to a desk.
pub(super) trait Reach: Send + Sync + 'static {
    /// The desk it leads to.
    type Desk: Desk + 'static;

    /// The desk of whoever sent this request.
    fn desk(
        &self,
        context: &RequestContext<RoleServer>,
    ) -> impl Future<Output = Answer<Arc<Self::Desk>>> + Send;

    /// Another desk in place of one that nobody answers at, if there can be another.
    fn instead_of(
        &self,
        lost: &Arc<Self::Desk>,
    ) -> impl Future<Output = Option<Answer<Arc<Self::Desk>>>> + Send;

    /// Waits until nobody is there any more to read an answer.
    fn hung_up(&self) -> impl Future<Output = ()> + Send;
}

/// The server's own desk, for the caller that the guard let in.
pub(super) struct InHouse(pub(super) Arc<House>);

impl Reach for InHouse {
    type Desk = Local;

    async fn desk(&self, context: &RequestContext<RoleServer>) -> Answer<Arc<Local>> {
        let caller = context
            .extensions
            .get::<::http::request::Parts>()
            .and_then(|parts| parts.extensions.get::<Caller>())
            .cloned()
            .ok_or_else(|| Refusal::Unauthenticated("this needs a credential".to_owned()))?;
        Ok(Arc::new(Local::new(Arc::clone(&self.0), caller)))
    }

    async fn instead_of(&self, _: &Arc<Local>) -> Option<Answer<Arc<Local>>> {
        None
    }

    /// The request's own context says when its connection is gone.
    async fn hung_up(&self) {
        std::future::pending().await
    }
}

/// A desk that is looked for at the first call and kept: clients start processes that are asked
/// what they are and then closed, and those must not start a server.
pub(super) struct Lazy<D, F> {
    open: F,
    found: Mutex<Option<Arc<D>>>,
    closed: CancellationToken,
}

impl<D, F> Lazy<D, F> {
    /// Looks with `open`; `closed` says that whoever asked has gone.
    pub(super) fn new(open: F, closed: CancellationToken) -> Self {
        Self {
            open,
            found: Mutex::new(None),
            closed,
        }
    }
}

impl<D, F, W> Reach for Lazy<D, F>
where
    D: Desk + 'static,
    F: Fn() -> W + Send + Sync + 'static,
    W: Future<Output = Answer<D>> + Send,
{
    type Desk = D;

    /// The lock is held while it looks, so that calls that come together start one server.
    async fn desk(&self, _: &RequestContext<RoleServer>) -> Answer<Arc<D>> {
        let mut found = self.found.lock().await;
        if let Some(desk) = &*found {
            return Ok(Arc::clone(desk));
        }
        let desk = Arc::new((self.open)().await?);
        *found = Some(Arc::clone(&desk));
        Ok(desk)
    }

    async fn instead_of(&self, lost: &Arc<D>) -> Option<Answer<Arc<D>>> {
        let mut found = self.found.lock().await;
        match &*found {
            Some(other) if !Arc::ptr_eq(other, lost) => return Some(Ok(Arc::clone(other))),
            _ => *found = None,
        }
        let desk = match (self.open)().await {
            Ok(desk) => Arc::new(desk),
            Err(refusal) => return Some(Err(refusal)),
        };
        *found = Some(Arc::clone(&desk));
        Some(Ok(desk))
    }

    async fn hung_up(&self) {
        self.closed.cancelled().await;
    }
}
