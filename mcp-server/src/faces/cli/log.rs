//! The log as it grows, followed over restarts of the server. Looking leases nothing.
//!
//! Each event's id is a place in the log, and whoever comes back with the last one misses nothing.

use doorbell_core::{folder::Folder, pattern::Pattern};
use futures_util::StreamExt;
use reqwest::Method;

use super::{Common, Failure, again::Again, connect, stop::Stop};
use crate::{
    config::Whereabouts,
    desk::{Answer, Events, Remote},
    refusal::Refusal,
    wire::Message,
};

/// Which messages, and as whom.
pub(super) struct Subject<'a> {
    pub(super) common: &'a Common,
    pub(super) folder: Option<Folder>,
    pub(super) pattern: Option<Pattern>,
}

impl<'a> Subject<'a> {
    /// Reads both from the command line.
    pub(super) fn parsed(
        common: &'a Common,
        folder: Option<&str>,
        pattern: Option<&str>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            common,
            folder: folder
                .map(|text| connect::parsed("folder", text))
                .transpose()?,
            pattern: pattern
                .map(|text| connect::parsed("pattern", text))
                .transpose()?,
        })
    }

    /// The desk of the server that runs now.
    pub(super) fn desk(&self) -> Result<Remote, Failure> {
        connect::desk(self.common, self.folder.clone())
    }

    /// The same, where a server may be yet to come: none is a refusal that goes away.
    pub(super) fn desk_if_any(&self) -> Result<Remote, Failure> {
        let whereabouts = Whereabouts::from_environment(self.common.data_dir()?)?;
        if whereabouts.is_guess() {
            return Err(whereabouts.nobody().into());
        }
        self.desk()
    }
}

/// The log from some place on.
pub(super) struct Log<'a> {
    subject: &'a Subject<'a>,
    desk: Remote,
    events: Events,
    place: Option<String>,
    again: Again,
}

/// One step along the log.
pub(super) struct Step {
    /// The place behind it.
    pub(super) place: Option<String>,
    /// What stands there, if it is ours to see.
    pub(super) message: Option<Message>,
}

impl<'a> Log<'a> {
    /// Opens it behind `place`, or from now on.
    pub(super) async fn open(
        subject: &'a Subject<'a>,
        place: Option<String>,
    ) -> Result<Self, Failure> {
        let desk = subject.desk()?;
        let events = open(&desk, subject, place.as_deref()).await?;
        Ok(Self {
            subject,
            desk,
            events,
            place,
            again: Again::default(),
        })
    }

    /// The same, waiting for a server where there is none; `None`: told to stop meanwhile.
    pub(super) async fn open_when_served(
        subject: &'a Subject<'a>,
        place: Option<String>,
        stop: &mut Stop,
    ) -> Result<Option<Self>, Failure> {
        let mut again = Again::default();
        let opened = reopen(subject, place.as_deref(), &mut again, stop, None).await?;
        Ok(opened.map(|(desk, events)| Self {
            subject,
            desk,
            events,
            place,
            again,
        }))
    }

    /// Where it is read.
    pub(super) fn desk(&self) -> &Remote {
        &self.desk
    }

    /// The next step; `None`: told to stop.
    pub(super) async fn next(&mut self, stop: &mut Stop) -> Result<Option<Step>, Failure> {
        loop {
            let event = tokio::select! {
                biased;
                () = stop.told() => return Ok(None),
                event = self.events.next() => event,
            };
            let Some(Ok(event)) = event else {
                let why = Some("the server went away".to_owned());
                let place = self.place.as_deref();
                match reopen(self.subject, place, &mut self.again, stop, why).await? {
                    Some(opened) => (self.desk, self.events) = opened,
                    None => return Ok(None),
                }
                continue;
            };
            self.place = event.id.or_else(|| self.place.take());
            let message = event
                .data
                .map(|data| serde_json::from_str(&data))
                .transpose()
                .map_err(|_| Refusal::Internal("the server's stream does not read".to_owned()))?;
            return Ok(Some(Step {
                place: self.place.clone(),
                message,
            }));
        }
    }
}

async fn open(desk: &Remote, subject: &Subject<'_>, place: Option<&str>) -> Answer<Events> {
    let mut request = desk.request(Method::GET, &["stream"]);
    if let Some(pattern) = &subject.pattern {
        request = request.query(&[("match", pattern.to_string())]);
    }
    if let Some(place) = place {
        request = request.header("last-event-id", place);
    }
    desk.events(request).await
}

/// Opens it again once the server answers, wherever it is now; `None`: told to stop meanwhile.
/// Without a reason it is tried once before the first pause.
async fn reopen(
    subject: &Subject<'_>,
    place: Option<&str>,
    again: &mut Again,
    stop: &mut Stop,
    mut why: Option<String>,
) -> Result<Option<(Remote, Events)>, Failure> {
    loop {
        if let Some(why) = &why
            && !again.wait(why, stop).await
        {
            return Ok(None);
        }
        let opened = match subject.desk_if_any() {
            Ok(desk) => open(&desk, subject, place)
                .await
                .map(|events| (desk, events))
                .map_err(Failure::Refused),
            Err(failure) => Err(failure),
        };
        match opened {
            Ok(opened) => {
                again.over();
                return Ok(Some(opened));
            }
            Err(Failure::Refused(refusal)) if Again::worth_it(&refusal) => {
                why = Some(refusal.to_string());
            }
            Err(failure) => return Err(failure),
        }
    }
}
