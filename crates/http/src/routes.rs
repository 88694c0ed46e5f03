//! The one table of what there is to ask.

use actix_web::guard::fn_guard;
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{Resource, Route};

use crate::ApiError;
use crate::answer::Answer;
use crate::api::ErrorCode;
use crate::context::Context;
use crate::entry::Entry;
use crate::error::ErrorHeader;
use crate::handlers::{docs, health, lifecycle, machines, metrics, recovery, sessions, tasks};
use crate::metrics::Counting;

/// Makes the table, and from it the resources that serve it. A path that knows GET knows HEAD too.
macro_rules! table {
    ($($group:ident under $prefix:literal { $($path:literal => { $($method:ident $handler:path),+ $(,)? })+ })+) => {
        /// Every documented path with its methods.
        pub const TABLE: &[(&str, &[&str])] = &[$($(
            ($path, &[$(stringify!($method)),+]),
        )+)+];

        $(
            /// The resources of one group, in the order of the table: the first that fits is taken.
            fn $group(add: &mut dyn FnMut(Resource)) {
                $({
                    const ALLOW: &str = concat!($(allow!($method)),+).split_at(2).1;
                    let path = $path.strip_prefix($prefix).unwrap_or($path);
                    add(web::resource(path)
                        $(.route(on(Method::$method).to($handler)))+
                        .default_service(web::to(|| method_not_allowed(ALLOW))));
                })+
            }
        )+
    };
}

/// How a method is named in `Allow`.
macro_rules! allow {
    (GET) => {
        ", GET, HEAD"
    };
    (POST) => {
        ", POST"
    };
    (PUT) => {
        ", PUT"
    };
    (PATCH) => {
        ", PATCH"
    };
    (DELETE) => {
        ", DELETE"
    };
}

table! {
    api under "/api" {
        // First, because it is asked most.
        "/api/sessions/{id}/heartbeat" => { POST lifecycle::heartbeat }
        "/api/sessions" => { GET sessions::list, POST sessions::create }
        "/api/sessions/health" => { GET sessions::summary }
        "/api/sessions/stalled" => { GET sessions::stalled }
        "/api/sessions/archived" => { GET sessions::archived }
        "/api/sessions/cleanup" => { POST lifecycle::cleanup, DELETE lifecycle::delete_old }
        "/api/sessions/detect-failures" => { POST lifecycle::detect_failures }
        "/api/sessions/{id}" => { GET sessions::show, PATCH sessions::update, DELETE sessions::delete }
        "/api/sessions/{id}/health" => { GET sessions::health }
        "/api/sessions/{id}/mark-failed" => { POST lifecycle::mark_failed }
        "/api/sessions/{id}/mark-stalled" => { POST lifecycle::mark_stalled }
        "/api/sessions/{id}/archive" => { POST lifecycle::archive }
        "/api/sessions/{id}/recovery-state" => { GET recovery::state }
        "/api/sessions/{id}/prepare-recovery" => { POST recovery::prepare }
        "/api/sessions/{id}/recover" => { POST recovery::recover }
        "/api/tasks" => { GET tasks::list, POST tasks::create }
        "/api/tasks/{id}" => { GET tasks::show, PATCH tasks::update, DELETE tasks::delete }
        "/api/machines" => { GET machines::list, POST machines::create }
        "/api/machines/{id}" => {
            GET machines::show, PUT machines::put, PATCH machines::update, DELETE machines::delete,
        }
        "/api/machines/{id}/heartbeat" => { POST machines::heartbeat }
        "/api/docs" => { GET docs::page }
        "/api/docs/openapi.json" => { GET docs::document }
    }
    outside under "" {
        "/health" => { GET health::health }
        "/healthz" => { GET health::health }
        "/health/detailed" => { GET health::detailed }
        "/ready" => { GET health::ready }
        "/readyz" => { GET health::ready }
        "/metrics" => { GET metrics::metrics }
    }
}

/// Mounts the API in a service: everything under `/api`, and `/health`, `/healthz`, `/health/detailed`, `/ready`, `/readyz`
/// and `/metrics`. What else
/// the service answers is its own affair; [`nothing_here`] is how this API answers for the rest.
pub fn configure(config: &mut ServiceConfig, context: &Context) {
    let (entry, counting) = (Entry(context.clone()), Counting(context.metrics().clone()));
    config.app_data(Data::new(context.clone()));
    let limit = web::PayloadConfig::new(context.max_body_bytes());
    let scope = web::scope("/api").app_data(limit).wrap(entry.clone()).wrap(counting.clone()).configure(|config| {
        api(&mut |resource| {
            config.service(resource);
        });
        let asset = web::resource("/docs/{file:.*}").route(on(Method::GET).to(docs::asset));
        config.service(asset.default_service(web::to(|| method_not_allowed("GET, HEAD"))));
    });
    config.service(scope.default_service(web::to(not_found)));
    outside(&mut |resource| {
        config.service(resource.wrap(entry.clone()).wrap(counting.clone()));
    });
}

/// The answer to everything that nobody mounted: 401 without a key, 404 with one.
pub fn nothing_here(context: &Context) -> Route {
    web::to(not_found).wrap(Entry(context.clone())).wrap(Counting(context.metrics().clone()))
}

fn on(method: Method) -> Route {
    web::route().guard(fn_guard(move |asked| {
        let asked = &asked.head().method;
        *asked == method || (*asked == Method::HEAD && method == Method::GET)
    }))
}

async fn not_found() -> Answer {
    Err(ApiError::not_found("there is nothing at this path; GET /api/docs tells what there is"))
}

async fn method_not_allowed(allow: &'static str) -> Answer {
    let message = format!("this path knows only {allow}");
    let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::MethodNotAllowed, message);
    Err(ApiError { header: ErrorHeader::Allow(allow), ..error })
}
