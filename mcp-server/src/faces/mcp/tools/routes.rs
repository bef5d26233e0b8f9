//! Routes: rules that say where messages go.

use crate::{
    desk::{Answer, Desk},
    faces::mcp::{
        say,
        tool::{Hints, Said, Tool},
    },
    wire,
};

/// `set_route`.
pub(in crate::faces::mcp) struct SetRoute;

impl Tool for SetRoute {
    type Ask = wire::SetRoute;
    type Reply = wire::RouteList;

    const NAME: &'static str = "set_route";
    const TITLE: &'static str = "Route messages";
    const DESCRIPTION: &'static str = "Sets a rule that decides where messages go when they arrive: to your folder or one below it, quietly (`#observe`: kept as context, rings nobody), or to one session. The first rule that matches decides, containing folders' before yours, then by seq. It applies only to messages of URLs whose folder is yours or below, whatever match says. Example: match hook:acme/eng/*, headers {\"x-github-event\": \"push\"}, target acme/eng#observe. Messages that came before stay where they are.";
    const HINTS: Hints = Hints {
        read_only: false,
        destructive: false,
        idempotent: false,
        open_world: false,
    };

    async fn run<D: Desk>(desk: &D, ask: Self::Ask) -> Answer<Said<Self::Reply>> {
        let reply = desk.set_route(ask).await?;
        let text = say::route_set(&reply);
        Ok(Said { reply, text })
    }
}

/// `list_routes`.
pub(in crate::faces::mcp) struct ListRoutes;

impl Tool for ListRoutes {
    type Ask = wire::ListRoutes;
    type Reply = wire::RouteList;

    const NAME: &'static str = "list_routes";
    const TITLE: &'static str = "List routes";
    const DESCRIPTION: &'static str = "Lists the rules set in your folder and below, in the order in which they are tried. Rules of containing folders come before them and are not shown. A message that no rule matches goes to the folder its URL was minted for, and rings.";
    const HINTS: Hints = Hints {
        read_only: true,
        destructive: false,
        idempotent: true,
        open_world: false,
    };

    async fn run<D: Desk>(desk: &D, _: Self::Ask) -> Answer<Said<Self::Reply>> {
        let reply = desk.list_routes().await?;
        let text = say::routes(&reply);
        Ok(Said { reply, text })
    }
}

/// `remove_route`.
pub(in crate::faces::mcp) struct RemoveRoute;

impl Tool for RemoveRoute {
    type Ask = wire::RemoveRoute;
    type Reply = wire::RouteList;

    const NAME: &'static str = "remove_route";
    const TITLE: &'static str = "Remove a route";
    const DESCRIPTION: &'static str = "Removes one rule, at once: the next message is decided without it. What it routed before stays where it went. Answers with the rules that remain. list_routes shows the ids; another folder's reads as not found.";
    const HINTS: Hints = Hints {
        read_only: false,
        destructive: true,
        idempotent: true,
        open_world: false,
    };

    async fn run<D: Desk>(desk: &D, ask: Self::Ask) -> Answer<Said<Self::Reply>> {
        let reply = desk.remove_route(ask.route_id.0).await?;
        let text = format!("Removed route {}.\n{}", ask.route_id.0, say::routes(&reply));
        Ok(Said { reply, text })
    }
}
