//! Marks only ever rise, whatever the clock does.

use super::{Last, OrderedIds, TAIL_BITS};

#[test]
fn marks_rise_within_a_millisecond_and_beyond() {
    let marks = OrderedIds::default();
    let made: Vec<_> = (0..10_000).map(|_| marks.next()).collect();
    assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(made.iter().all(|mark| mark.get_version_num() == 7));
}

#[test]
fn a_clock_that_goes_back_is_not_followed() {
    let first = Last::default().after(1000, u128::MAX);
    let second = first.after(10, 7);
    assert_eq!(second.millis, 1000);
    assert!(second.uuid() > first.uuid());
}

#[test]
fn a_full_millisecond_overflows_into_the_next() {
    let full = Last { millis: 5, tail: (1 << TAIL_BITS) - 1 };
    let next = full.after(5, 0);
    assert_eq!(next.millis, 6);
    assert!(next.uuid() > full.uuid());
}
