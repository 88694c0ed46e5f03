//! The context of one request: handlers run use cases through it, on behalf of the API key and within the scope of the
//! key.

use std::future::{Future, Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use rekindle_core::use_cases::IdempotentRequest;
use rekindle_core::{Error, Tracker};
use uuid::Uuid;

use super::idempotency_key::IdempotencyKeyHeader;
use crate::auth::context::AuthContext;
use crate::denied_log::DeniedRequest;
use crate::error::ApiError;
use crate::run_to_completion::run_to_completion;
use crate::state::AppState;
use rekindle_api::ErrorCode;

/// The context of one request; an extractor for handlers.
pub(crate) struct RequestContext {
    state: Data<AppState>,
    auth: AuthContext,
    method: Method,
    route: String,
    pub(super) idempotency_key: Option<IdempotencyKeyHeader>,
}

impl RequestContext {
    /// Returns the state that all requests share.
    pub(crate) fn state(&self) -> &AppState {
        &self.state
    }

    /// Runs one use case to its end: see [`run_to_completion`].
    ///
    /// # Errors
    /// Fails with the errors of the use case.
    pub(crate) async fn run<T, W, F>(&self, name: &'static str, use_case: W) -> Result<T, ApiError>
    where
        W: FnOnce(Tracker) -> F,
        F: Future<Output = Result<T, Error>> + Send + 'static,
        T: Send + 'static,
    {
        self.note_refusal(run_to_completion(name, use_case(self.tracker(None))).await)
    }

    /// Returns the id of the request.
    pub(super) fn request_id(&self) -> Uuid {
        self.auth.request_id
    }

    /// Records the refusal of a request that its key may not make, which only the use case could decide.
    pub(super) fn note_refusal<T>(&self, outcome: Result<T, ApiError>) -> Result<T, ApiError> {
        if let Err(error) = &outcome
            && error.code == ErrorCode::Forbidden
        {
            self.state.handles.metrics.auth_failed(error.code.as_str());
            self.state.denied_log.push(DeniedRequest::by_use_case(&self.auth, &self.method, &self.route, error));
        }
        outcome
    }

    /// Returns the use cases for this caller: with its actor, scope and idempotency key.
    pub(super) fn tracker(&self, idempotent: Option<Arc<IdempotentRequest>>) -> Tracker {
        let mut tracker = self.state.tracker.with_actor(self.auth.actor());
        if let Some(project) = &self.auth.identity.project {
            tracker = tracker.with_scope(project.clone());
        }
        match idempotent {
            Some(request) => tracker.with_idempotency(request),
            None => tracker,
        }
    }
}

impl FromRequest for RequestContext {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = req.app_data::<Data<AppState>>().cloned();
        let auth = req.extensions().get::<AuthContext>().cloned();
        ready(match (state, auth) {
            (Some(state), Some(auth)) => {
                let (method, route) = (req.method().clone(), req.match_pattern().unwrap_or_default());
                IdempotencyKeyHeader::of(req, &auth).map(|idempotency_key| Self {
                    state,
                    auth,
                    method,
                    route,
                    idempotency_key,
                })
            }
            (_, _) => Err(ApiError::internal("a handler that needs a caller is mounted outside the entry")),
        })
    }
}
