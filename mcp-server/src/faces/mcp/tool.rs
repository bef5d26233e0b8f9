//! What a tool is, how it is published, and how a call to it goes.

use std::sync::Arc;

use rmcp::{
    RoleServer,
    model::{self, CallToolResult, ContentBlock, JsonObject, ToolAnnotations},
    service::RequestContext,
};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use super::{arguments, reach::Reach, schema, table};
use crate::{
    desk::{Answer, Desk},
    refusal::Refusal,
};

/// What a tool does to the world, for clients that ask a human first.
pub(super) struct Hints {
    /// It changes nothing.
    pub(super) read_only: bool,
    /// What it changes cannot be had back.
    pub(super) destructive: bool,
    /// A second call with the same arguments changes nothing more.
    pub(super) idempotent: bool,
    /// Strangers' content comes through it, or it opens a door to them.
    pub(super) open_world: bool,
}

/// A reply, and the same as text for a model.
pub(super) struct Said<R> {
    pub(super) reply: R,
    pub(super) text: String,
}

/// One tool: its words, its types, and what it does at a desk.
pub(super) trait Tool: 'static {
    /// What it is called with.
    type Ask: DeserializeOwned + JsonSchema + Clone + Send + Sync + 'static;
    /// Its structured result.
    type Reply: Serialize + JsonSchema + Send + 'static;

    /// Its name on the wire.
    const NAME: &'static str;
    /// Its name for humans.
    const TITLE: &'static str;
    /// What it does, for a model.
    const DESCRIPTION: &'static str;
    /// What it does to the world.
    const HINTS: Hints;

    /// Whether this call may wait, and so has to end when nobody is there to hear its answer.
    fn waits(_: &Self::Ask) -> bool {
        false
    }

    /// Whether this call is about the caller's own session, which may have to be made first.
    fn needs_session(_: &Self::Ask) -> bool {
        false
    }

    /// Does it.
    fn run<D: Desk>(
        desk: &D,
        ask: Self::Ask,
    ) -> impl Future<Output = Answer<Said<Self::Reply>>> + Send;
}

/// A tool as `tools/list` shows it.
pub(super) fn publish<T: Tool>() -> model::Tool {
    let hints = T::HINTS;
    model::Tool::new(T::NAME, T::DESCRIPTION, schema::of_input::<T::Ask>())
        .with_title(T::TITLE)
        .with_raw_output_schema(schema::of_output::<T::Reply>())
        .with_annotations(
            ToolAnnotations::new()
                .read_only(hints.read_only)
                .destructive(hints.destructive)
                .idempotent(hints.idempotent)
                .open_world(hints.open_world),
        )
}

/// Calls a tool. Whatever goes wrong is a tool error that a model can read and act on.
pub(super) async fn call<T: Tool, R: Reach>(
    reach: &R,
    arguments: JsonObject,
    context: &RequestContext<RoleServer>,
) -> CallToolResult {
    let schema = table::input_schema(T::NAME);
    let ask: T::Ask = match arguments::read(schema, arguments) {
        Ok(ask) => ask,
        Err(refusal) => return refused(&refusal),
    };
    let answer = if T::waits(&ask) {
        // Dropping the wait leases nothing more. A lease that the store is just making is made all
        // the same, and runs out after a minute.
        tokio::select! {
            biased;
            () = context.ct.cancelled() => return error("cancelled".to_owned()),
            () = reach.hung_up() => return error("cancelled".to_owned()),
            answer = ask_desk::<T, R>(reach, ask, context) => answer,
        }
    } else {
        ask_desk::<T, R>(reach, ask, context).await
    };
    match answer {
        Ok(said) => {
            let mut result = CallToolResult::success(vec![ContentBlock::text(said.text)]);
            let reply = serde_json::to_value(&said.reply).expect("wire types serialise");
            result.structured_content = Some(reply);
            result
        }
        Err(refusal) => refused(&refusal),
    }
}

async fn ask_desk<T: Tool, R: Reach>(
    reach: &R,
    ask: T::Ask,
    context: &RequestContext<RoleServer>,
) -> Answer<Said<T::Reply>> {
    let desk = reach.desk(context).await?;
    let lost = match run_at::<T, R>(reach, &desk, ask.clone()).await {
        // Nothing was sent, so asking again does nothing twice.
        Err(refusal @ Refusal::Unreachable(_)) => refusal,
        answer => return answer,
    };
    match reach.instead_of(&desk).await {
        Some(desk) => run_at::<T, R>(reach, &desk?, ask).await,
        None => Err(lost),
    }
}

async fn run_at<T: Tool, R: Reach>(
    reach: &R,
    desk: &Arc<R::Desk>,
    ask: T::Ask,
) -> Answer<Said<T::Reply>> {
    if T::needs_session(&ask) {
        reach.own_session(desk).await?;
    }
    T::run(&**desk, ask).await
}

/// A refusal as a tool error. Text alone: TypeScript clients hold an error's structured content
/// against the output schema and show the mismatch instead (typescript-sdk#1943).
fn refused(refusal: &Refusal) -> CallToolResult {
    let advice = match refusal {
        Refusal::Forbidden(_) => {
            "Name a folder at or below your own, or ask the operator for a key that reaches further."
        }
        Refusal::NotFound(_) => {
            "list_route_tokens, list_channel_grants, list_routes and read_messages show what is within your reach."
        }
        Refusal::Unavailable(_) => "Call again in a few seconds.",
        Refusal::Internal(_) => "This is a fault of the server; its log says more.",
        Refusal::Invalid { .. }
        | Refusal::Unauthenticated(_)
        | Refusal::Method(_)
        | Refusal::Conflict(_)
        | Refusal::Gone(_)
        | Refusal::TooLarge(_)
        | Refusal::TooSlow(_)
        | Refusal::NoRoom(_)
        | Refusal::Unreachable(_)
        | Refusal::BadServer(_) => "",
    };
    error(format!("{refusal}\n{advice}").trim_end().to_owned())
}

/// A tool error.
pub(super) fn error(text: String) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(text)])
}
