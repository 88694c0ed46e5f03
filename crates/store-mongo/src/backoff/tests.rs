//! Pauses grow, stay below their bound, and lose no more than their jitter.

use std::time::Duration;

use super::Backoff;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn bound_doubles_up_to_the_longest_pause() {
    let backoff = Backoff::new(millis(500), millis(5000), 0.25);
    let bounds: Vec<_> = [1, 2, 3, 4, 5, 6, u32::MAX].map(|attempt| backoff.bound(attempt)).into();
    assert_eq!(bounds, [500, 1000, 2000, 4000, 5000, 5000, 5000].map(millis));
}

#[test]
fn pause_loses_at_most_its_jitter() {
    let backoff = Backoff::new(millis(8), millis(200), 0.75);
    for _ in 0..1000 {
        let pause = backoff.pause(3);
        assert!((millis(8)..=millis(32)).contains(&pause), "{pause:?}");
    }
}
