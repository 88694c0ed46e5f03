//! Ids of requests, also of those that never became one.

use uuid::Uuid;

/// Returns an id that is random enough to be found in a log, without asking the operating system each time.
pub fn new_request_id() -> Uuid {
    uuid::Builder::from_random_bytes(fastrand::u128(..).to_be_bytes()).into_uuid()
}
