//! How a gate ends.

/// How a gate ended that found no fault.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Everything was checked.
    Done,
    /// The check was not possible, for this reason.
    Skipped(String),
}
