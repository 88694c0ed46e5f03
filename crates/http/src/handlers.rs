//! The handlers: each reads its request, makes one call, and wraps the answer. Their `#[utoipa::path]` is what the
//! OpenAPI document says of them, apart from what holds everywhere (see `crate::openapi`).

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
