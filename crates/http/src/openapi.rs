//! The OpenAPI document: generated from the handlers, and completed with what holds for all of them.

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::response::Response;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Header, KnownFormat, OpenApi as Document, Ref, RefOr, Required, SchemaFormat};
use utoipa::{Modify, OpenApi};

use crate::auth::access_rule::{AccessRule, KeyScope};
use crate::handlers::{audit, docs, health, keys, machines, metrics, recovery, session_lifecycle, sessions, tasks};
use crate::routes::TABLE;
use rekindle_api::{Dependencies, ErrorBody, ErrorCode};

const SCHEME: &str = "apiKey";
/// The bodies that have a revision.
const ENTITIES: [&str; 6] = ["Session", "HeartbeatResponse", "Task", "Machine", "ApiKey", "NewApiKey"];

/// The ends of paths whose body is optional, besides every PATCH: none of its fields is required.
const OPTIONAL_BODY: [&str; 3] = ["/heartbeat", "/prepare-recovery", "/rotate"];

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Rekindle",
        description = "Knows when a session of work went silent, what it had done, and brings it back once.\n\n\
            Every endpoint but `/health`, `/ready` and the documentation needs an API key in `X-API-Key`. Errors all \
            have the same shape, with a stable `code`. Unknown fields and parameters are ignored; of a parameter that \
            comes twice the last one counts.\n\n\
            Requests are counted per API key, each within a minute from its first one on; every \
            answer to a valid key says in its `X-RateLimit-` headers how many are left. Beyond that they are refused, \
            and not counted.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    paths(
        sessions::create, sessions::list, sessions::archived, sessions::show, sessions::update, sessions::delete,
        sessions::summary, sessions::stalled, sessions::health,
        session_lifecycle::heartbeat, session_lifecycle::mark_failed, session_lifecycle::mark_stalled, session_lifecycle::archive,
        session_lifecycle::detect_failures, session_lifecycle::cleanup, session_lifecycle::delete_old,
        recovery::state, recovery::prepare, recovery::recover,
        tasks::create, tasks::list, tasks::show, tasks::update, tasks::delete,
        machines::create, machines::list, machines::show, machines::put, machines::update, machines::heartbeat,
        machines::delete,
        keys::create, keys::list, keys::rotate, keys::revoke, audit::trail,
        health::health, health::detailed, health::ready, metrics::metrics, docs::page, docs::document,
    ),
    components(schemas(ErrorBody, ErrorCode, Dependencies)),
    tags(
        (name = "sessions", description = "What runs, and how it tells that it lives"),
        (name = "session health", description = "Who is well, and who is silent"),
        (name = "recovery", description = "Bringing back what died, once"),
        (name = "tasks", description = "What a session works on"),
        (name = "machines", description = "What sessions run on"),
        (name = "access", description = "Who may do what, and who did"),
        (name = "administration", description = "The passes that run by themselves, now"),
        (name = "service", description = "The service itself"),
    ),
    modifiers(&CommonParts),
)]
struct Api;

/// Returns the document as it is served and kept in the repository: indented and deterministic.
pub fn openapi_json() -> String {
    // The document consists of strings and maps with string keys, which can always be serialized.
    let mut text = Api::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

struct CommonParts;

impl Modify for CommonParts {
    fn modify(&self, document: &mut Document) {
        let key = ApiKeyValue::with_description(
            "X-API-Key",
            "A UUID: one of the server's API_KEYS, or one that was handed out since. `Authorization: Bearer` will do, too.",
        );
        let components = document.components.get_or_insert_default();
        for (name, header) in rate_limit_headers() {
            components.headers.insert(name.to_owned(), RefOr::T(header));
        }
        components.add_security_scheme(SCHEME, SecurityScheme::ApiKey(ApiKey::Header(key)));
        alias(document, "/health", "/healthz", "getHealthz");
        alias(document, "/ready", "/readyz", "getReadyz");
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations(item) {
                complete(path, method, operation);
            }
        }
    }
}

/// Adds a copy of the path under another path.
fn alias(document: &mut Document, path: &str, other: &str, operation_id: &str) {
    if let Some(mut item) = document.paths.paths.get(path).cloned() {
        for (_, operation) in operations(&mut item) {
            operation.operation_id = Some(operation_id.to_owned());
            operation.description = Some(format!("The same as `{path}`."));
        }
        document.paths.paths.insert(other.to_owned(), item);
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("get", &mut item.get),
        ("post", &mut item.post),
        ("put", &mut item.put),
        ("patch", &mut item.patch),
        ("delete", &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Completes one operation with what holds for all of its kind.
fn complete(path: &str, method: &str, operation: &mut Operation) {
    let needs_key = needs_key(path);
    if needs_key {
        operation.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>(SCHEME, [])]);
        add_response(operation, 401, "`api_key_required`, `api_key_malformed` or `api_key_invalid`");
        add_response(
            operation,
            429,
            "`rate_limited`: too many requests within a minute with this key, or with wrong ones",
        );
        add_response(operation, 500, "`internal`: the service failed; its log says why, under the request's id");
        add_response(
            operation,
            503,
            "`store_unavailable`: the store is out of reach or the service overloaded; nothing was changed",
        );
        add_response(operation, 504, "`timeout`");
    }
    if let Some(AccessRule { role: Some(role), scope }) = access_rule(path, method) {
        let all = if scope == KeyScope::All { ", bound to no project" } else { "" };
        add_response(operation, 403, &format!("`forbidden`: this needs a key with the role {role} or above{all}"));
    }
    if needs_key && method == "post" {
        operation.parameters.get_or_insert_default().push(RefOr::T(idempotency_key()));
        add_response(operation, 422, "`idempotency_mismatch`: the `Idempotency-Key` came with another request before");
    }
    if needs_key && matches!(method, "post" | "put" | "patch") {
        add_response(operation, 400, "`validation_failed`: bad fields, or a body that is no JSON object");
        add_response(operation, 413, "`payload_too_large`");
        add_response(operation, 415, "`unsupported_media_type`: the body is not JSON");
    }
    if let Some(body) = &mut operation.request_body
        && (method == "patch" || OPTIONAL_BODY.iter().any(|end| path.ends_with(end)))
        && let RefOr::T(body) = body
    {
        body.required = Some(Required::False);
    }
    if path.contains("{id}") {
        add_response(operation, 404, "`not_found`: there is none, or the id is malformed");
        if path.ends_with("{id}") && matches!(method, "put" | "patch" | "delete") {
            operation.parameters.get_or_insert_default().push(RefOr::T(if_match()));
            add_response(operation, 400, "`validation_failed`: If-Match is malformed");
            add_response(operation, 412, "`revision_mismatch`: read it again and decide anew");
        }
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            if path == "/health/detailed" && status == "503" {
                allow_error_body(response);
            }
            complete_response(status, response);
            // All responses but 401 have these headers; documenting them on these only saves thousands of lines.
            if needs_key && (status == "429" || status.starts_with('2')) {
                for (name, _) in rate_limit_headers() {
                    let common = Ref::new(format!("#/components/headers/{name}"));
                    response.headers.insert(name.to_owned(), RefOr::Ref(common));
                }
            }
        }
    }
}

