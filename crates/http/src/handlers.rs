//! The handlers: each parses its request, makes one call, and builds the response. Their `#[utoipa::path]` is their
//! part of the OpenAPI document; `crate::openapi` adds what holds for all of them.

pub(crate) mod audit;
pub(crate) mod docs;
pub(crate) mod health;
pub(crate) mod keys;
mod list;
pub(crate) mod machines;
pub(crate) mod metrics;
pub(crate) mod recovery;
pub(crate) mod session_lifecycle;
pub(crate) mod sessions;
pub(crate) mod tasks;
