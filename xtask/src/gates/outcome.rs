//! The result of a gate.

/// The result of a gate that found no fault.
#[derive(Debug)]
pub enum Outcome {
    /// Everything was checked.
    Done,
    /// The check was not possible, for this reason.
    Skipped(String),
}
