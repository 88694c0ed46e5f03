//! How far an export, a verification or an import has come.

use crate::format::Section;

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Reading this section from a store.
    Exporting(Section),
    /// Reading a file to its end before anything is done with it; counted in bytes.
    Verifying,
    /// Writing this section into a store.
    Importing(Section),
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub doing: Phase,
    /// How much of it is done.
    pub done: u64,
    /// How much there is, as far as that is known.
    pub of: Option<u64>,
}
