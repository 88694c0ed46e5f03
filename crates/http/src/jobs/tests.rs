//! Tests of `jobs`.

use rekindle_core::Timestamp;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn the_default_schedule_is_at_two_in_the_night_utc() {
    let schedule: Schedule = "0 2 * * *".parse().unwrap();
    assert_eq!(schedule.after(at("2026-01-19T01:59:59.999Z")), Some(at("2026-01-19T02:00:00.000Z")));
    assert_eq!(schedule.after(at("2026-01-19T02:00:00.000Z")), Some(at("2026-01-20T02:00:00.000Z")));
    assert!("x".parse::<Schedule>().is_err());
}

#[test]
fn backoff_grows_up_to_its_limit_and_never_beyond() {
    let (first, most) = (Duration::from_millis(100), Duration::from_secs(1));
    for failures in 1..100 {
        let pause = backoff(failures, first, most);
        assert!(pause >= first / 2 && pause <= most, "{failures}: {pause:?}");
    }
}
