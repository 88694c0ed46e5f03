//! Pure decisions about several entities at once. From what was read and the time they compute the changes to commit,
//! or a rejection; they know no database.

pub mod liveness;
pub mod placement;
pub mod recovery;
pub mod termination;

use crate::values::Timestamp;

/// Returns the `updated_at` of a change: `now`, or one millisecond after the previous change if that is later.
pub(crate) fn next_update(previous: Timestamp, now: Timestamp) -> Timestamp {
    now.max(Timestamp::from_millis(previous.millis().saturating_add(1)))
}

#[cfg(test)]
mod tests;
