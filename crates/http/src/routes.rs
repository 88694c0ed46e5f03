//! The table of all endpoints.

use std::sync::Arc;

use actix_web::guard::fn_guard;
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{Resource, Route};
use rekindle_core::Role;

use crate::auth::access_rule::{AccessRule, KeyScope};
use crate::error::{ApiError, ErrorHeader};
use crate::handlers::{audit, docs, health, keys, machines, metrics, recovery, session_lifecycle, sessions, tasks};
use crate::middleware::count_requests::count_request;
use crate::middleware::handle_request;
use crate::middleware::require_access::require_access;
use crate::response::HandlerResult;
use crate::state::AppState;
use rekindle_api::ErrorCode;

/// Makes the table, and the resources that serve it. GET includes HEAD. Each handler is followed by the least role that
/// may call it, and by `of all` if it concerns more than one project.
macro_rules! table {
    ($($group:ident under $prefix:literal {
        $($path:literal => { $($method:ident $handler:path as $role:ident $(of $scope:ident)?),+ $(,)? })+
    })+) => {
        /// Every documented path with its methods and their access rules.
        pub(crate) const TABLE: &[(&str, &[(&str, AccessRule)])] = &[$($(
            ($path, &[$((stringify!($method), access_rule!($role $($scope)?))),+]),
        )+)+];

        $(
            /// Adds the resources of one group in the order of the table; the first match serves a request.
            fn $group(state: &Arc<AppState>, add: &mut dyn FnMut(Resource)) {
                $({
                    const ALLOW: &str = concat!($(allow!($method)),+).split_at(2).1;
                    let path = $path.strip_prefix($prefix).unwrap_or($path);
                    add(web::resource(path)
                        $(.route(with_access_rule(on(Method::$method).to($handler), access_rule!($role $($scope)?), state)))+
                        .default_service(web::to(|| method_not_allowed(ALLOW))));
                })+
            }
        )+
    };
}

/// Makes the middleware that handles every request.
macro_rules! entry {
    ($state:expr) => {{
        let state = Arc::clone($state);
        from_fn(move |req, next| handle_request(Arc::clone(&state), req, next))
    }};
}

/// Makes the middleware that counts every request.
macro_rules! counting {
    ($state:expr) => {{
        let metrics = $state.handles.metrics.clone();
        from_fn(move |req, next| count_request(metrics.clone(), req, next))
    }};
}

/// Makes the access rule of one line of the table.
macro_rules! access_rule {
    (Anyone) => {
        AccessRule { role: None, scope: KeyScope::Project }
    };
    ($role:ident) => {
        AccessRule { role: Some(Role::$role), scope: KeyScope::Project }
    };
    ($role:ident all) => {
        AccessRule { role: Some(Role::$role), scope: KeyScope::All }
    };
}

