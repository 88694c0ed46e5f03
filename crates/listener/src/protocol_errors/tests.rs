//! Tests of `protocol_errors`.

use serde_json::{Value, json};

use super::*;

pub(crate) fn error_body(error: &ProtocolError) -> String {
    let ProtocolError { status, code, message, request_id } = error;
    let id = request_id.to_string();
    json!({ "statusCode": status.as_u16(), "code": code, "message": message, "request_id": id }).to_string()
}

fn body(answer: &[u8]) -> Value {
    let text = std::str::from_utf8(answer).unwrap();
    serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn a_status_without_words_gets_the_envelope() {
    for (status, code) in [
        ("400 Bad Request", "validation_failed"),
        ("408 Request Timeout", "timeout"),
        ("431 Request Header Fields Too Large", "payload_too_large"),
    ] {
        let said = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n");
        let answer = rewrite_error(said.as_bytes(), None, error_body).unwrap();
        assert!(answer.starts_with(format!("HTTP/1.1 {status}\r\n").as_bytes()), "{status}");
        let body = body(&answer);
        assert_eq!((body["code"].as_str(), body["statusCode"].as_u64()), (Some(code), status[..3].parse().ok()));
        assert!(body["request_id"].is_string() && !body["message"].as_str().unwrap().is_empty());
    }
}

#[test]
fn what_has_words_or_is_something_else_goes_out_as_it_is() {
    let id = "x-request-id: 6fa459ea-ee8a-4ca4-894e-db77e160355e\r\n";
    for said in [
        "HTTP/1.1 100 Continue\r\n\r\n".to_owned(),
        "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n".to_owned(),
        format!("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n{id}\r\n"),
        "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}".to_owned(),
        String::new(),
    ] {
        assert_eq!(rewrite_error(said.as_bytes(), None, error_body), None, "{said}");
    }
}
