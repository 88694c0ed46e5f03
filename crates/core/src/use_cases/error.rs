//! How a use case fails: the domain rejects it, others were faster, or the store could not do it.

use crate::domain::rejection::Rejection;
use crate::store::StoreError;

/// What a use case answers when it does not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The domain says no. Nothing was changed.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Others kept changing the same rows, each time we looked. A change that was asked for did not happen; a pass may
    /// have done a part of its work.
    #[error("other requests kept changing the same rows; try again")]
    Contended,
    /// Another request with the same idempotency key was answered meanwhile. Nothing was changed by this one.
    #[error("this request was answered already")]
    AlreadyAnswered,
    /// Another process took over the duty by whose right this was done (see [`crate::Tracker::with_fence`]).
    #[error("another process has taken over this duty")]
    Fenced,
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}
