//! Rekindle over HTTP: the REST API as an actix-web service, and the server that runs it.
//!
//! Read in this order: `rekindle_api` (the bodies), `routes` (the table of what there is to ask), `entry` (what happens to
//! every request on its way in and out), `handlers`, `parse`, `error`. Around that: [`settings`], [`server`], [`jobs`],
//! [`logging`], [`metrics`], [`telemetry`], [`health`], and `wire`, the one file that names a store.
//!
//! Another actix-web service can mount the API beside its own routes: see [`configure`].

mod access;
pub mod auth;
pub mod cors;
mod error;
mod extract;
mod handlers;
pub mod health;
pub mod jobs;
pub mod logging;
pub mod metrics;
mod middleware;
mod openapi;
pub mod rate_limit;
mod readiness;
mod response;
mod routes;
pub mod server;
pub mod settings;
mod state;
pub mod telemetry;
mod wire;

pub use error::{ApiError, ErrorHeader};
pub use openapi::openapi_json;
pub use routes::{configure, not_found_route};
pub use state::{AppState, Limits, ServerHandles};
pub use wire::{NotAFileStore, OpenStoreError, StoreUrl, maintenance};
