//! Rules without a store: how silence is judged.

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

fn state(looked_at: i64, due_by: i64, silence_from: i64) -> Option<DetectorState> {
    Some(DetectorState { last_pass_at: at(looked_at), next_pass_due: at(due_by), grace_until: at(silence_from) })
}

#[test]
fn silence_counts_from_the_last_heartbeat_while_somebody_listens() {
    let rule = LivenessRule::at(at(1000), state(999, 1000, 0), THRESHOLD);
    assert_eq!(rule.cutoff(), at(820));
    // At the deadline exactly nobody is overdue; a millisecond later they are.
    assert_eq!(rule.deadline(at(500)), at(680).plus(Duration::from_millis(1)));
}

#[test]
fn a_gap_moves_the_start_of_silence_to_its_end() {
    // The detector meant to look again at 1000 and is back only at 5000: nobody could be heard meanwhile.
    let back = LivenessRule::at(at(5000), state(999, 1000, 0), THRESHOLD);
    assert_eq!(back.cutoff(), Timestamp::MIN);
    let noted = back.next_state(at(5000), Some(at(990)), INTERVAL);
    assert_eq!(noted.grace_until, at(5000));
    let later = LivenessRule::at(at(5179), Some(DetectorState { next_pass_due: at(5179), ..noted }), THRESHOLD);
    assert_eq!(later.cutoff(), Timestamp::MIN);
    let past = LivenessRule::at(at(5181), Some(DetectorState { next_pass_due: at(5181), ..noted }), THRESHOLD);
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
fn a_clock_set_back_keeps_nobody_from_being_judged() {
    let rule = LivenessRule::at(at(1000), state(4600, 4601, 4600), THRESHOLD);
    let noted = rule.next_state(at(1000), None, INTERVAL);
    assert_eq!(noted.grace_until, at(1000));
}

#[test]
fn the_next_look_is_when_the_first_one_falls_due_and_never_too_late_for_a_newcomer() {
    let due = |earliest: Option<i64>, threshold: u64, interval: u64| {
        let rule = LivenessRule::at(at(1000), state(999, 1000, 0), Duration::from_secs(threshold));
        rule.next_state(at(1000), earliest.map(at), Duration::from_secs(interval)).next_pass_due.millis()
    };
    assert_eq!(due(None, 180, 1), 1_001_000);
    assert_eq!(due(None, 180, 600), 1_180_000, "one that is heard right after the pass falls due in a threshold");
    assert_eq!(due(Some(900), 180, 600), 1_080_001);
    assert_eq!(due(Some(999), 3, 1), 1_001_000);
    assert_eq!(due(Some(100), 180, 1), 1_000_000, "one that is overdue already is looked at now");
}

#[test]
fn a_long_pass_is_no_gap() {
    // It began at 1000 and ended at 1100: what it promises counts from its end.
    let rule = LivenessRule::at(at(1000), state(999, 1000, 0), THRESHOLD);
    let noted = rule.next_state(at(1100), None, INTERVAL);
    assert_eq!((noted.last_pass_at, noted.next_pass_due), (at(1000), at(1101)));
    assert_eq!(LivenessRule::at(at(1101), Some(noted), THRESHOLD).cutoff(), at(921));
}

#[test]
fn updates_are_always_later_than_the_one_before() {
    assert_eq!(next_update(at(1), at(2)), at(2));
    assert_eq!(next_update(at(2), at(2)), Timestamp::from_millis(2001));
    assert_eq!(next_update(at(5), at(2)), Timestamp::from_millis(5001));
}
