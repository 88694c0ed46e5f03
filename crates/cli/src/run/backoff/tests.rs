//! The waits and their bounds.

use super::*;

#[test]
fn waits_grow_to_their_cap_and_begin_anew() {
    let mut backoff = Backoff::up_to(Duration::from_secs(20));
    let waits: Vec<_> = (0..8).map(|_| backoff.next()).collect();
    assert!(waits[0] >= FIRST / 2 && waits[0] <= FIRST, "{waits:?}");
    assert!(waits[7] >= CAP / 2 && waits[7] <= CAP, "{waits:?}");
    backoff.reset();
    assert!(backoff.next() <= FIRST);
}

#[test]
fn no_wait_is_longer_than_a_heartbeat() {
    let heartbeat = Duration::from_millis(300);
    let mut backoff = Backoff::up_to(heartbeat);
    assert!((0..20).all(|_| backoff.next() <= heartbeat));
}

#[test]
fn heartbeats_come_early_rather_than_late() {
    let span = Duration::from_secs(10);
    for _ in 0..100 {
        let wait = within_a_fifth(span);
        assert!(wait >= span.mul_f64(0.8) && wait <= span, "{wait:?}");
    }
}
