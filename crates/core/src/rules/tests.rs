//! The liveness rule and the time of updates, without a store.

use std::time::Duration;

use super::liveness::LivenessRule;
use super::next_update;
use crate::store::DetectorState;
use crate::values::Timestamp;

const THRESHOLD: Duration = Duration::from_secs(180);
const INTERVAL: Duration = Duration::from_secs(1);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn state(last_pass: i64, next_pass: i64, grace_until: i64) -> Option<DetectorState> {
    Some(DetectorState { last_pass_at: at(last_pass), next_pass_due: at(next_pass), grace_until: at(grace_until) })
}

#[test]
fn silence_counts_from_the_last_heartbeat_without_a_gap() {
    let rule = LivenessRule::at(at(1000), state(999, 1000, 0), THRESHOLD);
    assert_eq!(rule.cutoff(), at(820));
    // A session is not overdue at its deadline minus one millisecond.
    assert_eq!(rule.deadline(at(500)), at(680).plus(Duration::from_millis(1)));
}

#[test]
fn after_a_gap_silence_counts_from_its_end() {
    // The pass that was due at 1000 runs at 5000: no heartbeat could arrive in between.
    let back = LivenessRule::at(at(5000), state(999, 1000, 0), THRESHOLD);
    assert_eq!(back.cutoff(), Timestamp::MIN);
    let stored = back.next_state(at(5000), Some(at(990)), INTERVAL);
    assert_eq!(stored.grace_until, at(5000));
    let later = LivenessRule::at(at(5179), Some(DetectorState { next_pass_due: at(5179), ..stored }), THRESHOLD);
    assert_eq!(later.cutoff(), Timestamp::MIN);
    let past = LivenessRule::at(at(5181), Some(DetectorState { next_pass_due: at(5181), ..stored }), THRESHOLD);
    assert_eq!(past.cutoff(), at(5001));
}

#[test]
fn a_small_delay_is_no_gap() {
    for late in [0, 1, 45] {
        let rule = LivenessRule::at(at(1000 + late), state(999, 1000, 0), THRESHOLD);
        assert_eq!(rule.cutoff(), at(820 + late), "{late} s late");
    }
    let rule = LivenessRule::at(at(1046), state(999, 1000, 0), THRESHOLD);
    assert_eq!(rule.cutoff(), Timestamp::MIN);
}

#[test]
fn a_clock_set_back_does_not_suspend_detection() {
    let rule = LivenessRule::at(at(1000), state(4600, 4601, 4600), THRESHOLD);
    let stored = rule.next_state(at(1000), None, INTERVAL);
    assert_eq!(stored.grace_until, at(1000));
}

#[test]
fn next_pass_is_due_at_the_earliest_deadline_and_within_one_threshold() {
    let due = |earliest: Option<i64>, threshold: u64, interval: u64| {
        let rule = LivenessRule::at(at(1000), state(999, 1000, 0), Duration::from_secs(threshold));
        rule.next_state(at(1000), earliest.map(at), Duration::from_secs(interval)).next_pass_due.millis()
    };
    assert_eq!(due(None, 180, 1), 1_001_000);
    assert_eq!(due(None, 180, 600), 1_180_000, "a first heartbeat right after the pass is overdue after one threshold");
    assert_eq!(due(Some(900), 180, 600), 1_080_001);
    assert_eq!(due(Some(999), 3, 1), 1_001_000);
    assert_eq!(due(Some(100), 180, 1), 1_000_000, "an overdue one makes the next pass due at once");
}

#[test]
fn a_long_pass_is_no_gap() {
    // The pass took from 1000 to 1100: the next one is due counted from its end.
    let rule = LivenessRule::at(at(1000), state(999, 1000, 0), THRESHOLD);
    let stored = rule.next_state(at(1100), None, INTERVAL);
    assert_eq!((stored.last_pass_at, stored.next_pass_due), (at(1000), at(1101)));
    assert_eq!(LivenessRule::at(at(1101), Some(stored), THRESHOLD).cutoff(), at(921));
}

#[test]
fn updated_at_always_increases() {
    assert_eq!(next_update(at(1), at(2)), at(2));
    assert_eq!(next_update(at(2), at(2)), Timestamp::from_millis(2001));
    assert_eq!(next_update(at(5), at(2)), Timestamp::from_millis(5001));
}
