//! The `Idempotency-Key` of a request.

use actix_web::HttpRequest;
use actix_web::http::Method;
use rekindle_core::InvalidValue;
use rekindle_core::store::IdempotencyKey;
use sha2::{Digest, Sha256};

use super::body::Body;
use crate::auth::context::AuthContext;
use crate::error::ApiError;

const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The longest key, in bytes.
const MAX_KEY_BYTES: usize = 255;

/// The idempotency key of a request.
pub(super) struct IdempotencyKeyHeader {
    pub(super) key: IdempotencyKey,
    /// A hash over method and path. The body is added once it is read.
    target: Sha256,
}

impl IdempotencyKeyHeader {
    /// Returns the key of a POST. None if it has no such header.
    pub(super) fn of(req: &HttpRequest, auth: &AuthContext) -> Result<Option<Self>, ApiError> {
        let Some(chosen) = req.headers().get(IDEMPOTENCY_KEY) else { return Ok(None) };
        if *req.method() != Method::POST {
            return Ok(None);
        }
        let bytes = chosen.as_bytes();
        if bytes.is_empty() || bytes.len() > MAX_KEY_BYTES || !bytes.iter().all(u8::is_ascii_graphic) {
            let fault =
                InvalidValue::new(format!("must be 1 to {MAX_KEY_BYTES} visible ASCII characters, such as a UUID"));
            return Err(ApiError::invalid("Idempotency-Key", fault));
        }
        // Two callers may choose the same text: the hash includes the API key.
        let key = Sha256::new().chain_update(auth.identity.id.0.as_bytes()).chain_update(bytes).finalize();
        let target = Sha256::new().chain_update(req.uri().to_string()).chain_update([0]);
        Ok(Some(Self { key: IdempotencyKey(key.into()), target }))
    }

    /// Returns the hash of the whole request, by which another request with the same key is recognized.
    pub(super) fn request_hash(&self, body: &Body) -> [u8; 32] {
        self.target.clone().chain_update(&body.0).finalize().into()
    }
}
