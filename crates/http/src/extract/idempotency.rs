//! `Idempotency-Key`: a POST with such a key happens once. Its response is stored in the same commit as its change, and
//! a repeat within 24 hours gets that response. Refused requests are not stored and may be repeated.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use rekindle_core::store::{IdempotencyKey, StoredResponse};
use rekindle_core::use_cases::IdempotentRequest;
use rekindle_core::{Error, Tracker};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::body::Body;
use super::request_context::RequestContext;
use crate::error::ApiError;
use crate::response::{HandlerResult, REPLAYED};
use crate::run_to_completion::run_to_completion;

/// How long a stored response is kept.
const RESPONSE_TTL: Duration = Duration::from_secs(24 * 60 * 60);
/// The headers that are stored with a response.
const STORED_HEADERS: [HeaderName; 4] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION, REPLAYED];

impl RequestContext {
    /// Runs a use case and returns its response. With an idempotency key the use case runs once.
    ///
    /// # Errors
    /// Fails with the errors of the use case, and with 422 if the key came with another request.
    pub(crate) async fn respond<T, W, F>(
        &self,
        name: &'static str,
        body: &Body,
        use_case: W,
        show: impl Fn(&T) -> HandlerResult + Clone + Send + Sync + 'static,
    ) -> HandlerResult
    where
        W: FnOnce(Tracker) -> F,
        F: Future<Output = Result<T, Error>> + Send + 'static,
        T: Send + 'static,
    {
        self.respond_redacted(name, body, use_case, show.clone(), show).await
    }

    /// Like [`Self::respond`], but stores another response than the one that is returned, which has a secret.
    ///
    /// # Errors
    /// Fails as [`Self::respond`] does.
    pub(crate) async fn respond_redacted<T, W, F>(
        &self,
        name: &'static str,
        body: &Body,
        use_case: W,
        show: impl Fn(&T) -> HandlerResult,
        redacted: impl Fn(&T) -> HandlerResult + Send + Sync + 'static,
    ) -> HandlerResult
    where
        W: FnOnce(Tracker) -> F,
        F: Future<Output = Result<T, Error>> + Send + 'static,
        T: Send + 'static,
    {
        let request_id = self.request_id();
        let encode = move |value: &T| pack(request_id, redacted(value).ok()?);
        self.run_once(name, body, use_case, encode, show).await
    }

    /// Like [`Self::respond`], for a use case that makes no commit, or several. The response is stored after it.
    ///
    /// # Errors
    /// Fails as [`Self::respond`] does.
    pub(crate) async fn respond_after<T, W, F>(
        &self,
        name: &'static str,
        body: &Body,
        use_case: W,
        show: impl Fn(&T) -> HandlerResult,
    ) -> HandlerResult
    where
        W: FnOnce(Tracker) -> F,
        F: Future<Output = Result<T, Error>> + Send + 'static,
        T: Send + 'static,
    {
        self.run_once(name, body, use_case, |_: &T| None, show).await
    }

    /// Runs a use case once. The response that `encode` returns is stored in the commit of the use case; without one, the
    /// shown response is stored afterwards.
    async fn run_once<T, W, F>(
        &self,
        name: &'static str,
        body: &Body,
        use_case: W,
        encode: impl Fn(&T) -> Option<Box<[u8]>> + Send + Sync + 'static,
        show: impl Fn(&T) -> HandlerResult,
    ) -> HandlerResult
    where
        W: FnOnce(Tracker) -> F,
        F: Future<Output = Result<T, Error>> + Send + 'static,
        T: Send + 'static,
    {
        let Some(header) = &self.idempotency_key else {
            return show(&self.run(name, use_case).await?);
        };
        let (key, request_hash) = (header.key, header.request_hash(body));
        if let Some(stored) = self.stored_response(key).await? {
            return replay(&stored, &request_hash);
        }
        let request = Arc::new(IdempotentRequest::new(key, request_hash, RESPONSE_TTL, encode));
        let tracker = self.tracker(Some(Arc::clone(&request)));
        let outcome = run_to_completion(name, use_case(tracker)).await;
        let value = match self.note_refusal(outcome) {
            Ok(value) => value,
            // The commit may have failed because a concurrent request with the same key was first.
            Err(error) => {
                return match self.stored_response(key).await {
                    Ok(Some(stored)) => replay(&stored, &request_hash),
                    Ok(None) | Err(_) => Err(error),
                };
            }
        };
        let response = show(&value)?;
        if request.is_stored() {
            return Ok(response);
        }
        let (response, packed) = copied(self.request_id(), response)?;
        let tracker = self.state().tracker.clone();
        let store = async move { tracker.store_response(&request, packed).await };
        match run_to_completion("remember", store).await {
            Ok(()) => Ok(response),
            // The use case is done, even if its response cannot be stored. Only the response of another request takes
            // precedence.
            Err(_) => match self.stored_response(key).await {
                Ok(Some(stored)) if !is_of(&stored, self.request_id()) => replay(&stored, &request_hash),
                Ok(_) | Err(_) => Ok(response),
            },
        }
    }

    async fn stored_response(&self, key: IdempotencyKey) -> Result<Option<StoredResponse>, ApiError> {
        let tracker = self.state().tracker.clone();
        run_to_completion("remembered", async move { tracker.stored_response(&key).await }).await
    }
}

/// A response in its stored form.
#[derive(Serialize, Deserialize)]
struct Packed {
    /// The request that stored it: a request that finds its own id is no repeat.
    by: Uuid,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

fn pack(request_id: Uuid, response: HttpResponse) -> Option<Box<[u8]>> {
    copied(request_id, response).ok().map(|(_, packed)| packed)
}

/// Returns a response and its stored form. All bodies are complete, and text.
fn copied(request_id: Uuid, response: HttpResponse) -> Result<(HttpResponse, Box<[u8]>), ApiError> {
    let stored = |name: &HeaderName| {
        let value = response.headers().get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    };
    let headers = STORED_HEADERS.iter().filter_map(stored).collect();
    let (head, body) = response.into_parts();
    let bytes = body.try_into_bytes().map_err(|_| ApiError::internal("an answer that is not whole cannot be kept"))?;
    let body = String::from_utf8(bytes.to_vec()).map_err(|_| ApiError::internal("an answer that is not text"))?;
    let packed = serde_json::to_vec(&Packed { by: request_id, status: head.status().as_u16(), headers, body })
        .map_err(|error| ApiError::internal(error.to_string()))?;
    Ok((head.set_body(bytes).map_into_boxed_body(), packed.into_boxed_slice()))
}

/// Whether this request stored the response.
fn is_of(stored: &StoredResponse, request_id: Uuid) -> bool {
    serde_json::from_slice::<Packed>(&stored.answer).is_ok_and(|packed| packed.by == request_id)
}

/// Returns the stored response, or an error if it belongs to another request.
fn replay(stored: &StoredResponse, request_hash: &[u8; 32]) -> HandlerResult {
    if stored.request != *request_hash {
        return Err(ApiError::idempotency_mismatch());
    }
    let unreadable = |_| ApiError::internal("a remembered answer cannot be read");
    let packed: Packed = serde_json::from_slice(&stored.answer).map_err(unreadable)?;
    let status = StatusCode::from_u16(packed.status).unwrap_or(StatusCode::OK);
    let mut response = HttpResponse::with_body(status, packed.body).map_into_boxed_body();
    for (name, value) in packed.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}
