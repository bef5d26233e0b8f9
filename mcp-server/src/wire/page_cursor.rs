//! Where a page of the log ended, and which way it ran.

use std::borrow::Cow;

use doorbell_core::message::Cursor;
use schemars::{Schema, json_schema};

use super::{messages::Order, text::TextShape};

/// A place in the log that was reached in one order: gone on from in the other it would skip or
/// repeat a message, so it says which it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageCursor {
    /// Which way the page ran.
    pub order: Order,
    /// Where it ended.
    pub place: Cursor,
}

/// It is shown as a letter and a number; callers are told to treat it as opaque. That of the oldest
/// first is a [`Cursor`] as a stream has it.
impl TextShape for PageCursor {
    const NAME: &'static str = "PageCursor";

    fn schema() -> Schema {
        json_schema!({
            "type": "string",
            "description": "Where a page ended; opaque. It stays good at the end of the log.",
            "pattern": "^[cn][0-9]{1,19}$"
        })
    }

    fn read(text: &str) -> Result<Self, String> {
        match text.strip_prefix('n') {
            Some(digits) => Cursor::read(&format!("c{digits}")).map(|place| Self {
                order: Order::Newest,
                place,
            }),
            None => Cursor::read(text).map(|place| Self {
                order: Order::Oldest,
                place,
            }),
        }
    }

    fn write(&self) -> Cow<'_, str> {
        let letter = match self.order {
            Order::Oldest => 'c',
            Order::Newest => 'n',
        };
        format!("{letter}{}", self.place.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_says_which_order_it_belongs_to() {
        for (text, order) in [("c17", Order::Oldest), ("n17", Order::Newest)] {
            let cursor = PageCursor {
                order,
                place: Cursor(17),
            };
            assert_eq!(PageCursor::read(text), Ok(cursor));
            assert_eq!(cursor.write(), text);
        }
        let beyond = u64::MAX.to_string();
        let (old, new) = (format!("c{beyond}"), format!("n{beyond}"));
        for bad in ["", "n", "17", "cn1", "nc1", "n-1", "n1 ", &old, &new] {
            assert!(PageCursor::read(bad).is_err(), "{bad}");
        }
    }
}