/// Whether a path needs an API key.
fn needs_key(path: &str) -> bool {
    let is_under_api = path.starts_with("/api/") && !path.starts_with("/api/docs");
    is_under_api || matches!(path, "/health/detailed" | "/metrics")
}

/// Adds a response to an operation, unless it is documented already.
fn add_response(operation: &mut Operation, status: u16, description: &str) {
    let responses = &mut operation.responses.responses;
    responses.entry(status.to_string()).or_insert_with(|| RefOr::T(Response::new(description)));
}

fn access_rule(path: &str, method: &str) -> Option<AccessRule> {
    let (_, methods) = TABLE.iter().find(|(routed, _)| *routed == path)?;
    let (_, access_rule) = methods.iter().find(|(routed, _)| routed.eq_ignore_ascii_case(method))?;
    Some(*access_rule)
}

fn idempotency_key() -> Parameter {
    let text = "Makes the request happen once: repeated with the same key within 24 hours it is given the first answer \
                again, with `Idempotent-Replayed: true`. Up to 255 visible ASCII characters, such as a UUID.";
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .description(Some(text))
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1))
                .max_length(Some(255))
                .pattern(Some("^[!-~]+$")),
        ))
        .build()
}

fn if_match() -> Parameter {
    ParameterBuilder::new()
        .name("If-Match")
        .parameter_in(ParameterIn::Header)
        .description(Some("The revisions that the caller is ready to change, such as `\"3\"`, or `*` for any."))
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .pattern(Some(r#"^(\*|"[0-9]{1,18}"( *, *"[0-9]{1,18}")*)$"#)),
        ))
        .build()
}

fn complete_response(status: &str, response: &mut Response) {
    let is_error = status.starts_with(['4', '5']);
    if is_error && response.content.is_empty() {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorBody"))).build();
        response.content.insert("application/json".to_owned(), RefOr::T(content));
    }
    let mut header = |name: &str, header: Header| {
        response.headers.entry(name.to_owned()).or_insert(RefOr::T(header));
    };
    let uuid =
        ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
    let id = HeaderBuilder::new().schema(Some(uuid)).description(Some("The request's id, as in the log."));
    header("X-Request-Id", id.build());
    if matches!(status, "429" | "503") {
        let seconds = HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::Integer)));
        header("Retry-After", seconds.description(Some("In how many seconds to try again.")).build());
    }
    if status == "201" {
        header("Location", text("Where the entity is."));
    }
    let carries_revision = response.content.values().any(|content| match content {
        RefOr::T(content) => ENTITIES.iter().any(|entity| refers_to(content.schema.as_ref(), entity)),
        RefOr::Ref(_) => false,
    });
    if carries_revision {
        let etag = text("The entity's revision in quotes: what to give as If-Match.");
        response.headers.entry("ETag".to_owned()).or_insert(RefOr::T(etag));
    }
}

/// Documents that the response may be an error instead, for example during shutdown.
fn allow_error_body(response: &mut Response) {
    for content in response.content.values_mut() {
        if let RefOr::T(content) = content
            && let Some(RefOr::Ref(own)) = content.schema.take()
        {
            let either = OneOfBuilder::new().item(own).item(Ref::from_schema_name("ErrorBody"));
            content.schema = Some(either.into());
        }
    }
}

/// The headers of every response to a valid key, unless there is no limit.
fn rate_limit_headers() -> [(&'static str, Header); 3] {
    let integer = |description: &str| {
        let schema = ObjectBuilder::new().schema_type(Type::Integer);
        HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
    };
    [
        (
            "X-RateLimit-Limit",
            integer("How many requests are answered within a minute. Absent where there is no limit."),
        ),
        ("X-RateLimit-Remaining", integer("How many of them are left.")),
        ("X-RateLimit-Reset", integer("When they are counted anew, in Unix seconds.")),
    ]
}

fn text(description: &str) -> Header {
    let schema = ObjectBuilder::new().schema_type(Type::String);
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
}

fn refers_to(schema: Option<&RefOr<utoipa::openapi::Schema>>, name: &str) -> bool {
    matches!(schema, Some(RefOr::Ref(reference)) if *reference == Ref::from_schema_name(name))
}

#[cfg(test)]
mod tests;
