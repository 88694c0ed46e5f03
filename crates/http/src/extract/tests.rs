//! Tests of `extract`.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::test::TestRequest;
use actix_web::web::Bytes;
use rekindle_core::FieldUpdate;
use rekindle_core::use_cases::IfMatch;

use super::precondition::read;
use super::*;
use crate::error::ApiError;

fn body(text: &'static str) -> Body {
    Body(Bytes::from_static(text.as_bytes()))
}

fn fields(error: &ApiError) -> Vec<&str> {
    error.details.iter().map(|detail| detail.field.as_str()).collect()
}

#[test]
fn every_bad_field_is_named_at_once() {
    let wrong = r#"{"project_id": 7, "machine_id": " ", "docker_slot": 1.5, "metadata": [1]}"#;
    let error = new_session(&body(wrong)).unwrap_err();
    assert_eq!(fields(&error), ["project_id", "machine_id", "docker_slot", "metadata"]);
    let error = new_session(&body("")).unwrap_err();
    assert_eq!(fields(&error), ["project_id", "machine_id"]);
    let error = new_session(&body(r#"{"project_id": null, "machine_id": "a/b"}"#)).unwrap_err();
    assert_eq!(fields(&error), ["project_id", "machine_id"]);
}

#[test]
fn what_is_no_object_is_named_as_the_body() {
    for text in ["{", "[]", "7", "null", "\u{1}", "{\"a\":1}x"] {
        let error = new_session(&body(text)).unwrap_err();
        assert_eq!(fields(&error), ["body"], "{text}");
    }
}

#[test]
fn slots_are_small_integers() {
    let slot = |text: &str| {
        let text = format!(r#"{{"project_id":"p","machine_id":"m","docker_slot":{text}}}"#);
        new_session(&Body(Bytes::from(text))).map(|new| new.docker_slot.map(|slot| slot.0))
    };
    assert_eq!(slot("65535").unwrap(), Some(65535));
    assert_eq!(slot("3.0").unwrap(), Some(3));
    assert_eq!(slot("null").unwrap(), None);
    for text in ["-1", "65536", "1.5", "1e300", "99999999999999999999", "\"1\"", "true", "[1]"] {
        assert_eq!(fields(&slot(text).unwrap_err()), ["docker_slot"], "{text}");
    }
}

#[test]
fn the_servers_keys_are_refused_one_by_one() {
    let text = r#"{"metadata": {"archived": null, "recovery": {}, "mine": 1}}"#;
    let expected = ["metadata.archived", "metadata.recovery"];
    assert_eq!(fields(&patch_session(&body(text), None).unwrap_err()), expected);
    assert_eq!(fields(&beat(&body(text)).unwrap_err()), expected);
    assert!(patch_task(&body(text), None).is_ok(), "on tasks they are the client's");
}

#[test]
fn an_error_message_belongs_to_failed() {
    let bad = [r#"{"status":"failed"}"#, r#"{"error_message":"x"}"#, r#"{"status":"paused","error_message":"x"}"#];
    for text in bad {
        assert_eq!(fields(&patch_session(&body(text), None).unwrap_err()), ["error_message"], "{text}");
    }
    assert_eq!(fields(&patch_task(&body(r#"{"status":"failed"}"#), None).unwrap_err()), ["error_message"]);
    assert!(patch_session(&body(r#"{"status":"failed","error_message":"x"}"#), None).is_ok());
    let both = patch_session(&body(r#"{"status":"gone","error_message":7}"#), None).unwrap_err();
    assert_eq!(fields(&both), ["status", "error_message"]);
}

#[test]
fn absent_null_and_a_value_are_three_things() {
    assert_eq!(beat(&body("{}")).unwrap().current_task, FieldUpdate::Keep);
    assert_eq!(beat(&body(r#"{"current_task_id":null}"#)).unwrap().current_task, FieldUpdate::Clear);
    assert!(matches!(beat(&body(r#"{"current_task_id":"t"}"#)).unwrap().current_task, FieldUpdate::Set(_)));
    assert_eq!(fields(&beat(&body(r#"{"metadata":null}"#)).unwrap_err()), ["metadata"]);
}

#[test]
fn every_bad_parameter_is_named_at_once() {
    let query = "/?status=gone&archived=1&lineage_id=7&limit=0&offset=-1&cursor=x&project_id=&unknown=1";
    let params = Params::of(&TestRequest::with_uri(query).to_http_request());
    let error = session_filter(params).unwrap_err();
    assert_eq!(fields(&error), ["project_id", "status", "archived", "lineage_id", "limit", "offset", "cursor"]);
    let cursor = "0".repeat(48);
    let query = format!("/?cursor={cursor}&offset=0");
    let params = Params::of(&TestRequest::with_uri(&query).to_http_request());
    assert_eq!(fields(&session_filter(params).unwrap_err()), ["offset"]);
    let params = Params::of(&TestRequest::with_uri("/?limit=7&limit=9").to_http_request());
    assert_eq!(session_filter(params).unwrap().1.request.limit, 9, "the last one counts");
}

#[test]
fn if_match_is_a_star_or_revisions_in_quotes() {
    let read = |value: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("if-match"), HeaderValue::from_str(value).unwrap());
        read(&headers).map(Option::unwrap)
    };
    assert_eq!(read("*"), Ok(IfMatch::Any));
    assert_eq!(read("\"3\""), Ok(IfMatch::Revisions(vec![3])));
    assert_eq!(read("\"1\", \"2\""), Ok(IfMatch::Revisions(vec![1, 2])));
    assert_eq!(read("\"99999999999999999999999\""), Ok(IfMatch::Revisions(vec![])));
    for bad in ["", "3", "W/\"3\"", "\"\"", "\"a\"", "\"1\",", "\"1\" \"2\"", "\"-1\""] {
        assert!(read(bad).is_err(), "{bad}");
    }
}
