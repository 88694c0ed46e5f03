//! What a duplicate key means, and what surely was not written.

use rekindle_core::store::{CommitError, StoreError, UniqueRule};

use super::{Violation, code, is_ambiguous, refused, violation, write_failed};

fn duplicate(index: &str) -> String {
    format!(
        "E11000 duplicate key error collection: rekindle.sessions index: {index} dup key: {{ session_id: \"a index: b\" }}"
    )
}

#[test]
fn a_duplicate_key_names_its_rule() {
    let meanings = [
        ("session_id_1", Violation::Exists),
        ("task_id_1", Violation::Exists),
        ("machine_id_1", Violation::Exists),
        ("_id_", Violation::Exists),
        ("one_active", Violation::Rule(UniqueRule::ActivePerProjectAndMachine)),
        ("one_per_slot", Violation::Rule(UniqueRule::LivePerSlot)),
        ("one_successor", Violation::Rule(UniqueRule::Successor)),
    ];
    for (index, meaning) in meanings {
        assert_eq!(violation(&duplicate(index)), Some(meaning), "{index}");
    }
    assert_eq!(violation(&duplicate("somebody_elses_index")), None);
    assert_eq!(violation("E11000 and nothing more"), None);
}

#[test]
fn a_refused_statement_is_told_by_its_code() {
    let exists = refused(code::DUPLICATE_KEY, &duplicate("session_id_1"));
    assert!(matches!(exists, CommitError::Stale), "{exists:?}");
    let taken = refused(code::DUPLICATE_KEY, &duplicate("one_per_slot"));
    assert!(matches!(taken, CommitError::UniqueViolation(UniqueRule::LivePerSlot)), "{taken:?}");
    let invalid = refused(code::VALIDATION, "Document failed validation");
    assert!(matches!(invalid, CommitError::Failed(StoreError::Corrupt(_))), "{invalid:?}");
    let other = refused(14031, "out of disk space");
    assert!(matches!(other, CommitError::Failed(StoreError::Unavailable(_))), "{other:?}");
}

#[test]
fn what_broke_on_the_way_may_have_happened() {
    let broken = mongodb::error::Error::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
    assert!(is_ambiguous(&broken));
    assert!(matches!(write_failed(&broken), StoreError::Unknown(_)));
}

#[test]
fn what_was_never_sent_has_not_happened() {
    let shut_down = mongodb::error::Error::from(mongodb::error::ErrorKind::Shutdown);
    assert!(!is_ambiguous(&shut_down));
    assert!(matches!(write_failed(&shut_down), StoreError::Unavailable(_)));
}
