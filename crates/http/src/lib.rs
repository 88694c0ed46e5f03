//! Rekindle over HTTP: the REST API as an actix-web service, for the server, and for other actix-web services to mount.
//!
//! Order of reading: `rekindle_api` (the bodies), `routes` (the table of endpoints), `middleware` (what happens to
//! every request on its way in and out), `handlers`, `extract`, `error`. Around them: `health`, `rate_limit`, `cors`.
//!
//! Another actix-web service can mount the API beside its own routes: see [`configure`].

#![warn(missing_docs)]

mod admission;
pub mod auth;
pub mod cors;
mod denied_log;
mod embed;
mod error;
mod extract;
mod handlers;
pub mod health;
mod middleware;
mod openapi;
mod protocol_error;
pub mod rate_limit;
mod readiness;
mod redact;
mod response;
mod routes;
mod run_to_completion;
mod state;
mod upkeep;

pub use admission::Admission;
pub use embed::{configure, new_metrics};
pub use error::{ApiError, ErrorHeader};
pub use openapi::openapi_json;
pub use protocol_error::protocol_error_body;
pub use routes::not_found_route;
pub use state::{AppState, Limits, ServerHandles};
