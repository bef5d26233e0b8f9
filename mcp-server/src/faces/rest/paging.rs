//! Lists, a page at a time.
//!
//! Without `limit` a list is whole. With it, `cursor` stands in the answer while there is more, and
//! goes into the next request. A cursor is a place in the order of making, so what is made or
//! revoked meanwhile neither repeats an entry nor hides one.

use std::borrow::Cow;

use doorbell_core::{label::SessionId, time::Timestamp};
use schemars::{JsonSchema, Schema, json_schema};
use serde::{Deserialize, Serialize};

use super::ask::{Answer, ok};
use crate::wire::{
    ChannelEntry, ChannelList, Count, KeyEntry, KeyList, SessionEntry, SessionList, Text,
    TextShape, TokenEntry, TokenList,
};

/// Which part of a list.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Paging {
    /// How many at the most; all if absent
    pub(super) limit: Option<Count<1, 1_000>>,
    /// Where the last page ended; absent: from the beginning
    pub(super) cursor: Option<Text<Place>>,
}

/// A part of a list.
#[derive(Serialize, JsonSchema)]
pub(super) struct Paged<T> {
    #[serde(flatten)]
    list: T,
    /// Where to go on; absent at the end
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<Text<Place>>,
}

/// Where an entry stands: by when it was made, then by its id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    made: u64,
    id: String,
}

impl TextShape for Place {
    const NAME: &'static str = "Place";

    fn schema() -> Schema {
        json_schema!({
            "type": "string",
            "description": "Where a page ended; opaque",
            "pattern": "^[0-9]{1,15}-[A-Za-z0-9_-]{1,64}$"
        })
    }

    fn read(text: &str) -> Result<Self, String> {
        let parts = text.split_once('-');
        // Every id of an entry is a segment: a ULID, or a session's.
        parts
            .filter(|(made, id)| made.len() <= 15 && id.parse::<SessionId>().is_ok())
            .and_then(|(made, id)| Some((made.parse().ok()?, id.to_owned())))
            .map(|(made, id)| Self { made, id })
            .ok_or_else(|| "not a cursor; pass one exactly as it was returned".to_owned())
    }

    fn write(&self) -> Cow<'_, str> {
        format!("{}-{}", self.made, self.id).into()
    }
}

/// A list that can be cut.
pub(super) trait Listed {
    type Entry;

    fn entries(&mut self) -> &mut Vec<Self::Entry>;

    fn place(entry: &Self::Entry) -> Place;
}

/// Declares which member of a list holds its entries and which of an entry names it.
macro_rules! listed {
    ($($list:ty: $entries:ident, $entry:ty, $id:ident;)+) => {
        $(impl Listed for $list {
            type Entry = $entry;

            fn entries(&mut self) -> &mut Vec<$entry> {
                &mut self.$entries
            }

            fn place(entry: &$entry) -> Place {
                place(entry.created_at.0, &entry.$id.0)
            }
        })+
    };
}

listed! {
    TokenList: tokens, TokenEntry, grant_id;
    ChannelList: grants, ChannelEntry, grant_id;
    SessionList: sessions, SessionEntry, id;
    KeyList: keys, KeyEntry, key_id;
}

fn place(made: Timestamp, id: &impl ToString) -> Place {
    Place {
        made: made.as_millis(),
        id: id.to_string(),
    }
}

/// 200 with the part that was asked for.
pub(super) fn page<T: Listed>(mut list: T, ask: Paging) -> Answer<Paged<T>> {
    let entries = list.entries();
    entries.sort_by_key(T::place);
    if let Some(Text(cursor)) = ask.cursor {
        entries.retain(|entry| T::place(entry) > cursor);
    }
    let limit = ask.limit.map_or(usize::MAX, Count::as_len);
    let more = entries.len() > limit;
    entries.truncate(limit);
    let cursor = more
        .then(|| entries.last().map(T::place).map(Text))
        .flatten();
    ok(Paged { list, cursor })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_as_it_was_written() {
        let place = Place {
            made: 1_795_000_000_000,
            id: "build-1".to_owned(),
        };
        assert_eq!(Place::read(&place.write()), Ok(place));
        for bad in ["", "1", "x-1", "-1", "1234567890123456-a"] {
            assert!(Place::read(bad).is_err(), "{bad}");
        }
    }
}
