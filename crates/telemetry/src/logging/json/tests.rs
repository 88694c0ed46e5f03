//! Tests of `logging::json`.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::layer::SubscriberExt;

use super::*;

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn logged(log: impl FnOnce()) -> String {
    let kept = Kept::default();
    let writer = kept.clone();
    let layer = tracing_subscriber::fmt::layer().event_format(Json).with_writer(move || writer.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
    let bytes = kept.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_line_has_the_documented_shape() {
    let line = logged(|| {
        let none: Option<&str> = None;
        tracing::warn!(session_id = "abc", count = 7_u64, took = 1.5, none, "two\nlines \"quoted\"");
    });
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.starts_with("{\"timestamp\":\"20"), "{line}");
    let mut read: Value = serde_json::from_str(&line).unwrap();
    let timestamp = read.as_object_mut().unwrap().remove("timestamp").unwrap();
    assert!(timestamp.as_str().unwrap().parse::<rekindle_core::Timestamp>().is_ok());
    let context = json!({ "session_id": "abc", "count": 7, "took": 1.5 });
    assert_eq!(read, json!({ "level": "WARN", "message": "two\nlines \"quoted\"", "context": context }));
}
