//! Tests of `trace`, without an exporter.

use actix_web::http::header::{HeaderName, HeaderValue};

use rekindle_telemetry::traces::current_ids;

use super::*;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn of(values: &[&str]) -> Option<SpanIds> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(HeaderName::from_static(TRACEPARENT), HeaderValue::from_str(value).unwrap());
    }
    caller(&headers).as_ref().and_then(ids)
}

/// Runs a function within a trace.
fn within<T>(trace: &RequestTrace, run: impl FnOnce() -> T) -> T {
    let _caller = CallerScope::enter(trace.caller);
    trace.span.in_scope(run)
}

#[test]
fn a_valid_traceparent_is_the_callers_and_anything_else_is_none() {
    let valid = format!("00-{TRACE}-{SPAN}-01");
    let (trace, span) = of(&[&valid]).unwrap();
    assert_eq!((trace.to_string(), span.to_string()), (TRACE.to_owned(), SPAN.to_owned()));
    let zeros = format!("00-{}-{SPAN}-01", "0".repeat(32));
    for wrong in ["", "x", "00-1-2-01", zeros.as_str(), &valid[..54], &valid.to_uppercase()] {
        assert_eq!(of(&[wrong]), None, "{wrong}");
    }
    assert_eq!(of(&[&valid, &valid]), None, "two callers are none");
    assert_eq!(of(&[]), None);
}

#[test]
fn a_caller_is_the_current_one_while_its_request_is_worked_on() {
    let ids = of(&[&format!("00-{TRACE}-{SPAN}-00")]);
    let trace = RequestTrace { span: Span::none(), caller: ids };
    assert_eq!(current_ids(), None);
    assert_eq!(within(&trace, current_ids), Some((TRACE.to_owned(), SPAN.to_owned())));
    assert_eq!(current_ids(), None, "and no longer");
}

#[test]
fn unknown_method_is_not_part_of_the_span_name() {
    assert_eq!(method(&Method::PATCH), "PATCH");
    assert_eq!(method(&Method::from_bytes(b"WHATEVER-7").unwrap()), "_OTHER");
}
