//! Rekindle over HTTP: the REST API as an actix-web service, and the server that runs it.
//!
//! Read in this order: [`api`] (the bodies), `routes` (the table of what there is to ask), `entry` (what happens to
//! every request on its way in and out), `handlers`, `parse`, `error`. Around that: [`settings`], [`server`], [`jobs`],
//! [`logging`], [`metrics`], [`telemetry`], [`health`], and `wire`, the one file that names a store.
//!
//! Another actix-web service can mount the API beside its own routes: see [`configure`].

mod access;
mod answer;
pub mod api;
pub mod auth;
mod context;
pub mod cors;
mod entry;
mod error;
mod handlers;
pub mod health;
pub mod jobs;
pub mod limit;
pub mod logging;
pub mod metrics;
mod openapi;
mod parse;
mod readiness;
mod routes;
pub mod server;
pub mod settings;
pub mod telemetry;
mod wire;

pub use context::{AppState, Limits, ServerHandles};
pub use error::{ApiError, ErrorHeader};
pub use openapi::openapi_json;
pub use routes::{configure, not_found_route};
pub use wire::{NotAFileStore, OpenStoreError, StoreUrl, maintenance};