/// Returns the name of a method in `Allow`.
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
        // First, because it is called most often.
        "/api/sessions/{id}/heartbeat" => { POST session_lifecycle::heartbeat as Worker }
        "/api/sessions" => { GET sessions::list as Reader, POST sessions::create as Worker }
        "/api/sessions/health" => { GET sessions::summary as Reader of all }
        "/api/sessions/stalled" => { GET sessions::stalled as Reader of all }
        "/api/sessions/archived" => { GET sessions::archived as Reader }
        "/api/sessions/cleanup" => {
            POST session_lifecycle::cleanup as Operator of all,
            DELETE session_lifecycle::delete_old as Operator of all,
        }
        "/api/sessions/detect-failures" => { POST session_lifecycle::detect_failures as Operator of all }
        "/api/sessions/{id}" => {
            GET sessions::show as Reader,
            PATCH sessions::update as Worker,
            DELETE sessions::delete as Operator,
        }
        "/api/sessions/{id}/health" => { GET sessions::health as Reader }
        "/api/sessions/{id}/mark-failed" => { POST session_lifecycle::mark_failed as Worker }
        "/api/sessions/{id}/mark-stalled" => { POST session_lifecycle::mark_stalled as Worker }
        "/api/sessions/{id}/archive" => { POST session_lifecycle::archive as Operator }
        "/api/sessions/{id}/recovery-state" => { GET recovery::state as Reader }
        "/api/sessions/{id}/prepare-recovery" => { POST recovery::prepare as Worker }
        "/api/sessions/{id}/recover" => { POST recovery::recover as Worker }
        "/api/tasks" => { GET tasks::list as Reader, POST tasks::create as Worker }
        "/api/tasks/{id}" => {
            GET tasks::show as Reader,
            PATCH tasks::update as Worker,
            DELETE tasks::delete as Worker,
        }
        "/api/machines" => { GET machines::list as Reader of all, POST machines::create as Worker of all }
        "/api/machines/{id}" => {
            GET machines::show as Reader of all,
            PUT machines::put as Worker of all,
            PATCH machines::update as Operator of all,
            DELETE machines::delete as Operator of all,
        }
        "/api/machines/{id}/heartbeat" => { POST machines::heartbeat as Worker of all }
        "/api/keys" => { GET keys::list as Admin of all, POST keys::create as Admin of all }
        "/api/keys/{id}/rotate" => { POST keys::rotate as Admin of all }
        "/api/keys/{id}/revoke" => { POST keys::revoke as Admin of all }
        "/api/audit" => { GET audit::trail as Operator of all }
        "/api/docs" => { GET docs::page as Anyone }
        "/api/docs/openapi.json" => { GET docs::document as Anyone }
    }
    top_level under "" {
        "/health" => { GET health::health as Anyone }
        "/healthz" => { GET health::health as Anyone }
        "/health/detailed" => { GET health::detailed as Reader of all }
        "/ready" => { GET health::ready as Anyone }
        "/readyz" => { GET health::ready as Anyone }
        "/metrics" => { GET metrics::metrics as Reader of all }
    }
}

/// Adds everything under `/api` and the paths beside it.
pub(crate) fn mount(config: &mut ServiceConfig, state: &Arc<AppState>) {
    config.app_data(Data::from(Arc::clone(state)));
    let limit = web::PayloadConfig::new(state.limits.max_body_bytes);
    let scope = web::scope("/api").app_data(limit).wrap(entry!(state)).wrap(counting!(state)).configure(|config| {
        api(state, &mut |resource| {
            config.service(resource);
        });
        let asset = web::resource("/docs/{file:.*}").route(on(Method::GET).to(docs::asset));
        config.service(asset.default_service(web::to(|| method_not_allowed("GET, HEAD"))));
    });
    config.service(scope.default_service(web::to(not_found)));
    top_level(state, &mut |resource| {
        config.service(resource.wrap(entry!(state)).wrap(counting!(state)));
    });
}

/// Returns the route for unknown paths: 401 without a valid key, 404 with one.
pub fn not_found_route(state: &Arc<AppState>) -> Route {
    web::to(not_found).wrap(entry!(state)).wrap(counting!(state))
}

/// Wraps a route in its access rule. Public routes have none.
fn with_access_rule(route: Route, rule: AccessRule, state: &Arc<AppState>) -> Route {
    match rule.role {
        None => route,
        Some(_) => {
            let state = Arc::clone(state);
            route.wrap(from_fn(move |req, next| require_access(rule, Arc::clone(&state), req, next)))
        }
    }
}

fn on(method: Method) -> Route {
    web::route().guard(fn_guard(move |context| {
        let requested = &context.head().method;
        *requested == method || (*requested == Method::HEAD && method == Method::GET)
    }))
}

async fn not_found() -> HandlerResult {
    Err(ApiError::not_found("there is nothing at this path; GET /api/docs tells what there is"))
}

async fn method_not_allowed(allow: &'static str) -> HandlerResult {
    let message = format!("this path knows only {allow}");
    let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::MethodNotAllowed, message);
    Err(ApiError { header: ErrorHeader::Allow(allow), ..error })
}
