//! Compares the state machine of a task with a table, for every status and every event.

use super::TaskStatus;
use super::transition::{Step, TaskEvent, step};

/// One row a status, one column an event, in the order of [`TaskEvent::ALL`]: `=` for the same, `!` for illegal.
const TABLE: [(TaskStatus, [&str; 5]); 5] = [
    //                          reset      start          block      complete     fail
    (TaskStatus::Pending, ["=", "in_progress", "blocked", "completed", "failed"]),
    (TaskStatus::InProgress, ["!", "=", "blocked", "completed", "failed"]),
    (TaskStatus::Blocked, ["pending", "in_progress", "=", "completed", "failed"]),
    (TaskStatus::Completed, ["!", "!", "blocked", "=", "!"]),
    (TaskStatus::Failed, ["!", "!", "blocked", "!", "="]),
];

#[test]
fn every_event_in_every_status_follows_the_table() {
    assert_eq!(TABLE.map(|(status, _)| status), TaskStatus::ALL);
    for (status, row) in TABLE {
        for (event, expected) in TaskEvent::ALL.into_iter().zip(row) {
            let expected = match expected {
                "=" => Step::Same,
                "!" => Step::Illegal,
                name => Step::To(name.parse().unwrap()),
            };
            assert_eq!(step(status, event), expected, "{status}, {event:?}");
        }
    }
}
