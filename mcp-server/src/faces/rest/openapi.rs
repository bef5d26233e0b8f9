//! `GET /openapi.json`: what this program serves, as OpenAPI 3.1, put together from the handlers'
//! own types when it is first asked for: a server that starts has better to do.

use std::sync::{Arc, LazyLock};

use aide::{
    OperationOutput,
    axum::{ApiRouter, routing::get_with},
    generate::{self, GenContext},
    openapi::{self, Info, License, OpenApi, Operation, SecurityScheme, StatusCode},
    transform::TransformOpenApi,
};
use axum::{
    Router,
    body::Bytes,
    response::{IntoResponse, Response},
};
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

use super::{
    ask::{At, Reply},
    describe::{Routes, describing, says},
};
use crate::house::House;

const ABOUT: &str = "Webhook URLs for AI agents. The same shapes and names as the MCP tools. \
Every request needs `Authorization: Bearer` and an API key, or a JWT of the configured issuer. A \
request may carry `Doorbell-Folder: F`, which its credential must contain: it then acts as the \
agent of F. Errors are problem details (RFC 9457) whose `code` is for programs and whose `field` names the \
argument that broke a rule. Unknown arguments are refused.";

/// What must be named over HTTP, though the same shape may leave it out elsewhere: over stdio an
/// agent has a session.
const EVERYBODY_NAMES: [(&str, &str); 1] = [("ExposeChannel", "session_id")];

/// What an operator, who has no folder of its own, must name too: the schema and its member.
const OPERATOR_NAMES: [(&str, &str); 3] = [
    ("IssueWebhook", "target_folder"),
    ("Receive", "folder"),
    ("OpenSession", "folder"),
];

/// The document as JSON, as it holds for an agent and as it holds for an operator.
struct Documents {
    agent: Bytes,
    operator: Bytes,
}

static DOCUMENTS: LazyLock<Documents> = LazyLock::new(|| describing(documents));

pub(super) fn routes() -> Routes {
    ApiRouter::new().api_route(
        "/openapi.json",
        get_with(
            document,
            says("openapi", "About", "This document, as it holds for you"),
        ),
    )
}

/// The routes to be served, described to nobody yet.
pub(super) fn mounted(routes: fn() -> Routes) -> Router<Arc<House>> {
    generate::infer_responses(false);
    Router::from(routes())
}

/// Schemas are those of JSON Schema 2020-12, which OpenAPI 3.1 speaks.
fn documents() -> Documents {
    generate::reset_context();
    generate::in_context(|context| {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
        });
        context.schema = SchemaGenerator::new(settings);
    });
    let mut api = OpenApi {
        info: Info {
            title: "Doorbell".to_owned(),
            description: Some(ABOUT.to_owned()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            license: Some(License {
                name: "MIT".to_owned(),
                identifier: Some("MIT".to_owned()),
                ..License::default()
            }),
            ..Info::default()
        },
        ..OpenApi::default()
    };
    let _ = super::routes().finish_api_with(&mut api, secured);
    let agent = requiring(as_served(&api), &EVERYBODY_NAMES);
    let operator = requiring(agent.clone(), &OPERATOR_NAMES);
    Documents {
        agent: agent.to_string().into(),
        operator: operator.to_string().into(),
    }
}

fn secured(api: TransformOpenApi<'_>) -> TransformOpenApi<'_> {
    let bearer = SecurityScheme::Http {
        scheme: "bearer".to_owned(),
        bearer_format: None,
        description: Some("An API key, `dbk_…`, or a JWT of the issuer".to_owned()),
        extensions: Default::default(),
    };
    api.security_scheme("bearer", bearer)
        .security_requirement("bearer")
}

/// OpenAPI knows no wildcard in a path: a JID is one parameter, its slashes escaped.
fn as_served(api: &OpenApi) -> Value {
    let mut document = serde_json::to_value(api).expect("a document is JSON");
    if let Some(paths) = document["paths"].as_object_mut() {
        let named = std::mem::take(paths);
        paths.extend(
            named
                .into_iter()
                .map(|(path, item)| (path.replace("{*", "{"), item)),
        );
    }
    document
}

/// Makes members of schemas required, and so the bodies that hold them.
fn requiring(mut document: Value, names: &[(&str, &str)]) -> Value {
    for (name, member) in names {
        let schema = document
            .pointer_mut(&format!("/components/schemas/{name}"))
            .expect("the schema is described");
        let property = schema
            .pointer_mut(&format!("/properties/{member}"))
            .expect("the schema has the member");
        property["type"] = "string".into();
        match schema["required"].as_array_mut() {
            Some(required) => required.push((*member).into()),
            None => schema["required"] = json!([member]),
        }
        let own = format!("#/components/schemas/{name}");
        let items = document["paths"].as_object_mut().into_iter().flatten();
        let operations = items.filter_map(|(_, item)| item.as_object_mut()).flatten();
        for (_, operation) in operations {
            let Some(body) = operation.get_mut("requestBody") else {
                continue;
            };
            let taken = body.pointer("/content/application~1json/schema/$ref");
            if taken.is_some_and(|taken| *taken == own) {
                body["required"] = true.into();
            }
        }
    }
    document
}

/// A document that is JSON already.
struct Document(Bytes);

impl IntoResponse for Document {
    fn into_response(self) -> Response {
        let headers = [
            ("content-type", "application/json"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
        ];
        (headers, self.0).into_response()
    }
}

impl OperationOutput for Document {
    type Inner = Value;

    fn inferred_responses(
        context: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<StatusCode>, openapi::Response)> {
        Reply::<200, Value>::inferred_responses(context, operation)
    }
}

async fn document(At(desk): At) -> Document {
    Document(if desk.operate().is_ok() {
        DOCUMENTS.operator.clone()
    } else {
        DOCUMENTS.agent.clone()
    })
}
