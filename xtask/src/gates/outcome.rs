//! The result of a gate.

/// The result of a gate that found no fault.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Everything was checked.
    Done,
    /// The check was not possible, for this reason.
    Skipped(String),
}
