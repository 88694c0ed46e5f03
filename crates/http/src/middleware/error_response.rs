//! Errors as responses: the common envelope, and errors of requests that are gone.

use actix_web::http::{StatusCode, header};
use actix_web::{Error, HttpResponse, ResponseError};
use rekindle_api::ErrorBody;
use rekindle_core::{Clock, SystemClock};

use super::request_info::RequestInfo;
use super::security_headers;
use crate::error::{ApiError, ErrorHeader};

/// Returns an error of the framework as one of ours.
pub(super) fn of_framework(error: &Error) -> ApiError {
    match error.as_error::<ApiError>() {
        Some(ours) => ours.clone(),
        None => ApiError::of_framework(error.as_response_error().status_code()),
    }
}

/// Returns an error in the common envelope.
pub(super) fn error_response(error: &ApiError, info: &RequestInfo) -> HttpResponse {
    let body = ErrorBody {
        status_code: error.status.as_u16(),
        error: error.status.canonical_reason().unwrap_or("Error").to_owned(),
        message: error.message.clone(),
        timestamp: SystemClock.now().into(),
        path: info.uri.path().to_owned(),
        request_id: info.id,
        code: error.code.as_str().to_owned(),
        details: error.details.clone(),
    };
    let mut response = HttpResponse::build(error.status);
    match error.header {
        ErrorHeader::None => {}
        ErrorHeader::RetryAfter(seconds) => {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        ErrorHeader::Allow(methods) => {
            response.insert_header((header::ALLOW, methods));
        }
    }
    if error.status == StatusCode::UNAUTHORIZED {
        response.insert_header((header::WWW_AUTHENTICATE, "ApiKey"));
    }
    let mut response = response.json(body);
    security_headers::add(&mut response, info);
    response
}

/// An error of a request that timed out or failed. It carries what the response needs, because the request is gone.
#[derive(thiserror::Error)]
#[error("{error}")]
pub(super) struct AbortedRequest {
    pub(super) error: ApiError,
    pub(super) info: RequestInfo,
}

impl std::fmt::Debug for AbortedRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for AbortedRequest {
    fn status_code(&self) -> StatusCode {
        self.error.status
    }

    fn error_response(&self) -> HttpResponse {
        error_response(&self.error, &self.info)
    }
}
