//! Where the desk for a call comes from.

use std::{sync::Arc, time::Duration};

use rmcp::{RoleServer, service::RequestContext};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::own::Own;
use crate::{
    caller::Caller,
    desk::{Answer, Desk, Local, Remote},
    house::House,
    refusal::Refusal,
};

/// How long the end of a session may hold up the end of the process.
const FAREWELL: Duration = Duration::from_secs(2);

/// What to do where no server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Start one.
    Start,
    /// Say so.
    Leave,
}

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

    /// Sees to it that the caller has a session of its own at this desk, where that is the
    /// process's business; elsewhere the desk says what is missing.
    fn own_session(&self, desk: &Arc<Self::Desk>) -> impl Future<Output = Answer<()>> + Send;

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

    async fn own_session(&self, _: &Arc<Local>) -> Answer<()> {
        Ok(())
    }

    /// The request's own context says when its connection is gone.
    async fn hung_up(&self) {
        std::future::pending().await
    }
}

/// A desk that is looked for at the first call and kept: clients start processes that are asked
/// what they are and then closed, and those must not start a server.
pub(super) struct Lazy<F> {
    open: F,
    own: Own,
    found: Mutex<Option<Arc<Remote>>>,
    closed: CancellationToken,
}

impl<F, W> Lazy<F>
where
    F: Fn(Missing) -> W + Send + Sync + 'static,
    W: Future<Output = Answer<Remote>> + Send,
{
    /// Looks with `open`; `closed` says that whoever asked has gone.
    pub(super) fn new(open: F, own: Own, closed: CancellationToken) -> Self {
        Self {
            open,
            own,
            found: Mutex::new(None),
            closed,
        }
    }

    /// The desk that was found, or else is found now. The lock is held while it looks, so that
    /// calls that come together start one server.
    pub(super) async fn find(&self) -> Answer<Arc<Remote>> {
        let mut found = self.found.lock().await;
        if let Some(desk) = &*found {
            return Ok(Arc::clone(desk));
        }
        let desk = self.open(Missing::Start).await?;
        *found = Some(Arc::clone(&desk));
        Ok(desk)
    }

    /// Looks again if the desk in hand is still `lost`.
    pub(super) async fn find_another(
        &self,
        lost: &Arc<Remote>,
        missing: Missing,
    ) -> Answer<Arc<Remote>> {
        let mut found = self.found.lock().await;
        match &*found {
            Some(other) if !Arc::ptr_eq(other, lost) => return Ok(Arc::clone(other)),
            _ => *found = None,
        }
        let desk = self.open(missing).await?;
        *found = Some(Arc::clone(&desk));
        Ok(desk)
    }

    async fn open(&self, missing: Missing) -> Answer<Arc<Remote>> {
        let desk = (self.open)(missing).await?;
        self.own.enter_if_there_is_one(&desk).await?;
        Ok(Arc::new(desk))
    }

    /// The process's own session.
    pub(super) fn own(&self) -> &Own {
        &self.own
    }

    /// Ends what was made for this process alone. Nobody waits for it long: the server ends such a
    /// session by itself once it is left.
    pub(super) async fn leave(&self) {
        let desk = self.found.lock().await.clone();
        if let (Some(desk), Some(id)) = (desk, self.own.left().await) {
            match tokio::time::timeout(FAREWELL, desk.end_session(id)).await {
                Ok(Ok(_)) => {}
                Ok(Err(refusal)) => tracing::warn!(%refusal, "the session was not ended"),
                Err(_) => tracing::warn!("the session was not ended in time"),
            }
        }
    }
}

impl<F, W> Reach for Lazy<F>
where
    F: Fn(Missing) -> W + Send + Sync + 'static,
    W: Future<Output = Answer<Remote>> + Send,
{
    type Desk = Remote;

    async fn desk(&self, _: &RequestContext<RoleServer>) -> Answer<Arc<Remote>> {
        self.find().await
    }

    async fn instead_of(&self, lost: &Arc<Remote>) -> Option<Answer<Arc<Remote>>> {
        Some(self.find_another(lost, Missing::Start).await)
    }

    async fn own_session(&self, desk: &Arc<Remote>) -> Answer<()> {
        self.own.enter(desk).await.map(|_| ())
    }

    async fn hung_up(&self) {
        self.closed.cancelled().await;
    }
}
