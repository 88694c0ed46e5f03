//! Ids only ever rise, whatever the clock does.

use super::{Last, OrderedIds, TAIL_BITS};

#[test]
fn ids_rise_within_a_millisecond_and_beyond() {
    let ordered_ids = OrderedIds::default();
    let made: Vec<_> = (0..10_000).map(|_| ordered_ids.next()).collect();
    assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(made.iter().all(|mark| mark.get_version_num() == 7));
}

#[test]
fn ids_rise_when_the_clock_goes_back() {
    let first = Last::default().after(1000, u128::MAX);
    let second = first.after(10, 7);
    assert_eq!(second.millis, 1000);
    assert!(second.uuid() > first.uuid());
}

#[test]
fn full_millisecond_overflows_into_the_next() {
    let full = Last { millis: 5, tail: (1 << TAIL_BITS) - 1 };
    let next = full.after(5, 0);
    assert_eq!(next.millis, 6);
    assert!(next.uuid() > full.uuid());
}
