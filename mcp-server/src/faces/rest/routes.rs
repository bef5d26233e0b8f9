//! Routes: the rules that say where messages go.

use std::borrow::Cow;

use aide::axum::{
    ApiRouter,
    routing::{delete_with, get_with, post_with},
};
use doorbell_core::{message::RouteId, route::Owner, time::Timestamp};
use schemars::{JsonSchema, Schema, json_schema};
use serde::{Deserialize, Serialize};

use super::{
    ask::{Answer, At, Body, Made, Named, Query, created, ok},
    describe::{Routes, says},
};
use crate::{
    desk::Desk,
    wire::{Count, RouteEntry, RouteList, RouteTested, SetRoute, TestRoute, Text, TextShape},
};

const GROUP: &str = "Routes";

pub(super) fn routes() -> Routes {
    ApiRouter::new()
        .api_route(
            "/v1/routes",
            get_with(
                list,
                says(
                    "list_routes",
                    GROUP,
                    "Every rule in reach, in the order in which they are tried",
                ),
            )
            .post_with(
                set,
                says("set_route", GROUP, "Set a rule that routes messages"),
            ),
        )
        .api_route(
            "/v1/routes/test",
            post_with(
                test,
                says(
                    "test_route",
                    GROUP,
                    "Say where a message would go, and why; nothing is stored",
                ),
            ),
        )
        .api_route(
            "/v1/routes/{route_id}",
            delete_with(
                remove,
                says(
                    "remove_route",
                    GROUP,
                    "Remove a rule, and list what remains",
                ),
            ),
        )
}

async fn set(At(desk): At, Body(ask): Body<SetRoute>) -> Made<RouteList> {
    created(desk.set_route(ask).await?)
}

async fn list(At(desk): At, Query(ask): Query<Part>) -> Answer<RoutePage> {
    let mut routes = desk.list_routes().await?.routes;
    if let Some(Text(cursor)) = ask.cursor {
        routes.retain(|rule| Place::of(rule) > cursor);
    }
    let limit = ask.limit.map_or(usize::MAX, Count::as_len);
    let more = routes.len() > limit;
    routes.truncate(limit);
    let cursor = routes.last().filter(|_| more).map(Place::of).map(Text);
    ok(RoutePage { routes, cursor })
}

async fn test(At(desk): At, Body(ask): Body<TestRoute>) -> Answer<RouteTested> {
    ok(desk.test_route(ask).await?)
}

async fn remove(At(desk): At, Named(id): Named<RouteId>) -> Answer<RouteList> {
    ok(desk.remove_route(id).await?)
}

/// Which part of the rules.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Part {
    /// How many at the most; all if absent
    limit: Option<Count<1, 1_000>>,
    /// Where the last page ended; absent: from the beginning
    cursor: Option<Text<Place>>,
}

/// Rules, in the order in which they are tried.
#[derive(Serialize, JsonSchema)]
struct RoutePage {
    /// Containing folders' first, then by seq, then by age; the first that matches decides
    routes: Vec<RouteEntry>,
    /// Where to go on; absent at the end
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<Text<Place>>,
}

/// Where a rule stands in that order, which is not that of other lists: what is set or removed
/// meanwhile neither repeats a rule nor hides one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    owner: Owner,
    seq: u32,
    made: Timestamp,
    id: RouteId,
}

impl Place {
    fn of(rule: &RouteEntry) -> Self {
        Self {
            owner: owner(&rule.owner_folder).expect("an owner is shown as it is written"),
            seq: rule.seq,
            made: rule.created_at.0,
            id: rule.route_id.0,
        }
    }
}

/// As lists show it.
fn owner(text: &str) -> Option<Owner> {
    match text {
        "*" => Some(Owner::Root),
        folder => folder.parse().ok().map(Owner::Folder),
    }
}

impl TextShape for Place {
    const NAME: &'static str = "RoutePlace";

    fn schema() -> Schema {
        json_schema!({
            "type": "string",
            "description": "Where a page ended; opaque",
            "pattern": "^[0-9]{1,9}-[0-9]{1,15}-[0-7][0-9A-HJKMNP-TV-Z]{25}-(\\*|[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,7})$"
        })
    }

    fn read(text: &str) -> Result<Self, String> {
        let read = || {
            let mut parts = text.splitn(4, '-');
            Some(Self {
                seq: parts.next()?.parse().ok()?,
                made: Timestamp::from_millis(parts.next()?.parse().ok()?),
                id: parts.next()?.parse().ok()?,
                owner: owner(parts.next()?)?,
            })
        };
        read().ok_or_else(|| "not a cursor; pass one exactly as it was returned".to_owned())
    }

    fn write(&self) -> Cow<'_, str> {
        let made = self.made.as_millis();
        format!("{}-{made}-{}-{}", self.seq, self.id, self.owner).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_as_it_was_written() {
        for whose in ["*", "acme-corp/eng"] {
            let place = Place {
                owner: owner(whose).expect("legal"),
                seq: 10,
                made: Timestamp::from_millis(1_795_000_000_000),
                id: RouteId::from_u128(5),
            };
            assert_eq!(Place::read(&place.write()), Ok(place));
        }
        for bad in ["", "1", "10-1-x-acme", "10-1-00000000000000000000000005-"] {
            assert!(Place::read(bad).is_err(), "{bad}");
        }
    }
}
