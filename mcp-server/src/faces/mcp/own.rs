//! The session of this process: named by whoever started it, or made when it is first needed.

use doorbell_core::label::SessionId;
use tokio::sync::Mutex;

use crate::{
    desk::{Answer, Desk, Remote},
    wire::{OpenSession, Text},
};

/// One process's own session.
#[derive(Debug, Default)]
pub(super) struct Own {
    name: Option<SessionId>,
    made: Mutex<Option<SessionId>>,
}

impl Own {
    /// The session of this name, which outlives the process; without a name one that ends with it.
    pub(super) fn named(name: Option<SessionId>) -> Self {
        Self {
            name,
            made: Mutex::default(),
        }
    }

    /// Enters it at a new desk, if there is one by now.
    pub(super) async fn enter_if_there_is_one(&self, desk: &Remote) -> Answer<()> {
        if self.name.is_some() || self.made.lock().await.is_some() {
            self.enter(desk).await?;
        }
        Ok(())
    }

    /// Enters it, and makes it first where it is not there yet.
    pub(super) async fn enter(&self, desk: &Remote) -> Answer<SessionId> {
        let mut made = self.made.lock().await;
        let id = match &*made {
            Some(id) => id.clone(),
            None => {
                let ask = OpenSession {
                    probe: false,
                    id: self.name.clone().map(Text),
                    folder: None,
                };
                desk.open_session(ask).await?.id.0
            }
        };
        desk.enter(id.clone());
        *made = Some(id.clone());
        Ok(id)
    }

    /// Forgets one that has ended, unless it has a name: then it is over for good.
    pub(super) async fn is_replaceable(&self, ended: &SessionId) -> bool {
        let mut made = self.made.lock().await;
        if self.name.is_none() && made.as_ref() == Some(ended) {
            *made = None;
        }
        self.name.is_none()
    }

    /// What has to be ended with the process.
    pub(super) async fn left(&self) -> Option<SessionId> {
        let made = self.made.lock().await.take();
        made.filter(|_| self.name.is_none())
    }
}
