//! Answers that are remembered, so that a request which is repeated with the same idempotency key gets the first one
//! again. An answer is stored with the commit that it tells of: there is never one without the other.

use crate::values::Timestamp;

/// Names a request, whoever repeats it: a hash over who asks and the key that they chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey(pub [u8; 32]);

/// The answer to a request. A commit that brings one is refused with [`super::UniqueRule::IdempotencyKey`], before
/// anything else but its fence is looked at, while another one of the same key stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// The request's name.
    pub key: IdempotencyKey,
    /// A hash of the request, so that another one under the same name is noticed.
    pub request: [u8; 32],
    /// What was answered, in the words of whoever answers.
    pub answer: Box<[u8]>,
    /// When.
    pub at: Timestamp,
    /// It stands until then. After that it is as good as gone, and the store drops it by and by.
    pub until: Timestamp,
}
