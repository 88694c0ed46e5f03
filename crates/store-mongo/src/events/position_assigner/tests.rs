//! When it is time to look.

use std::sync::Arc;

use super::{Backlog, MANY};

#[test]
fn many_small_commits_make_a_backlog_and_one_is_at_it() {
    let backlog = Arc::new(Backlog::default());
    let mut turns = Vec::new();
    for _ in 0..MANY * 3 {
        turns.extend(backlog.record_committed(1));
    }
    assert_eq!(turns.len(), 1, "the first is still at work when the second and the third thousand come");
    turns.clear();
    assert!(backlog.record_committed(1).is_some(), "what came meanwhile is not forgotten");
    assert!(backlog.record_committed(1).is_none());
}
