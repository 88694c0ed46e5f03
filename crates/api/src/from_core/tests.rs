//! The API and the core have the same texts.

use serde_json::json;

use super::*;

#[test]
fn times_are_written_as_the_core_shows_them() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let first = -62_167_219_200_000;
    let edges = [
        first - 1,
        first,
        first + 5_184_000_000,
        0,
        -1,
        951_782_399_999,
        951_782_400_000,
        253_402_300_799_999,
        253_402_300_800_000,
        i64::MAX,
        i64::MIN,
    ];
    // Every day of four centuries, and anything.
    let days = (0..146_100).map(|day| day * 86_400_000 + 1);
    let any = (0..10_000).map(|_| random.i64(first - 1000..253_402_300_800_000));
    for millis in edges.into_iter().chain(days).chain(any) {
        let timestamp = Timestamp::from_millis(millis);
        let time = Time::from(timestamp);
        assert_eq!(serde_json::to_value(time).unwrap(), json!(timestamp.to_string()), "{millis}");
        assert_eq!(time.to_string(), timestamp.to_string());
    }
}

#[test]
fn statuses_are_the_cores() {
    for status in rekindle_core::TaskStatus::ALL {
        assert_eq!(serde_json::to_value(TaskStatus::from(status)).unwrap(), json!(status.as_str()));
        assert_eq!(rekindle_core::TaskStatus::from(TaskStatus::from(status)), status);
    }
    for status in rekindle_core::SessionStatus::ALL {
        assert_eq!(rekindle_core::SessionStatus::from(SessionStatus::from(status)), status);
        assert_eq!(serde_json::to_value(SessionStatus::from(status)).unwrap(), json!(status.as_str()));
    }
    for status in rekindle_core::MachineStatus::ALL {
        assert_eq!(rekindle_core::MachineStatus::from(MachineStatus::from(status)), status);
        assert_eq!(serde_json::to_value(MachineStatus::from(status)).unwrap(), json!(status.as_str()));
    }
}

#[test]
fn texts_that_are_no_value_are_refused_in_the_words_of_the_core() {
    let words = |error: rekindle_core::InvalidValue| error.to_string();
    assert_eq!(
        "x".parse::<SessionStatus>().unwrap_err().to_string(),
        words("x".parse::<rekindle_core::SessionStatus>().unwrap_err())
    );
    assert_eq!(
        "x".parse::<TaskStatus>().unwrap_err().to_string(),
        words("x".parse::<rekindle_core::TaskStatus>().unwrap_err())
    );
    assert_eq!(
        "x".parse::<MachineStatus>().unwrap_err().to_string(),
        words("x".parse::<rekindle_core::MachineStatus>().unwrap_err())
    );
    assert_eq!("x".parse::<Role>().unwrap_err().to_string(), words("x".parse::<api_key::Role>().unwrap_err()));
    assert_eq!("x".parse::<Time>().unwrap_err().to_string(), words("x".parse::<Timestamp>().unwrap_err()));
}
