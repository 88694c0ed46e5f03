//! The documentation: the OpenAPI document, and a page to read and try it. All files are in the binary.

use std::sync::{Arc, LazyLock};

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use utoipa_swagger_ui::Config;

use crate::error::ApiError;
use crate::response::HandlerResult;

const DOCUMENT: &str = "/api/docs/openapi.json";

/// The page. Its paths are absolute, because it is served with and without a slash at the end.
const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="UTF-8">
    <title>Rekindle API</title>
    <link rel="stylesheet" type="text/css" href="/api/docs/swagger-ui.css" />
    <link rel="stylesheet" type="text/css" href="/api/docs/index.css" />
    <link rel="icon" type="image/png" href="/api/docs/favicon-32x32.png" sizes="32x32" />
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/api/docs/swagger-ui-bundle.js" charset="UTF-8"></script>
    <script src="/api/docs/swagger-ui-standalone-preset.js" charset="UTF-8"></script>
    <script src="/api/docs/swagger-initializer.js" charset="UTF-8"></script>
  </body>
</html>
"#;

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::from(DOCUMENT)
        .try_it_out_enabled(true)
        .persist_authorization(true)
        .display_request_duration(true)
        // The page must not send the document to an external validator.
        .validator_url("none");
    Arc::new(config)
});

/// The OpenAPI document, which the place that mounts the API provides.
pub(crate) struct ApiDocument(pub fn() -> &'static str);

/// The documentation
///
/// A browser gets a page on which requests can be tried out, anything else the OpenAPI document.
#[utoipa::path(
    get, path = "/api/docs", tag = "service", operation_id = "getDocs",
    responses((status = 200, description = "The page, or the document", content(
        (serde_json::Value = "application/json"), (String = "text/html"),
    ))),
)]
pub(crate) async fn page(req: HttpRequest, api: Data<ApiDocument>) -> HandlerResult {
    let accept = req.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let mut response = if accept.is_some_and(|accept| accept.contains("text/html")) {
        file("text/html; charset=utf-8", PAGE)
    } else {
        file("application/json", api.0())
    };
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// The OpenAPI document
#[utoipa::path(
    get, path = "/api/docs/openapi.json", tag = "service", operation_id = "getOpenApi",
    responses((status = 200, description = "The document", body = serde_json::Value)),
)]
pub(crate) async fn document(api: Data<ApiDocument>) -> HandlerResult {
    Ok(file("application/json", api.0()))
}

/// Returns a file of the documentation page.
pub(crate) async fn asset(name: Path<String>) -> HandlerResult {
    if name.is_empty() {
        return Ok(file("text/html; charset=utf-8", PAGE));
    }
    let found = utoipa_swagger_ui::serve(&name, Arc::clone(&CONFIG));
    match found.map_err(|error| ApiError::internal(error.to_string()))? {
        Some(found) => {
            let mut response = HttpResponse::Ok();
            response.content_type(found.content_type);
            if found.gzpipped {
                response.insert_header((header::CONTENT_ENCODING, "gzip"));
            }
            Ok(response.body(found.bytes.into_owned()))
        }
        None => Err(ApiError::not_found("there is no such file in the documentation")),
    }
}

fn file(kind: &'static str, content: &'static str) -> HttpResponse {
    let mut response = HttpResponse::with_body(StatusCode::OK, content).map_into_boxed_body();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
