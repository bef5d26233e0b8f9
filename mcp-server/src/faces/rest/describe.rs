//! What each part of a handler's signature says of its endpoint.
//!
//! The OpenAPI document is put together from the very types that handlers take and return, so it
//! cannot say what the program does not do.

use std::{cell::Cell, sync::Arc};

use aide::{
    OperationInput, OperationOutput,
    axum::ApiRouter,
    generate::GenContext,
    openapi::{
        MediaType, Operation, Parameter, ParameterData, ParameterSchemaOrContent, PathStyle,
        RequestBody, Response, SchemaObject, StatusCode,
    },
    operation::{ParamLocation, add_parameters, parameters_from_schema, set_body},
    transform::TransformOperation,
};
use schemars::{JsonSchema, Schema, json_schema};

use super::{
    ask::{At, Body, Named, Operating, PathPart, Query, Reply},
    problem::{Document, Problem},
};
use crate::house::House;

/// A room's endpoints.
pub(super) type Routes = ApiRouter<Arc<House>>;

thread_local! {
    static DESCRIBING: Cell<bool> = const { Cell::new(false) };
}

/// Runs what puts the document together. Elsewhere routes are only to be served, and what their
/// types say of them is not worked out.
pub(super) fn describing<T>(run: impl FnOnce() -> T) -> T {
    DESCRIBING.set(true);
    let done = run();
    DESCRIBING.set(false);
    done
}

/// Names an operation, the group it stands in and what it does.
pub(super) fn says(
    id: &'static str,
    group: &'static str,
    summary: &'static str,
) -> impl FnOnce(TransformOperation<'_>) -> TransformOperation<'_> {
    move |operation| operation.id(id).tag(group).summary(summary)
}

/// A response of one media type.
pub(super) fn response(description: &str, media_type: &str, schema: Schema) -> Response {
    let content = MediaType {
        schema: Some(object(schema)),
        ..MediaType::default()
    };
    Response {
        description: description.to_owned(),
        content: [(media_type.to_owned(), content)].into_iter().collect(),
        ..Response::default()
    }
}

fn object(json_schema: Schema) -> SchemaObject {
    SchemaObject {
        json_schema,
        external_docs: None,
        example: None,
    }
}

fn problem(ctx: &mut GenContext, description: &str) -> Response {
    let schema = ctx.schema.subschema_for::<Document>();
    response(description, "application/problem+json", schema)
}

type Responses = Vec<(Option<StatusCode>, Response)>;

fn problems<const N: usize>(ctx: &mut GenContext, all: [(u16, &str); N]) -> Responses {
    if !DESCRIBING.get() {
        return Vec::new();
    }
    all.map(|(status, description)| (Some(StatusCode::Code(status)), problem(ctx, description)))
        .into()
}

fn parameter(name: &str, description: &str, required: bool, schema: Schema) -> ParameterData {
    ParameterData {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required,
        deprecated: None,
        format: ParameterSchemaOrContent::Schema(object(schema)),
        example: None,
        examples: Default::default(),
        explode: None,
        extensions: Default::default(),
    }
}

impl OperationInput for At {
    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Responses {
        problems(
            ctx,
            [
                (400, "An argument breaks a rule; `field` names it"),
                (401, "No credential, or one that is not good"),
                (403, "The credential does not reach so far"),
                (503, "Not now; see Retry-After"),
            ],
        )
    }
}

impl OperationInput for Operating {
    fn inferred_early_responses(ctx: &mut GenContext, operation: &mut Operation) -> Responses {
        At::inferred_early_responses(ctx, operation)
    }
}

impl<T: JsonSchema> OperationInput for Body<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        if !DESCRIBING.get() {
            return;
        }
        let schema = ctx.schema.subschema_for::<T>();
        // An absent body reads as `{}`.
        let required = ctx
            .resolve_schema(&schema)
            .get("required")
            .and_then(|names| names.as_array())
            .is_some_and(|names| !names.is_empty());
        let content = MediaType {
            schema: Some(object(schema)),
            ..MediaType::default()
        };
        let body = RequestBody {
            content: [("application/json".to_owned(), content)]
                .into_iter()
                .collect(),
            required,
            ..RequestBody::default()
        };
        set_body(ctx, operation, body);
    }

    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Responses {
        problems(
            ctx,
            [
                (409, "It contradicts what stands already"),
                (413, "The body is larger than is read"),
            ],
        )
    }
}

impl<T: JsonSchema> OperationInput for Query<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        if !DESCRIBING.get() {
            return;
        }
        let schema = ctx.schema.subschema_for::<T>();
        let parameters = parameters_from_schema(ctx, schema, ParamLocation::Query);
        add_parameters(ctx, operation, parameters);
    }
}

impl<T: PathPart> OperationInput for Named<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        if !DESCRIBING.get() {
            return;
        }
        let description = format!("Which {}", T::WHAT);
        let part = parameter(T::PARAMETER, &description, true, T::described());
        add_parameters(
            ctx,
            operation,
            [Parameter::Path {
                parameter_data: part,
                style: PathStyle::Simple,
            }],
        );
    }

    fn inferred_early_responses(ctx: &mut GenContext, _: &mut Operation) -> Responses {
        let missing = format!("No such {} in reach", T::WHAT);
        problems(ctx, [(404, &missing)])
    }
}

impl<const STATUS: u16, T: JsonSchema> OperationOutput for Reply<STATUS, T> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, _: &mut Operation) -> Option<Response> {
        let schema = ctx.schema.subschema_for::<T>();
        let description = ctx
            .resolve_schema(&schema)
            .get("description")
            .and_then(|text| text.as_str())
            .unwrap_or_default()
            .to_owned();
        Some(response(&description, "application/json", schema))
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Responses {
        let response = Self::operation_response(ctx, operation);
        response
            .map(|response| (Some(StatusCode::Code(STATUS)), response))
            .into_iter()
            .collect()
    }
}

impl OperationOutput for Problem {
    type Inner = Document;

    fn inferred_responses(ctx: &mut GenContext, _: &mut Operation) -> Responses {
        vec![(None, problem(ctx, "Anything else that was refused"))]
    }
}

/// A download: bytes and nothing to read into them.
pub(super) struct Download(pub(super) axum::response::Response);

impl axum::response::IntoResponse for Download {
    fn into_response(self) -> axum::response::Response {
        self.0
    }
}

impl OperationOutput for Download {
    type Inner = Self;

    fn inferred_responses(_: &mut GenContext, _: &mut Operation) -> Responses {
        let bytes = json_schema!({ "type": "string", "format": "binary" });
        let whole = response("The bytes", "application/octet-stream", bytes);
        vec![(Some(StatusCode::Code(200)), whole)]
    }
}
