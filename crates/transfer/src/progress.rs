//! The progress of an export, a verification or an import.

use crate::format::Section;

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Reading this section from a store.
    Exporting(Section),
    /// Reading a file to its end before it is imported; counted in bytes.
    Verifying,
    /// Writing this section into a store.
    Importing(Section),
}

/// The progress of a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The phase.
    pub doing: Phase,
    /// The number of rows or bytes that are done.
    pub done: u64,
    /// The number of rows or bytes in all, if that is known.
    pub of: Option<u64>,
}
