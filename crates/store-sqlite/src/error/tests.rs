//! Which errors of COMMIT leave doubt.

use super::*;

fn error(code: i32) -> Error {
    Error::SqliteFailure(ffi::Error::new(code), None)
}

#[test]
fn a_commit_that_surely_did_not_happen_is_told_from_one_in_doubt() {
    for code in [ffi::SQLITE_FULL, ffi::SQLITE_BUSY] {
        assert!(matches!(commit_failed(&error(code)), StoreError::Unavailable(_)), "{code}");
    }
    for code in [ffi::SQLITE_IOERR, ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_NOMEM] {
        assert!(matches!(commit_failed(&error(code)), StoreError::Unknown(_)), "{code}");
    }
}

#[test]
fn a_statement_that_failed_wrote_nothing() {
    for code in [ffi::SQLITE_FULL, ffi::SQLITE_BUSY, ffi::SQLITE_IOERR, ffi::SQLITE_READONLY] {
        assert!(matches!(not_written(&error(code)), StoreError::Unavailable(_)), "{code}");
    }
    for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB] {
        assert!(matches!(not_written(&error(code)), StoreError::Corrupt(_)), "{code}");
    }
}
