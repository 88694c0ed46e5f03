//! Tests of `rate_limit`, with explicit times.

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_768_811_400_000 + millis)
}

/// Counts a request at this time. Returns the remaining requests; None if the limit is reached.
fn left(windows: &mut FixedWindowCounter<u32>, key: u32, millis: i64) -> Option<u32> {
    windows.count(key, at(millis)).ok().map(|status| status.remaining)
}

#[test]
fn a_window_begins_with_the_first_request_and_ends_a_minute_later() {
    let mut windows = FixedWindowCounter::new(2, 10);
    assert_eq!(left(&mut windows, 1, 500), Some(1));
    assert_eq!(left(&mut windows, 1, 59_999), Some(0));
    assert_eq!(left(&mut windows, 1, 60_499), None, "the last millisecond is still in it");
    assert_eq!(left(&mut windows, 1, 60_500), Some(1), "the next one is not");
    assert_eq!(left(&mut windows, 1, 120_499), Some(0));
    assert_eq!(left(&mut windows, 1, 120_500), Some(1));
}

#[test]
fn a_refused_request_does_not_count() {
    let mut windows = FixedWindowCounter::new(1, 10);
    let first = windows.count(1, at(0)).unwrap();
    for millis in [1, 30_000, 59_999] {
        let refused = windows.count(1, at(millis)).unwrap_err();
        assert_eq!((refused.remaining, refused.reset()), (0, first.reset()), "and moves nothing");
    }
    assert_eq!(left(&mut windows, 1, 60_000), Some(0), "one is answered in the next minute, as in this one");
}

#[test]
fn each_key_has_its_own_window() {
    let mut windows = FixedWindowCounter::new(1, 10);
    assert_eq!(left(&mut windows, 1, 0), Some(0));
    assert_eq!(left(&mut windows, 2, 30_000), Some(0));
    assert_eq!(left(&mut windows, 1, 60_000), Some(0), "each has a minute of its own");
    assert_eq!(left(&mut windows, 2, 60_000), None);
    assert_eq!(left(&mut windows, 2, 90_000), Some(0));
}

#[test]
fn time_to_wait_is_rounded_up_to_seconds() {
    let mut windows = FixedWindowCounter::new(1, 10);
    let status = windows.count(1, at(0)).unwrap();
    assert_eq!(status.reset(), 1_768_811_460);
    for (millis, seconds) in [(0, 60), (1, 60), (1000, 59), (58_999, 2), (59_000, 1), (59_999, 1)] {
        assert_eq!(status.retry_after(at(millis)), seconds, "{millis}");
    }
    assert_eq!(status.retry_after(at(60_000)), 1, "at least one");
    let status = windows.count(2, at(1)).unwrap();
    assert_eq!(status.reset(), 1_768_811_461, "it is not over before it is");
}

#[test]
fn clock_that_is_set_back_starts_a_new_window() {
    let mut windows = FixedWindowCounter::new(1, 10);
    assert_eq!(left(&mut windows, 1, 3_600_000), Some(0));
    assert_eq!(left(&mut windows, 1, 0), Some(0));
    assert_eq!(left(&mut windows, 1, 59_999), None);
    assert_eq!(left(&mut windows, 1, 60_000), Some(0));
}

#[test]
fn number_of_windows_is_bounded() {
    let mut windows = FixedWindowCounter::new(1, 100);
    for key in 0..10_000 {
        assert_eq!(left(&mut windows, key, 0), Some(0));
        assert!(windows.open.len() <= 100 && windows.started.len() <= 100, "{key}");
    }
    assert_eq!(left(&mut windows, 9_999, 0), None, "the youngest are kept");
    assert_eq!(left(&mut windows, 0, 0), Some(0), "the oldest are forgotten");
}

