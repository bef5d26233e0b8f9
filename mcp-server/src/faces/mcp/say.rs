//! Replies as text for a model, and for the human it shows them to.

use std::fmt::Write;

use doorbell_core::token::Chance;

use crate::{
    untrusted::{Extent, Frame, quoted},
    wire::{
        AckResults, ChannelList, ExposedChannel, IssuedToken, Message, Order, Page, Received,
        ReplayedMany, RouteEntry, RouteList, SettleStatus, TokenList,
    },
};

/// How much of a note is shown in a list, in bytes.
const SHOWN_NOTE: usize = 200;

/// A new webhook URL, and where to paste it.
pub(super) fn issued(issued: &IssuedToken) -> String {
    let url = issued.url.as_deref().unwrap_or(&issued.token);
    let expires = (issued.expires_at.as_ref()).map_or("never".to_owned(), |at| at.0.to_string());
    let mut text = format!(
        "Webhook URL: {url}\n\
         It is shown once, and whoever has it can post. If it scrolls past, mint another.\n\
         Address: {}. Grant: {}. Expires: {expires}.\n",
        issued.jid.0, issued.grant_id.0
    );
    if let Some(warning) = &issued.warning {
        let _ = writeln!(text, "{warning}");
    }
    if let Some(steps) = &issued.next_steps {
        let _ = write!(text, "\n{steps}");
    }
    text
}

/// A new channel URL, and how to speak through it.
pub(super) fn exposed(exposed: &ExposedChannel) -> String {
    let mut text = format!(
        "Channel URL: {}\n\
         It is shown once. Whoever has it can say something to {}, and nothing else, until {} or until it is revoked. Grant: {}.\n",
        exposed.url, exposed.channel, exposed.expires_at.0, exposed.grant_id.0
    );
    if let Some(warning) = &exposed.warning {
        let _ = writeln!(text, "{warning}");
    }
    let _ = write!(
        text,
        "\nTo speak through it:\n\
         curl -X POST -d '{{\"message\":\"the build is green\",\"from\":\"ci\"}}' {}\n\
         200: a live session took it. 202: nothing is attached, it is kept and delivered in order. With \"idempotency_key\" a repeat is delivered once.\n\
         To close it: revoke_channel_grant with grant_id {}.",
        exposed.url, exposed.grant_id.0
    );
    text
}

/// Channel grants, a line each.
pub(super) fn channels(list: &ChannelList) -> String {
    if list.grants.is_empty() {
        return "No channel grants. expose_channel mints one.".to_owned();
    }
    let mut text = format!("{} channel grants:\n", list.grants.len());
    for entry in &list.grants {
        let _ = write!(
            text,
            "{}, to {}, may {}, owner {}, minted {}",
            entry.grant_id.0, entry.channel, entry.verb.0, entry.owner_folder.0, entry.created_at.0
        );
        if let Some(label) = &entry.label {
            let _ = write!(text, ", label {}", quoted(label.0.as_str(), SHOWN_NOTE));
        }
        match &entry.last_used_at {
            Some(at) => _ = write!(text, ", last used {}", at.0),
            None => text.push_str(", never used"),
        }
        if let Some(at) = &entry.expires_at {
            let _ = write!(text, ", expires {}", at.0);
        }
        if let Some(at) = &entry.revoked_at {
            let _ = write!(text, ", revoked {}", at.0);
        }
        text.push('\n');
    }
    text
}

/// A rule that was set just now.
pub(super) fn route_set(list: &RouteList) -> String {
    let mut text = String::from("Set, and it decides from the next message on:\n");
    list.routes
        .iter()
        .for_each(|entry| push_route(&mut text, entry));
    text.push_str("To undo it: remove_route with its id.");
    text
}

/// Rules, a line each.
pub(super) fn routes(list: &RouteList) -> String {
    if list.routes.is_empty() {
        return "No routes: a message goes to the folder its URL was minted for. set_route sets one."
            .to_owned();
    }
    let mut text = format!("{} routes, tried in this order:\n", list.routes.len());
    list.routes
        .iter()
        .for_each(|entry| push_route(&mut text, entry));
    text
}

fn push_route(text: &mut String, entry: &RouteEntry) {
    let _ = write!(
        text,
        "{}, owner {}, seq {}: {}",
        entry.route_id.0, entry.owner_folder, entry.seq, entry.pattern.0
    );
    if let Some(sender) = &entry.sender {
        let _ = write!(text, ", sender {}", sender.0);
    }
    for (name, glob) in &entry.headers {
        let _ = write!(text, ", {name}: {}", quoted(glob, SHOWN_NOTE));
    }
    let _ = writeln!(text, " -> {}", entry.target.0);
}

