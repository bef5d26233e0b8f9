//! Plain `listen`: follows the log and leases nothing.
//!
//! It starts now and survives a restart of the server: each event's id is a place in the log, and
//! whoever comes back with the last one misses nothing.

use std::collections::HashSet;

use doorbell_core::message::Cursor;

use super::{
    super::{
        Failure,
        clock::{Clock, Times},
        log::{Log, Subject},
        stop::Stop,
        terminal,
    },
    issue::Own,
    show::{self, Manner},
};
use crate::{
    desk::{Desk, Remote},
    wire::{Count, Message, Order, Read, Text, TextShape},
};

pub(super) async fn run(
    subject: &Subject<'_>,
    from: Option<Cursor>,
    last: Option<u64>,
    times: Times,
    own: Option<&Own>,
    mut stop: Stop,
) -> Result<(), Failure> {
    let manner = Manner::of_standard_output(subject.common.json);
    let clock = times.clock();
    let place = from.map(|cursor| cursor.write().into_owned());
    // The stream is open before the newest are read, so that nothing falls between.
    let mut log = Log::open(subject, place).await?;
    // Nor does what comes through a URL as soon as it can be read.
    if let Some(own) = own {
        own.show();
    }
    let shown = newest(log.desk(), subject, last, manner, &clock).await?;
    if manner.is_for_people() {
        terminal::explain(&format!("listening at {}; Ctrl-C stops", log.desk().url()));
    }
    while let Some(step) = log.next(&mut stop).await? {
        if let Some(message) = step.message
            && !shown.contains(&message.id.0)
        {
            print(log.desk(), message, manner, &clock).await?;
        }
    }
    Ok(())
}

/// Prints the newest messages, oldest first, and says which they were.
async fn newest(
    desk: &Remote,
    subject: &Subject<'_>,
    last: Option<u64>,
    manner: Manner,
    clock: &Clock,
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
        print(desk, message, manner, clock).await?;
    }
    Ok(ids)
}

/// Prints one message; a program gets the whole of it.
async fn print(
    desk: &Remote,
    mut message: Message,
    manner: Manner,
    clock: &Clock,
) -> Result<(), Failure> {
    match manner {
        Manner::Json => {
            if message.body_truncated {
                message = desk.message(message.id.0, None).await?.message;
            }
            Ok(terminal::json(&message)?)
        }
        Manner::People { colour } => Ok(terminal::say(&show::message(&message, clock, colour))?),
    }
}
