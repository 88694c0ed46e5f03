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
use crate::denied_log::Refused;
use crate::error::ApiError;
use crate::state::AppState;
use rekindle_api::ErrorCode;

/// The context of one request; an extractor for handlers.
pub(crate) struct RequestContext {
    context: Data<AppState>,
    visit: AuthContext,
    method: Method,
    path: String,
    pub(super) repeatable: Option<IdempotencyKeyHeader>,
}

impl RequestContext {
    /// Returns the state that all requests share.
    pub(crate) fn context(&self) -> &AppState {
        &self.context
    }

    /// Runs one use case to its end: see [`AppState::run`].
    ///
    /// # Errors
    /// Fails with the errors of the use case.
    pub(crate) async fn run<T, W, F>(&self, name: &'static str, use_case: W) -> Result<T, ApiError>
    where
        W: FnOnce(Tracker) -> F,
        F: Future<Output = Result<T, Error>> + Send + 'static,
        T: Send + 'static,
    {
        self.noting(self.context.run(name, |_| use_case(self.tracker(None))).await)
    }

    pub(super) fn request(&self) -> Uuid {
        self.visit.request
    }

    /// Records a refusal that only the use case could decide.
    pub(super) fn noting<T>(&self, outcome: Result<T, ApiError>) -> Result<T, ApiError> {
        if let Err(error) = &outcome
            && error.code == ErrorCode::Forbidden
        {
            self.context.metrics().auth_failed(error.code.as_str());
            self.context.denied_log().note(Refused::by_use_case(&self.visit, &self.method, &self.path, error));
        }
        outcome
    }

    /// Returns the use cases for this caller: with its actor, scope and idempotency key.
    pub(super) fn tracker(&self, once: Option<Arc<IdempotentRequest>>) -> Tracker {
        let mut tracker = self.context.tracker().with_actor(self.visit.actor());
        if let Some(project) = &self.visit.identity.project {
            tracker = tracker.with_scope(project.clone());
        }
        match once {
            Some(once) => tracker.with_idempotency(once),
            None => tracker,
        }
    }
}

impl FromRequest for RequestContext {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let context = req.app_data::<Data<AppState>>().cloned();
        let visit = req.extensions().get::<AuthContext>().cloned();
        ready(match (context, visit) {
            (Some(context), Some(visit)) => {
                let (method, path) = (req.method().clone(), req.match_pattern().unwrap_or_default());
                IdempotencyKeyHeader::of(req, &visit).map(|repeatable| Self {
                    context,
                    visit,
                    method,
                    path,
                    repeatable,
                })
            }
            (_, _) => Err(ApiError::internal("a handler that needs a caller is mounted outside the entry")),
        })
    }
}