/// Live webhook URLs, a line each.
pub(super) fn listed(list: &TokenList) -> String {
    if list.tokens.is_empty() {
        return "No live webhook URLs. issue_webhook mints one.".to_owned();
    }
    let mut text = format!("{} live:\n", list.tokens.len());
    for entry in &list.tokens {
        let _ = write!(
            text,
            "{}, grant {}, owner {}, minted {}",
            entry.jid.0, entry.grant_id.0, entry.owner_folder.0, entry.created_at.0
        );
        match &entry.last_used_at {
            Some(at) => _ = write!(text, ", last used {}", at.0),
            None => text.push_str(", never used"),
        }
        if let Some(at) = &entry.expires_at {
            let _ = write!(text, ", expires {}", at.0);
        }
        if let Some(context) = &entry.context {
            let _ = write!(text, ", note {}", quoted(context.0.as_str(), SHOWN_NOTE));
        }
        text.push('\n');
    }
    text
}

/// Leased messages and the context beside them, in at most so many characters.
pub(super) fn received(received: &Received, chance: &dyn Chance, most: usize) -> String {
    let all: Vec<&Message> = (received.messages.iter())
        .chain(&received.observed)
        .collect();
    let mut rest = String::new();
    if !received.messages.is_empty() {
        let ids: Vec<String> = (received.messages.iter())
            .map(|m| m.id.0.to_string())
            .collect();
        let _ = write!(
            rest,
            "\nWhen done: ack_messages with ids {}. Unacked messages come back after 60 s.",
            ids.join(", ")
        );
    }
    if received.more {
        rest.push_str("\nThere is more than fitted: call again when you are done with these.");
    }
    if let Some(held) = received.leased_by_others {
        let _ = write!(
            rest,
            "\nAnother receiver of this inbox holds {held} messages; what it holds does not come here."
        );
    }
    if all.is_empty() {
        return format!(
            "Nothing is pending. With wait_seconds (up to 50) the call returns as soon as something comes.{rest}"
        );
    }
    let frame = Frame::around(chance, &all);
    within(most, |extent| {
        let mut text = frame.notice() + "\n";
        push_messages(&mut text, &frame, "Message", &received.messages, extent);
        push_messages(
            &mut text,
            &frame,
            "Context, no ack needed,",
            &received.observed,
            extent,
        );
        text + &rest
    })
}

/// A page of the log, in at most so many characters.
pub(super) fn page(page: &Page, chance: &dyn Chance, most: usize) -> String {
    use crate::wire::TextShape;

    let cursor = page.cursor.0.write();
    let goes_on = if page.more {
        format!("There is more: go on with cursor {cursor}.")
    } else {
        match page.cursor.0.order {
            Order::Oldest => format!("Nothing more. Later messages come after cursor {cursor}."),
            Order::Newest => "Nothing more: this is where the log begins.".to_owned(),
        }
    };
    if page.messages.is_empty() {
        return goes_on;
    }
    let all: Vec<&Message> = page.messages.iter().collect();
    let frame = Frame::around(chance, &all);
    within(most, |extent| {
        let mut text = frame.notice() + "\n";
        push_messages(&mut text, &frame, "Message", &page.messages, extent);
        text + "\n" + &goes_on + " Reading consumed nothing."
    })
}

/// The most that is shown of each message in so many characters. Where only what names them fits,
/// that is no more than they take in the structured result.
fn within(most: usize, show: impl Fn(Extent) -> String) -> String {
    let mut shortest = String::new();
    for extent in Extent::EACH {
        let text = show(extent);
        if text.encode_utf16().count() <= most {
            return text;
        }
        shortest = text;
    }
    shortest
}

fn push_messages(
    text: &mut String,
    frame: &Frame,
    what: &str,
    messages: &[Message],
    extent: Extent,
) {
    for (number, message) in (1..).zip(messages) {
        let _ = write!(
            text,
            "\n{what} {number} of {}: {}",
            messages.len(),
            frame.show(message, extent)
        );
    }
}

/// How many messages are pending again.
pub(super) fn replayed(replayed: &ReplayedMany) -> String {
    let mut text = format!("{} messages are pending again.", replayed.replayed);
    if replayed.more {
        text.push_str(" More are dead: call again.");
    }
    text
}

/// What became of each id.
pub(super) fn settled(results: &AckResults) -> String {
    let mut text = String::new();
    for (status, words) in [
        (SettleStatus::Acked, "acked"),
        (SettleStatus::Nacked, "given back"),
        (
            SettleStatus::NotFound,
            "not found (unknown, settled already, or leased by another since)",
        ),
    ] {
        let ids: Vec<String> = (results.results.iter())
            .filter(|settled| settled.status == status)
            .map(|settled| quoted(&settled.id, 64))
            .collect();
        if !ids.is_empty() {
            let _ = writeln!(text, "{} {words}: {}", ids.len(), ids.join(", "));
        }
    }
    text
}
