//! The table of tools: what is listed is what can be called.

use std::sync::LazyLock;

use futures_util::future::BoxFuture;
use rmcp::{
    RoleServer,
    model::{self, CallToolResult, JsonObject},
    service::RequestContext,
};

use super::{
    reach::Reach,
    tool::{self, Tool},
    tools::{
        AckMessages, ExposeChannel, IssueWebhook, ListChannelGrants, ListRouteTokens, ListRoutes,
        NackMessages, ReadMessages, ReceiveMessages, RemoveRoute, ReplayMessages,
        RevokeChannelGrant, RevokeRouteToken, SetRoute,
    },
};

/// A tool as the handler knows it.
pub(super) struct Row<R> {
    pub(super) name: &'static str,
    publish: fn() -> model::Tool,
    pub(super) call: for<'a> fn(
        &'a R,
        JsonObject,
        &'a RequestContext<RoleServer>,
    ) -> BoxFuture<'a, CallToolResult>,
}

/// Every tool. A new one is a type in `tools` and a line here.
pub(super) fn rows<R: Reach>() -> [Row<R>; 14] {
    [
        row::<IssueWebhook, R>(),
        row::<RevokeRouteToken, R>(),
        row::<ListRouteTokens, R>(),
        row::<ReceiveMessages, R>(),
        row::<AckMessages, R>(),
        row::<NackMessages, R>(),
        row::<ReadMessages, R>(),
        row::<ReplayMessages, R>(),
        row::<SetRoute, R>(),
        row::<ListRoutes, R>(),
        row::<RemoveRoute, R>(),
        row::<ExposeChannel, R>(),
        row::<ListChannelGrants, R>(),
        row::<RevokeChannelGrant, R>(),
    ]
}

fn row<T: Tool, R: Reach>() -> Row<R> {
    Row {
        name: T::NAME,
        publish: tool::publish::<T>,
        call: |reach, arguments, context| Box::pin(tool::call::<T, R>(reach, arguments, context)),
    }
}

/// Every tool as `tools/list` shows it: the same for every caller, so that clients may cache it.
pub(super) fn published() -> &'static [model::Tool] {
    // The way in makes no difference to what is published.
    static PUBLISHED: LazyLock<Vec<model::Tool>> = LazyLock::new(|| {
        rows::<super::reach::InHouse>()
            .iter()
            .map(|row| (row.publish)())
            .collect()
    });
    &PUBLISHED
}

/// What a tool of this name is called with.
pub(super) fn input_schema(name: &str) -> &'static JsonObject {
    let tool = published().iter().find(|tool| tool.name == name);
    &tool.expect("what is called is published").input_schema
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_tools_are_the_contracts_with_its_arguments_and_results() {
        type Keys = &'static [&'static str];
        // CONTRACT section 5; `observed` of receive_messages is ours.
        let contract: [(&str, Keys, Keys, Keys); 14] = [
            (
                "issue_webhook",
                &[
                    "source_label",
                    "jid_suffix",
                    "target_folder",
                    "context",
                    "ttl_seconds",
                ],
                &["source_label"],
                &[
                    "token",
                    "url",
                    "jid",
                    "grant_id",
                    "expires_at",
                    "next_steps",
                    "warning",
                ],
            ),
            (
                "revoke_route_token",
                &["jid", "grant_id"],
                &[],
                &["jid", "revoked"],
            ),
            ("list_route_tokens", &["folder"], &[], &["tokens"]),
            (
                "receive_messages",
                &[
                    "max",
                    "wait_seconds",
                    "match",
                    "folder",
                    "max_body_bytes",
                    "max_chars",
                    "observed",
                ],
                &[],
                &["notice", "messages", "observed", "more", "leased_by_others"],
            ),
            ("ack_messages", &["ids"], &["ids"], &["results"]),
            (
                "nack_messages",
                &["ids", "delay_seconds", "reason", "attempted"],
                &["ids"],
                &["results"],
            ),
            (
                "read_messages",
                &[
                    "match",
                    "folder",
                    "cursor",
                    "limit",
                    "id",
                    "body_offset",
                    "state",
                    "order",
                    "max_body_bytes",
                    "since",
                    "until",
                    "max_chars",
                ],
                &[],
                &["notice", "messages", "cursor", "more"],
            ),
            (
                "replay_messages",
                &["ids", "state", "match", "folder", "since"],
                &[],
                &["replayed", "more"],
            ),
            (
                "set_route",
                &["match", "sender", "headers", "target", "seq"],
                &["match", "target"],
                &["routes"],
            ),
            ("list_routes", &[], &[], &["routes"]),
            ("remove_route", &["route_id"], &["route_id"], &["routes"]),
            (
                "expose_channel",
                &["session_id", "ttl_seconds", "label", "verb"],
                &[],
                &[
                    "channel",
                    "grant_id",
                    "token",
                    "url",
                    "expires_at",
                    "warning",
                ],
            ),
            ("list_channel_grants", &[], &[], &["grants"]),
            (
                "revoke_channel_grant",
                &["grant_id"],
                &["grant_id"],
                &["grants"],
            ),
        ];
        let names: Vec<&str> = published().iter().map(|tool| &*tool.name).collect();
        assert_eq!(names, contract.map(|(name, ..)| name));
        let keys = |schema: &JsonObject| -> Vec<String> {
            let properties = schema.get("properties").and_then(Value::as_object);
            properties.map_or_else(Vec::new, |all| all.keys().cloned().collect())
        };
        for (tool, (name, arguments, required, results)) in published().iter().zip(contract) {
            let input = &tool.input_schema;
            assert_eq!(input["type"], "object", "{name}");
            assert_eq!(input["additionalProperties"], false, "{name}");
            assert_eq!(keys(input), arguments, "{name}");
            let needed = input.get("required").and_then(Value::as_array);
            assert_eq!(needed.map_or(0, Vec::len), required.len(), "{name}");
            let output = tool.output_schema.as_ref().expect("an output schema");
            assert_eq!(output["type"], "object", "{name}");
            assert_eq!(keys(output), results, "{name}");
        }
    }

    #[test]
    fn every_tool_says_what_it_does_to_a_model_and_to_the_world() {
        for tool in published() {
            assert!(tool.title.is_some(), "{}", tool.name);
            let words = tool.description.as_deref().unwrap_or_default();
            assert!(
                (40..700).contains(&words.len()),
                "{}: {}",
                tool.name,
                words.len()
            );
            let hints = tool.annotations.as_ref().expect("annotations");
            let all = [
                hints.read_only_hint,
                hints.destructive_hint,
                hints.idempotent_hint,
                hints.open_world_hint,
            ];
            assert!(all.iter().all(Option::is_some), "{}", tool.name);
        }
    }
}
