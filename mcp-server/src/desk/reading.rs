//! The log, a page at a time, and one message of it piece by piece.

use doorbell_core::{message::MessageId, ports};

use super::{
    Answer, bound,
    local::{Local, PAGE_BYTES},
    shapes,
};
use crate::{
    refusal::Refusal,
    wire::{Count, Message, Order, Page, PageCursor, Read, Text},
};

/// How many messages a page holds unless it is asked otherwise.
const DEFAULT_LIMIT: usize = 50;

impl Local {
    /// A page, or the message that is named.
    pub(super) async fn page(&self, ask: Read) -> Answer<Page> {
        let order = ask.order.unwrap_or_default();
        if let Some(Text(cursor)) = &ask.cursor
            && cursor.order != order
        {
            let name = |order| match order {
                Order::Oldest => "oldest",
                Order::Newest => "newest",
            };
            let (of, asked) = (name(cursor.order), name(order));
            return Err(Refusal::invalid(
                "cursor",
                format!("belongs to order {of}, not to {asked}; leave it out to begin anew"),
            ));
        }
        if let Some(Text(id)) = ask.id {
            return self.page_of(id, &ask, order).await;
        }
        if ask.body_offset.is_some() {
            return Err(Refusal::invalid("body_offset", "goes with id alone"));
        }
        let room = ask.max_chars.map(Count::as_len);
        let body_limit = shapes::body_limit(ask.max_body_bytes);
        let request = ports::ReadRequest {
            scope: self.use_messages()?.scope(),
            within: ask.folder.map(|folder| folder.0),
            pattern: ask.pattern.map(|pattern| pattern.0),
            state: ask.state.map(shapes::state),
            since: ask.since.map(|since| since.0),
            until: ask.until.map(|until| until.0),
            cursor: ask.cursor.map(|cursor| cursor.0.place),
            order: shapes::order(order),
            limit: ask.limit.map_or(DEFAULT_LIMIT, Count::as_len),
            body_limit: room.map_or(body_limit, |room| body_limit.min(room)),
            // No character is more than four bytes.
            budget: room.map_or(PAGE_BYTES, |room| PAGE_BYTES.min(4 * room)),
            now: self.house.clock.now(),
        };
        let page = self.house.store.read(request).await?;
        let mut end = page.cursor;
        let mut more = page.more;
        let mut messages: Vec<Message> = Vec::with_capacity(page.messages.len());
        let mut last = end;
        let mut left = room.map(|room| room.saturating_sub(bound::AROUND));
        for found in page.messages {
            let place = found.cursor;
            let mut message = shapes::message(found);
            if let Some(left) = &mut left {
                if messages.is_empty() {
                    bound::cut(&mut message, *left);
                } else if bound::cost(&message) > *left {
                    (end, more) = (last, true);
                    break;
                }
                *left = left.saturating_sub(bound::cost(&message));
            }
            messages.push(message);
            last = place;
        }
        Ok(Page {
            messages,
            cursor: Text(PageCursor { order, place: end }),
            more,
        })
    }

    /// One message, or a piece of it.
    async fn page_of(&self, id: MessageId, ask: &Read, order: Order) -> Answer<Page> {
        let offset = ask.body_offset.map_or(0, Count::as_len);
        let room = ask.max_chars.map(Count::as_len);
        let asked = ask.max_body_bytes.map_or(usize::MAX, Count::as_len);
        let length = room.map_or(asked, |room| asked.min(room));
        let scope = self.use_messages()?.scope();
        let now = self.house.clock.now();
        let most = offset.saturating_add(length);
        let found = self.house.store.get(id, scope, most, now).await?;
        let Some(mut message) = found.map(|found| found.message) else {
            return Err(Refusal::NotFound(format!("no message {id}")));
        };
        let begins = offset.min(message.body.len());
        message.body = message.body.split_off(begins);
        let mut message = shapes::piece(message, begins as u64);
        if let Some(room) = room {
            bound::cut(&mut message, room.saturating_sub(bound::AROUND));
        }
        let end = PageCursor {
            order,
            place: self.house.store.end(),
        };
        Ok(Page {
            messages: vec![message],
            cursor: ask.cursor.clone().unwrap_or(Text(end)),
            more: false,
        })
    }
}
