//! The server, wherever it is by now, asked about one session.

use doorbell_core::{folder::Folder, label::SessionId, message::MessageId};
use reqwest::Method;

use crate::{
    config::{DataDir, Whereabouts},
    desk::{Answer, Desk, Events, Remote},
    wire::{Ack, Message},
};

/// As much of a body as a stream brings: what a channel takes by default, whole.
const BODY_BYTES: &str = "1048576";

/// What is needed to find it again.
#[derive(Clone, Debug)]
pub(super) struct Server {
    data_dir: DataDir,
    folder: Option<Folder>,
    receiver: String,
    session: SessionId,
}

impl Server {
    pub(super) fn new(
        data_dir: DataDir,
        folder: Option<Folder>,
        receiver: String,
        session: SessionId,
    ) -> Self {
        Self {
            data_dir,
            folder,
            receiver,
            session,
        }
    }

    /// Which session it is about.
    pub(super) fn session(&self) -> &SessionId {
        &self.session
    }

    /// The desk of the server that runs now.
    fn desk(&self) -> Answer<Remote> {
        let whereabouts = Whereabouts::from_environment(self.data_dir.clone())?;
        if whereabouts.is_guess() {
            return Err(whereabouts.nobody());
        }
        Ok(Remote::new(whereabouts.address()?, self.folder.clone())?
            .named(&self.receiver)
            .in_session(self.session.clone()))
    }

    /// Attaches as the session's one consumer: what is pending is pushed from now on.
    pub(super) async fn attach(&self) -> Answer<Events> {
        let desk = self.desk()?;
        let request = desk.request(Method::GET, &["stream"]).query(&[
            ("session", self.session.as_str()),
            ("attach", "true"),
            ("max_body_bytes", BODY_BYTES),
        ]);
        desk.events(request).await
    }

    /// A message with its whole body.
    pub(super) async fn whole(&self, id: MessageId) -> Answer<Message> {
        Ok(self.desk()?.message(id, None).await?.message)
    }

    /// Settles messages. Whatever became of each, none has to be asked about again.
    pub(super) async fn ack(&self, ids: &[MessageId]) -> Answer<()> {
        let ids = ids.iter().map(ToString::to_string).collect();
        self.desk()?.ack(Ack { ids }).await.map(drop)
    }

    /// Ends the session, if it has not ended with its attachment.
    pub(super) async fn end_session(&self) {
        if let Ok(desk) = self.desk() {
            // Over already, or the server is away and will see that nobody is attached.
            let _ = desk.end_session(self.session.clone()).await;
        }
    }
}
