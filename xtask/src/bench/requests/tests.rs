//! The bytes of requests.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use rekindle_core::SessionId;

use super::{beats, creates, recovers};

const KEY: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";

#[test]
fn a_heartbeat_is_a_complete_request_for_its_session() {
    let ids: Vec<SessionId> = [KEY, "11111111-2222-4333-8444-555555555555"].map(|id| id.parse().unwrap()).to_vec();
    let render = beats(&ids, KEY);
    let mut request = Vec::new();
    render(3, &mut request);
    assert_eq!(
        String::from_utf8(request).unwrap(),
        "POST /api/sessions/11111111-2222-4333-8444-555555555555/heartbeat HTTP/1.1\r\nHost: 127.0.0.1\r\n\
         X-API-Key: 6fa459ea-ee8a-4ca4-894e-db77e160355e\r\nContent-Length: 0\r\n\r\n"
    );
}

#[test]
fn each_create_is_for_a_project_of_its_own() {
    let render = creates(&Arc::new(AtomicU64::new(0)), KEY);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    render(0, &mut first);
    render(0, &mut second);
    assert_ne!(first, second);
    let text = String::from_utf8(first).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.ends_with(&format!("Content-Length: {}", body.len())));
}

#[test]
fn each_recovery_is_of_the_next_session() {
    let ids: Vec<SessionId> = [KEY, "11111111-2222-4333-8444-555555555555"].map(|id| id.parse().unwrap()).to_vec();
    let render = recovers(&ids, KEY);
    for (number, id) in (0..).zip(&ids) {
        let mut request = Vec::new();
        render(number, &mut request);
        let text = String::from_utf8(request).unwrap();
        assert!(text.starts_with(&format!("POST /api/sessions/{id}/recover HTTP/1.1\r\n")), "{text}");
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("Content-Length: {}", body.len())));
    }
}
