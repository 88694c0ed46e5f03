//! The pauses and their bounds.

use super::*;

#[test]
fn pauses_grow_to_their_cap_and_are_reset() {
    let mut backoff = Backoff::up_to(Duration::from_secs(20));
    let waits: Vec<_> = (0..8).map(|_| backoff.next()).collect();
    assert!(waits[0] >= FIRST / 2 && waits[0] <= FIRST, "{waits:?}");
    assert!(waits[7] >= CAP / 2 && waits[7] <= CAP, "{waits:?}");
    backoff.reset();
    assert!(backoff.next() <= FIRST);
}

#[test]
fn no_pause_is_longer_than_the_heartbeat_interval() {
    let heartbeat = Duration::from_millis(300);
    let mut backoff = Backoff::up_to(heartbeat);
    assert!((0..20).all(|_| backoff.next() <= heartbeat));
}

#[test]
fn heartbeats_are_shifted_to_an_earlier_time_only() {
    let span = Duration::from_secs(10);
    for _ in 0..100 {
        let wait = within_a_fifth(span);
        assert!(wait >= span.mul_f64(0.8) && wait <= span, "{wait:?}");
    }
}
