//! Compares the state machine of a session with a table, for every status and every event.

use super::SessionStatus;
use super::transition::{SessionEvent, Step, step};

/// One row a status, one column an event, in the order of [`SessionEvent::ALL`]: the status that follows, `=` for the
/// same, `!` for an illegal move, `x` for a session that has ended.
const TABLE: [(SessionStatus, [&str; 9]); 5] = [
    //                      heartbeat activate pause     stall      complete     fail      prepare recover     archive
    (SessionStatus::Active, ["=", "=", "paused", "stalled", "completed", "failed", "!", "!", "!"]),
    (SessionStatus::Paused, ["=", "active", "=", "stalled", "completed", "failed", "!", "!", "!"]),
    (SessionStatus::Stalled, ["active", "active", "!", "=", "completed", "failed", "=", "completed", "!"]),
    (SessionStatus::Completed, ["x", "!", "!", "!", "=", "!", "!", "!", "="]),
    (SessionStatus::Failed, ["x", "!", "!", "!", "!", "=", "=", "completed", "="]),
];

#[test]
fn every_event_in_every_status_follows_the_table() {
    assert_eq!(TABLE.map(|(status, _)| status), {
        let mut all = SessionStatus::ALL;
        all.sort();
        all
    });
    for (status, row) in TABLE {
        for (event, expected) in SessionEvent::ALL.into_iter().zip(row) {
            let expected = match expected {
                "=" => Step::Same,
                "!" => Step::Illegal,
                "x" => Step::Ended,
                name => Step::To(name.parse().unwrap()),
            };
            assert_eq!(step(status, event), expected, "{status}, {event:?}");
        }
    }
}

#[test]
fn status_text_parses_to_the_same_status() {
    for status in SessionStatus::ALL {
        assert_eq!(status.as_str().parse(), Ok(status));
    }
    let error = "Active".parse::<SessionStatus>().unwrap_err();
    assert_eq!(error.to_string(), "must be one of active, paused, stalled, completed, failed");
}
