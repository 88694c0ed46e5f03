//! Which values are accepted and which are refused.

use super::*;

#[test]
fn spans_and_objects_are_parsed() {
    assert_eq!(span("20"), Ok(Duration::from_secs(20)));
    assert_eq!(span("1m30s"), Ok(Duration::from_secs(90)));
    assert!(span("50ms").is_err() && span("0").is_err() && span("soon").is_err() && span("-1").is_err());
    assert_eq!(object(r#"{"k":1}"#).unwrap()["k"], 1);
    assert!(object("[1]").is_err() && object("k=1").is_err() && object("").is_err());
}

#[test]
fn an_incomplete_id_is_refused_with_a_hint() {
    assert!(id("6fa459ea-ee8a-4ca4-894e-db77e160355e").is_ok());
    assert!(id("6fa459ea").unwrap_err().contains("`list` shows them"));
}
