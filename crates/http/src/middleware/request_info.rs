//! What the end of the processing of a request needs to know of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use actix_web::http::{ConnectionType, Method, Uri};
use uuid::Uuid;

use crate::cors::OriginDecision;
use crate::rate_limit::RateLimitStatus;

/// Facts of a request that the end of its processing needs.
#[derive(Clone)]
pub(super) struct RequestInfo {
    pub(super) id: Uuid,
    pub(super) started: Instant,
    pub(super) method: Method,
    pub(super) uri: Uri,
    /// The session in the request's path.
    pub(super) session: Option<Uuid>,
    /// The decision on the request's origin.
    pub(super) origin: OriginDecision,
    /// The rate limit status of the API key, once the key was let in.
    pub(super) rate_limit: Option<RateLimitStatus>,
    /// Whether the request came over TLS.
    pub(super) is_secure: bool,
    /// Whether the service is shutting down.
    pub(super) draining: Arc<AtomicBool>,
}

impl RequestInfo {
    /// Returns the type of the connection if it must change: it is closed during shutdown.
    pub(super) fn connection(&self) -> Option<ConnectionType> {
        self.draining.load(Ordering::Relaxed).then_some(ConnectionType::Close)
    }
}

/// Whether a path belongs to the documentation.
pub(super) fn is_docs(path: &str) -> bool {
    path.strip_prefix("/api/docs").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
