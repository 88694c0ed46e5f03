//! When an assignment is due.

use std::sync::Arc;

use super::{PositionAssigner, THRESHOLD};

#[test]
fn assignment_is_due_after_many_commits_and_runs_once() {
    let assigner = Arc::new(PositionAssigner::default());
    let mut guards = Vec::new();
    for _ in 0..THRESHOLD * 3 {
        guards.extend(assigner.record_committed(1));
    }
    assert_eq!(guards.len(), 1, "the first still runs when the second and the third thousand come");
    guards.clear();
    assert!(assigner.record_committed(1).is_some(), "events that were committed meanwhile count");
    assert!(assigner.record_committed(1).is_none());
}
