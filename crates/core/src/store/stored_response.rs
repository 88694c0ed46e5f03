//! Stored responses: a request that is repeated with the same idempotency key gets the first response again. A response
//! is stored in the commit that it reports, so that neither exists without the other.

use super::entity::{Entity, Key};
use crate::values::Timestamp;

/// Identifies a request and its repetitions: a hash of the caller and of the key that it chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey(pub [u8; 32]);

/// The response to a request. A commit with a response fails with [`super::UniqueRule::IdempotencyKey`] while another
/// one of the same key has not expired; only the fence is checked before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// The key under which the response is stored.
    pub key: IdempotencyKey,
    /// A hash of the request, by which a different request with the same key is recognised.
    pub request: [u8; 32],
    /// The response, encoded by the adapter that sent it.
    pub answer: Box<[u8]>,
    /// The time at which it was stored.
    pub at: Timestamp,
    /// The time of its expiry. The store ignores it from then on and deletes it later.
    pub until: Timestamp,
}

impl From<IdempotencyKey> for Key {
    fn from(key: IdempotencyKey) -> Self {
        Self::Bytes(key.0.into())
    }
}

impl Entity for StoredResponse {
    const KIND: &'static str = "answers";
    type Id = IdempotencyKey;

    fn id(&self) -> IdempotencyKey {
        self.key
    }
}