#[test]
fn expired_windows_are_removed() {
    let mut windows = FixedWindowCounter::new(1, 1000);
    for key in 0..1000 {
        windows.count(key, at(0)).unwrap();
    }
    for key in 0..1000 {
        windows.count(key % 10, at(60_000 + i64::from(key) * 6_000)).unwrap();
    }
    assert!(
        windows.open.len() <= 10 && windows.started.len() <= 20,
        "{} {}",
        windows.open.len(),
        windows.started.len()
    );
}

#[test]
fn new_window_of_a_key_outlives_the_entry_of_its_old_one() {
    let mut windows = FixedWindowCounter::new(1, 3);
    assert_eq!(left(&mut windows, 1, 0), Some(0));
    assert_eq!(left(&mut windows, 2, 0), Some(0));
    assert_eq!(left(&mut windows, 3, 0), Some(0));
    assert_eq!(left(&mut windows, 3, 60_000), Some(0));
    // The entry of the former window of 3 is removed now.
    assert_eq!(left(&mut windows, 4, 60_000), Some(0));
    assert_eq!(left(&mut windows, 3, 60_000), None);
}

fn limiter(per_minute: u32, heartbeats: Option<u32>, failures: u32) -> RateLimiter {
    let limits = RateLimits { per_minute, heartbeats_per_minute: heartbeats, auth_failures_per_minute: failures };
    RateLimiter::new(limits)
}

#[test]
fn heartbeats_count_separately_only_with_a_limit_of_their_own() {
    let limit = |limiter: &RateLimiter, beat| {
        let counted = limiter.count_request(Uuid::nil(), beat, at(0));
        counted.map_or(Some(0), |status| status.map(|status| status.limit))
    };
    let together = limiter(1, None, 0);
    assert_eq!((limit(&together, true), limit(&together, false)), (Some(1), Some(0)));
    let apart = limiter(1, Some(2), 0);
    assert_eq!((limit(&apart, true), limit(&apart, false), limit(&apart, true)), (Some(2), Some(1), Some(2)));
    assert_eq!((limit(&apart, true), limit(&apart, false)), (Some(0), Some(0)));
    let free = limiter(1, Some(0), 0);
    assert_eq!((limit(&free, true), limit(&free, false)), (None, Some(1)));
    assert_eq!((limit(&free, true), limit(&free, false)), (None, Some(0)));
    let only = limiter(0, Some(1), 0);
    assert_eq!((limit(&only, true), limit(&only, false), limit(&only, true)), (Some(1), None, Some(0)));
    assert_eq!(limit(&limiter(0, None, 0), true), None);
}

#[test]
fn wrong_keys_count_per_address_and_with_ipv6_per_network() {
    let limiter = limiter(0, None, 1);
    let fails = |address: &str| limiter.count_auth_failure(Some(address.parse().unwrap()), at(0)).is_err();
    assert!(!fails("192.0.2.1"));
    assert!(fails("192.0.2.1"));
    assert!(fails("::ffff:192.0.2.1"), "the same host on a socket for both");
    assert!(!fails("192.0.2.2"));
    assert!(!fails("2001:db8:0:1::1"));
    assert!(fails("2001:db8:0:1:ffff::2"));
    assert!(!fails("2001:db8:0:2::1"));
    assert!(limiter.count_auth_failure(Some("192.0.2.1".parse().unwrap()), at(60_000)).is_ok());
    let off = RateLimiter::new(RateLimits::default());
    assert!((0..10).all(|_| off.count_auth_failure(None, at(0)).is_ok()));
}

#[test]
fn heartbeats_are_known_by_their_path() {
    assert!(is_heartbeat("/api/sessions/x/heartbeat") && is_heartbeat("/api/machines/x/heartbeat"));
    for other in [
        "/api/sessions//heartbeat",
        "/api/sessions/heartbeat",
        "/api/sessions/x/heartbeat/",
        "/api/sessions/x/y/heartbeat",
        "/api/tasks/x/heartbeat",
        "/sessions/x/heartbeat",
    ] {
        assert!(!is_heartbeat(other), "{other}");
    }
}
