//! Bodies are read and written as they are documented.

use serde::Serialize;
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

/// Checks that `as_str` and JSON agree.
fn texts_agree<T: Copy + Serialize>(values: &[T], as_str: fn(T) -> &'static str) {
    for value in values {
        assert_eq!(serde_json::to_value(value).unwrap(), json!(as_str(*value)));
    }
}

#[test]
fn enums_have_the_same_text_in_json_and_elsewhere() {
    texts_agree(ErrorCode::ALL, ErrorCode::as_str);
    texts_agree(SessionStatus::ALL, SessionStatus::as_str);
    texts_agree(TaskStatus::ALL, TaskStatus::as_str);
    texts_agree(MachineStatus::ALL, MachineStatus::as_str);
    texts_agree(Role::ALL, Role::as_str);
}
