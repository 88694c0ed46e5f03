//! Which rule a duplicate key violates, and which writes surely did not happen.

use rekindle_core::store::{CommitError, StoreError, UniqueRule};

use rekindle_records::Extension;

use super::{Violation, code, is_ambiguous, rejected_commit, violation, write_error};
use crate::kinds::Kinds;

fn kinds() -> Kinds {
    Kinds::with(Extension::NONE)
}

fn duplicate(index: &str) -> String {
    duplicate_in("sessions", index)
}

fn duplicate_in(collection: &str, index: &str) -> String {
    format!(
        "E11000 duplicate key error collection: rekindle.{collection} index: {index} dup key: {{ session_id: \"a index: b\" }}"
    )
}

#[test]
fn duplicate_key_names_its_rule() {
    let meanings = [
        ("session_id_1", Violation::Exists),
        ("_id_", Violation::Exists),
        ("one_active", Violation::Rule(UniqueRule::ActivePerProjectAndMachine)),
        ("one_per_slot", Violation::Rule(UniqueRule::LivePerSlot)),
        ("one_successor", Violation::Rule(UniqueRule::Successor)),
    ];
    for (index, meaning) in meanings {
        assert_eq!(violation(&kinds(), &duplicate(index)), Some(meaning), "{index}");
    }
    for (collection, index) in [("tasks", "task_id_1"), ("machines", "machine_id_1")] {
        assert_eq!(violation(&kinds(), &duplicate_in(collection, index)), Some(Violation::Exists), "{index}");
    }
    assert_eq!(violation(&kinds(), &duplicate("somebody_elses_index")), None);
    assert_eq!(violation(&kinds(), "E11000 and nothing more"), None);
}

#[test]
fn rejected_statement_is_mapped_by_its_code() {
    let exists = rejected_commit(&kinds(), code::DUPLICATE_KEY, &duplicate("session_id_1"));
    assert!(matches!(exists, CommitError::Stale), "{exists:?}");
    let taken = rejected_commit(&kinds(), code::DUPLICATE_KEY, &duplicate("one_per_slot"));
    assert!(matches!(taken, CommitError::UniqueViolation(UniqueRule::LivePerSlot)), "{taken:?}");
    let invalid = rejected_commit(&kinds(), code::VALIDATION, "Document failed validation");
    assert!(matches!(invalid, CommitError::Failed(StoreError::Corrupt(_))), "{invalid:?}");
    let other = rejected_commit(&kinds(), 14031, "out of disk space");
    assert!(matches!(other, CommitError::Failed(StoreError::Unavailable(_))), "{other:?}");
}

#[test]
fn broken_connection_makes_the_outcome_unknown() {
    let broken = mongodb::error::Error::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
    assert!(is_ambiguous(&broken));
    assert!(matches!(write_error(&broken), StoreError::Unknown(_)));
}

#[test]
fn unsent_write_has_not_happened() {
    let shut_down = mongodb::error::Error::from(mongodb::error::ErrorKind::Shutdown);
    assert!(!is_ambiguous(&shut_down));
    assert!(matches!(write_error(&shut_down), StoreError::Unavailable(_)));
}
