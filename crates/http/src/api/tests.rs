//! Tests of `api`.

use serde_json::json;

use super::*;

#[test]
fn a_nullable_field_tells_absent_from_null() {
    let cases = [
        (json!({}), Nullable::Absent),
        (json!({ "current_task_id": null }), Nullable::Null),
        (json!({ "current_task_id": "task-123" }), Nullable::Value("task-123".to_owned())),
    ];
    for (body, expected) in cases {
        let read: HeartbeatBody = serde_json::from_value(body.clone()).unwrap();
        assert_eq!(read.current_task_id, expected);
        assert_eq!(serde_json::to_value(&read).unwrap(), body, "and is sent as it was read");
    }
}

#[test]
fn times_keep_their_milliseconds() {
    let text = json!("2026-01-19T08:30:00.007Z");
    let time: Time = serde_json::from_value(text.clone()).unwrap();
    assert_eq!(serde_json::to_value(time).unwrap(), text);
}

#[test]
fn times_are_written_as_the_core_shows_them() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let edges = [0, -1, 951_782_399_999, 951_782_400_000, 253_402_300_799_999, 253_402_300_800_000, i64::MAX, i64::MIN];
    // Every day of four centuries, and anything.
    let days = (0..146_100).map(|day| day * 86_400_000 + 1);
    let any = (0..10_000).map(|_| random.i64(-1000..253_402_300_800_000));
    for millis in edges.into_iter().chain(days).chain(any) {
        let time = Time(rekindle_core::Timestamp::from_millis(millis));
        assert_eq!(serde_json::to_value(time).unwrap(), json!(time.0.to_string()), "{millis}");
    }
}

#[test]
fn codes_are_written_as_they_are_named() {
    for code in [ErrorCode::ValidationFailed, ErrorCode::ApiKeyMalformed, ErrorCode::Internal] {
        assert_eq!(serde_json::to_value(code).unwrap(), json!(code.as_str()));
    }
}

#[test]
fn statuses_are_the_cores() {
    for status in rekindle_core::TaskStatus::ALL {
        assert_eq!(serde_json::to_value(TaskStatus::from(status)).unwrap(), json!(status.as_str()));
        assert_eq!(rekindle_core::TaskStatus::from(TaskStatus::from(status)), status);
    }
    for status in rekindle_core::SessionStatus::ALL {
        assert_eq!(serde_json::to_value(SessionStatus::from(status)).unwrap(), json!(status.as_str()));
    }
    for status in rekindle_core::MachineStatus::ALL {
        assert_eq!(serde_json::to_value(MachineStatus::from(status)).unwrap(), json!(status.as_str()));
    }
}
