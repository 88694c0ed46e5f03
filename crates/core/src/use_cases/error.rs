//! How a use case fails: the domain rejects it, other requests keep changing the same rows, or the store fails.

use crate::domain::rejection::Rejection;
use crate::store::StoreError;

/// The error of a use case.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rule of the domain rejected the request. Nothing was changed.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Other requests changed the same rows during every attempt. A requested change did not happen; a pass may have
    /// done a part of its work.
    #[error("other requests kept changing the same rows; try again")]
    Contended,
    /// A response is already stored under the idempotency key of the request. This request changed nothing.
    #[error("this request was answered already")]
    AlreadyAnswered,
    /// The fence of the tracker is no longer current: another process took over the lease (see
    /// [`crate::Tracker::with_fence`]).
    #[error("another process has taken over this duty")]
    Fenced,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
