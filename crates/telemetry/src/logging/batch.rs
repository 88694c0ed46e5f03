//! What the log's thread takes to write at once.

/// What waited since the batch before it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    /// Whole lines.
    pub lines: Vec<u8>,
    /// How many lines did not fit since the last batch.
    pub lost: u64,
    /// Whether the file is to be opened anew first.
    pub reopen: bool,
}
