//! The commands of a commit: statements of one kind on one collection, and the number of rows that they must find.

use bson::{Document, RawDocumentBuf};
use rekindle_core::store::{CommitError, StoreError, UniqueRule};

/// The largest size of the statements of one command: the server takes 16 MB, and the reply has to fit as well.
pub(super) const COMMAND_BYTES: usize = 8 * 1024 * 1024;
/// The largest number of statements in one command; the server takes 100,000.
const COMMAND_STATEMENTS: usize = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatementKind {
    Insert,
    Update,
    Delete,
}

/// The number of rows that a command must find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expectation {
    /// One for each statement; otherwise a row has changed.
    Each,
    /// One; otherwise the fence is stale.
    Fence,
    /// One; otherwise a response is stored under its key.
    StoredResponse,
    /// Any number.
    Any,
    /// Any number: it is that of the deleted tasks.
    Tasks,
}

/// One command.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) kind: StatementKind,
    pub(crate) collection: &'static str,
    pub(crate) expectation: Expectation,
    /// Its documents, updates or deletes.
    pub(crate) statements: Vec<RawDocumentBuf>,
    pub(super) bytes: usize,
}

impl Expectation {
    /// Maps the error of a rejected statement: for a stored response a duplicate means that its key is taken.
    pub(crate) fn interpret(self, error: CommitError) -> CommitError {
        match (self, error) {
            (Self::StoredResponse, CommitError::Stale) => CommitError::UniqueViolation(UniqueRule::IdempotencyKey),
            (_, error) => error,
        }
    }
}

impl Batch {
    pub(super) fn new(
        kind: StatementKind,
        collection: &'static str,
        expectation: Expectation,
        statement: RawDocumentBuf,
    ) -> Self {
        let bytes = statement.as_bytes().len();
        Self { kind, collection, expectation, statements: vec![statement], bytes }
    }

    pub(super) fn accepts(
        &self,
        kind: StatementKind,
        collection: &str,
        expectation: Expectation,
        statement: &RawDocumentBuf,
    ) -> bool {
        (self.kind, self.collection, self.expectation) == (kind, collection, expectation)
            && self.statements.len() < COMMAND_STATEMENTS
            && self.bytes + statement.as_bytes().len() <= COMMAND_BYTES
    }

    pub(super) fn push(&mut self, statement: RawDocumentBuf) {
        self.bytes += statement.as_bytes().len();
        self.statements.push(statement);
    }
}

/// Encodes a statement.
pub(super) fn raw(document: &Document) -> Result<RawDocumentBuf, CommitError> {
    RawDocumentBuf::try_from(document)
        .map_err(|error| CommitError::Failed(StoreError::Corrupt(format!("cannot be written as BSON: {error}"))))
}
