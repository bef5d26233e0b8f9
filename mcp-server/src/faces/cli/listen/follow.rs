//! Plain `listen`: follows the log and leases nothing.
//!
//! It starts now and survives a restart of the server: each event's id is a place in the log, and
//! whoever comes back with the last one misses nothing.

use std::collections::HashSet;

use doorbell_core::message::Cursor;
use futures_util::StreamExt;
use reqwest::Method;

use super::{
    super::{Failure, again::Again, connect, stop::Stop, terminal},
    Subject,
    show::{self, Manner},
};
use crate::{
    desk::{Answer, Desk, Events, Remote},
    refusal::Refusal,
    wire::{Count, Message, Order, Read, Text, TextShape},
};

pub(super) async fn run(
    subject: &Subject<'_>,
    since: Option<Cursor>,
    last: Option<u64>,
    mut stop: Stop,
) -> Result<(), Failure> {
    let manner = Manner::of_standard_output(subject.common.json);
    let mut desk = subject.desk()?;
    let mut place = since.map(|cursor| cursor.write().into_owned());
    // The stream is open before the newest are read, so that nothing falls between.
    let mut events = open(&desk, subject, place.as_deref()).await?;
    let shown = newest(&desk, subject, last, manner).await?;
    if manner.is_for_people() {
        terminal::explain(&format!("listening at {}; Ctrl-C stops", desk.url()));
    }
    let mut again = Again::default();
    loop {
        let event = tokio::select! {
            biased;
            () = stop.told() => return Ok(()),
            event = events.next() => event,
        };
        let Some(Ok(event)) = event else {
            match reopen(subject, place.as_deref(), &mut again, &mut stop).await? {
                Some(opened) => (desk, events) = opened,
                None => return Ok(()),
            }
            continue;
        };
        place = event.id.or(place);
        let Some(data) = event.data else { continue };
        let message: Message = serde_json::from_str(&data)
            .map_err(|_| Refusal::Internal("the server's stream does not read".to_owned()))?;
        if !shown.contains(&message.id.0) {
            print(&desk, message, manner).await?;
        }
    }
}

/// Opens the stream behind `place`, or from now on.
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
async fn reopen(
    subject: &Subject<'_>,
    place: Option<&str>,
    again: &mut Again,
    stop: &mut Stop,
) -> Result<Option<(Remote, Events)>, Failure> {
    let mut why = "the server went away".to_owned();
    loop {
        if !again.wait(&why, stop).await {
            return Ok(None);
        }
        let desk = subject.desk()?;
        match open(&desk, subject, place).await {
            Ok(events) => {
                again.over();
                return Ok(Some((desk, events)));
            }
            Err(refusal) if Again::worth_it(&refusal) => why = refusal.to_string(),
            Err(refusal) => return Err(refusal.into()),
        }
    }
}

/// Prints the newest messages, oldest first, and says which they were.
async fn newest(
    desk: &Remote,
    subject: &Subject<'_>,
    last: Option<u64>,
    manner: Manner,
) -> Result<HashSet<doorbell_core::message::MessageId>, Failure> {
    let Some(last) = last else {
        return Ok(HashSet::new());
    };
    let ask = Read {
        pattern: subject.pattern.clone().map(Text),
        limit: Some(Count::clamped(last)),
        order: Some(Order::Newest),
        ..Read::default()
    };
    let mut messages = desk.read(ask).await?.messages;
    messages.reverse();
    let ids = messages.iter().map(|message| message.id.0).collect();
    for message in messages {
        print(desk, message, manner).await?;
    }
    Ok(ids)
}

/// Prints one message; a program gets the whole of it.
async fn print(desk: &Remote, mut message: Message, manner: Manner) -> Result<(), Failure> {
    match manner {
        Manner::Json => {
            if message.body_truncated {
                message = desk.message(message.id.0, None).await?.message;
            }
            Ok(terminal::json(&message)?)
        }
        Manner::People { colour } => Ok(terminal::say(&show::message(&message, colour))?),
    }
}

impl Subject<'_> {
    /// The desk of the server that runs now.
    pub(super) fn desk(&self) -> Result<Remote, Failure> {
        connect::desk(self.common, self.folder.clone())
    }
}
