//! The handlers: each parses its request, makes one call, and builds the response. Their `#[utoipa::path]` is their
//! part of the OpenAPI document; `crate::openapi` adds what holds for all of them.

pub mod audit;
pub mod docs;
pub mod health;
pub mod keys;
pub mod machines;
pub mod metrics;
pub mod recovery;
pub mod session_lifecycle;
pub mod sessions;
pub mod tasks;
