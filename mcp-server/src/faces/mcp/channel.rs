//! Pushing into Claude Code: what is pending in the folder's inbox and the session's, as
//! `notifications/claude/channel`.
//!
//! Nothing is acknowledged there and a closed client loses what it was sent. So a push takes
//! nothing out of the inbox: the server pushes again what is not settled.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use doorbell_core::message::MessageId;
use doorbell_ingress::machine::SystemChance;
use futures_util::StreamExt;
use reqwest::Method;
use rmcp::{
    Peer, RoleServer,
    model::{CustomNotification, ServerNotification},
};
use serde_json::json;

use super::reach::{Lazy, Missing};
use crate::{
    desk::{Answer, Remote},
    refusal::Refusal,
    untrusted,
    wire::Message,
};

/// What Claude Code listens for.
const NOTIFICATION: &str = "notifications/claude/channel";
/// How long to wait before the first new attempt, and at the most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));
/// A server that was restarted does not know what it pushed before: what was pushed so recently is
/// not pushed again. Less than the 30 s after which it is due again.
const JUST_NOW: Duration = Duration::from_secs(25);

/// How an attachment ended.
enum End {
    /// The connection broke, or the server stopped.
    Broke,
    /// The session is over.
    Ended,
    /// The client has gone.
    Gone,
}

/// Why there is nothing to push any more.
enum Stop {
    /// The client has gone, and nobody is there to be told.
    Gone,
    /// It was refused for good.
    Refused(Refusal),
}

/// Pushes for as long as the client is there, over restarts of the server.
pub(super) async fn push<F, W>(reach: &Lazy<F>, peer: &Peer<RoleServer>, tell: fn(&str))
where
    F: Fn(Missing) -> W + Send + Sync + 'static,
    W: Future<Output = Answer<Remote>> + Send + 'static,
{
    let mut pusher = Pusher {
        peer,
        recent: HashMap::new(),
    };
    let mut pause = PAUSES.0;
    let mut lost = None;
    loop {
        let attached = pusher.attach(reach, &mut lost, &mut pause).await;
        let why = match attached {
            Ok(()) => continue,
            Err(Stop::Gone) => return,
            Err(Stop::Refused(refusal)) => refusal,
        };
        if !is_passing(&why) {
            tell(&format!("nothing is pushed any more: {why}"));
            return;
        }
        if pause == PAUSES.0 {
            tell(&format!("nothing is pushed just now: {why}; trying again"));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Whether a refusal may go away by itself. A conflict is another consumer of the session, who may
/// leave.
fn is_passing(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::Unavailable(_) | Refusal::Unreachable(_) | Refusal::Conflict(_)
    )
}

struct Pusher<'a> {
    peer: &'a Peer<RoleServer>,
    recent: HashMap<MessageId, Instant>,
}

impl Pusher<'_> {
    /// Attaches once and pushes until that is over.
    async fn attach<F, W>(
        &mut self,
        reach: &Lazy<F>,
        lost: &mut Option<std::sync::Arc<Remote>>,
        pause: &mut Duration,
    ) -> Result<(), Stop>
    where
        F: Fn(Missing) -> W + Send + Sync + 'static,
        W: Future<Output = Answer<Remote>> + Send + 'static,
    {
        // A server that went away is not started from here: whoever stopped it may be starting it.
        let desk = match lost {
            None => reach.find().await,
            Some(lost) => reach.find_another(lost, Missing::Leave).await,
        };
        let desk = desk.map_err(Stop::Refused)?;
        *lost = Some(std::sync::Arc::clone(&desk));
        let session = match reach.own().enter(&desk).await {
            Ok(session) => session,
            // Its name is taken elsewhere, or it ended: that does not go away.
            Err(Refusal::Conflict(why)) => return Err(Stop::Refused(Refusal::Gone(why))),
            Err(refusal) => return Err(Stop::Refused(refusal)),
        };
        let most = untrusted::PUSHED.to_string();
        let request = desk.request(Method::GET, &["stream"]).query(&[
            ("session", session.as_str()),
            ("attach", "true"),
            ("with_folder", "true"),
            ("max_body_bytes", &most),
        ]);
        let events = match desk.events(request).await {
            Ok(events) => events,
            Err(Refusal::Gone(why) | Refusal::NotFound(why)) => {
                return match reach.own().is_replaceable(&session).await {
                    true => Ok(()),
                    false => Err(Stop::Refused(Refusal::Gone(why))),
                };
            }
            Err(refusal) => return Err(Stop::Refused(refusal)),
        };
        *pause = PAUSES.0;
        match self.follow(events).await {
            End::Gone => Err(Stop::Gone),
            End::Broke => Err(Stop::Refused(Refusal::Unreachable(
                "the server went away".to_owned(),
            ))),
            End::Ended if reach.own().is_replaceable(&session).await => Ok(()),
            End::Ended => Err(Stop::Refused(Refusal::Gone(format!(
                "the session {session} was ended"
            )))),
        }
    }

    async fn follow(&mut self, mut events: crate::desk::Events) -> End {
        while let Some(Ok(event)) = events.next().await {
            match (event.event.as_deref(), event.data) {
                (Some("ended"), _) => return End::Ended,
                (Some("message"), Some(data)) => {
                    let Ok(message) = serde_json::from_str::<Message>(&data) else {
                        return End::Broke;
                    };
                    if self.is_due(message.id.0) && !self.notify(&message).await {
                        return End::Gone;
                    }
                }
                _ => {}
            }
        }
        End::Broke
    }

    fn is_due(&mut self, id: MessageId) -> bool {
        self.recent.retain(|_, at| at.elapsed() < JUST_NOW);
        if self.recent.contains_key(&id) {
            return false;
        }
        self.recent.insert(id, Instant::now());
        true
    }

    /// False: the client has gone. True means written, not seen.
    async fn notify(&self, message: &Message) -> bool {
        let pushed = untrusted::pushed(&SystemChance, message);
        let params = json!({"content": pushed.content, "meta": pushed.meta});
        let notification = CustomNotification::new(NOTIFICATION, Some(params));
        self.peer
            .send_notification(ServerNotification::CustomNotification(notification))
            .await
            .is_ok()
    }
}
