//! The body of a request: JSON, of limited size.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest, web};
use rekindle_core::InvalidValue;

use crate::error::ApiError;
use crate::state::AppState;
use rekindle_api::ErrorCode;

/// The unparsed bytes of a body; empty if there is no body.
#[derive(Debug, Default)]
pub(crate) struct Body(pub Bytes);

impl FromRequest for Body {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if matches!(payload, Payload::None) {
            return Box::pin(std::future::ready(Ok(Self::default())));
        }
        if let Err(error) = acceptable(req.headers()) {
            return Box::pin(std::future::ready(Err(error)));
        }
        let max = req.app_data::<web::Data<AppState>>().map_or(0, |state| state.limits.max_body_bytes);
        let bytes = Bytes::from_request(req, payload);
        Box::pin(async move {
            let too_large = || {
                let message = format!("the body must be at most {max} bytes");
                ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::PayloadTooLarge, message)
            };
            match bytes.await {
                Ok(bytes) if bytes.len() > max => Err(too_large()),
                Ok(bytes) => Ok(Self(bytes)),
                Err(error) => match error.as_error::<PayloadError>() {
                    Some(PayloadError::Overflow) => Err(too_large()),
                    _ if error.as_response_error().status_code() == StatusCode::PAYLOAD_TOO_LARGE => Err(too_large()),
                    _ => Err(ApiError::invalid("body", InvalidValue::new(format!("could not be read: {error}")))),
                },
            }
        })
    }
}

/// Fails with 415 if the body is encoded, or not JSON by its `Content-Type`.
fn acceptable(headers: &HeaderMap) -> Result<(), ApiError> {
    if headers.get(header::CONTENT_LENGTH).is_some_and(|length| length == "0") {
        return Ok(());
    }
    let refused = |message: String| {
        Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::UnsupportedMediaType, message))
    };
    if let Some(coding) = headers.get(header::CONTENT_ENCODING)
        && !coding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return refused("the body must be sent without a Content-Encoding".to_owned());
    }
    match headers.get(header::CONTENT_TYPE) {
        Some(kind) if !kind.to_str().is_ok_and(is_json) => {
            refused("the body must be JSON, sent with Content-Type: application/json".to_owned())
        }
        Some(_) | None => Ok(()),
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}
