//! Commands of a commit: statements of one kind on one collection, and what their count of rows must be.

use bson::{Document, RawDocumentBuf};
use rekindle_core::store::{CommitError, StoreError, UniqueRule};

/// How many bytes of statements go into one command: the server takes 16 MB, and a reply has to fit as well.
pub(super) const COMMAND_BYTES: usize = 8 * 1024 * 1024;
/// How many statements go into one command; the server takes 100,000.
const COMMAND_STATEMENTS: usize = 10_000;

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementKind {
    /// Inserts documents.
    Insert,
    /// Changes rows.
    Update,
    /// Deletes rows.
    Delete,
}

/// What a command's count of rows must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// One for each statement: otherwise a row was not as it was expected.
    Each,
    /// One: otherwise the fence fell.
    Fence,
    /// One: otherwise an answer stands under its key.
    Answer,
    /// Whatever it is.
    Any,
    /// Whatever it is: so many tasks were deleted.
    Tasks,
}

/// One command to the server.
#[derive(Debug)]
pub struct Batch {
    /// What it does.
    pub verb: StatementKind,
    /// To which collection.
    pub collection: &'static str,
    /// What its count must be.
    pub demand: Expectation,
    /// Its documents, updates or deletes.
    pub statements: Vec<RawDocumentBuf>,
    pub(super) bytes: usize,
}

impl Expectation {
    /// What it means that a statement was refused like this: an answer that is there is no row that changed.
    pub fn refused(self, error: CommitError) -> CommitError {
        match (self, error) {
            (Self::Answer, CommitError::Stale) => CommitError::UniqueViolation(UniqueRule::IdempotencyKey),
            (_, error) => error,
        }
    }
}

impl Batch {
    pub(super) fn new(
        verb: StatementKind,
        collection: &'static str,
        demand: Expectation,
        statement: RawDocumentBuf,
    ) -> Self {
        let bytes = statement.as_bytes().len();
        Self { verb, collection, demand, statements: vec![statement], bytes }
    }

    pub(super) fn takes(
        &self,
        verb: StatementKind,
        collection: &str,
        demand: Expectation,
        statement: &RawDocumentBuf,
    ) -> bool {
        (self.verb, self.collection, self.demand) == (verb, collection, demand)
            && self.statements.len() < COMMAND_STATEMENTS
            && self.bytes + statement.as_bytes().len() <= COMMAND_BYTES
    }

    pub(super) fn push(&mut self, statement: RawDocumentBuf) {
        self.bytes += statement.as_bytes().len();
        self.statements.push(statement);
    }
}

/// A statement as it is sent.
pub(super) fn raw(document: &Document) -> Result<RawDocumentBuf, CommitError> {
    RawDocumentBuf::try_from(document)
        .map_err(|error| CommitError::Failed(StoreError::Corrupt(format!("cannot be written as BSON: {error}"))))
}
