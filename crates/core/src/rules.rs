//! Pure decisions that concern several entities at once. They are given what was read and the time, and answer the
//! changes to commit or the refusal; they know no database.

pub mod liveness;
pub mod placement;
pub mod recovery;
pub mod termination;

use crate::values::Timestamp;

/// The `updated_at` of a change: now, and always later than the change before, however fast they follow.
pub(crate) fn next_update(previous: Timestamp, now: Timestamp) -> Timestamp {
    now.max(Timestamp::from_millis(previous.millis().saturating_add(1)))
}

#[cfg(test)]
mod tests;
