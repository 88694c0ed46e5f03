//! Which errors are temporary.

use rekindle_api::{Detail, ErrorBody, Time};

use super::*;
use crate::error::{Refused, Unreachable};

fn refused(code: &str, details: &[(&str, &str)]) -> CliError {
    let details =
        details.iter().map(|(field, message)| Detail { field: (*field).to_owned(), message: (*message).to_owned() });
    let body = ErrorBody {
        status_code: 409,
        error: "Conflict".to_owned(),
        message: "no".to_owned(),
        timestamp: Time::from_millis(0),
        path: "/api/sessions".to_owned(),
        request_id: Uuid::nil(),
        code: code.to_owned(),
        details: details.collect(),
    };
    CliError::Refused(Box::new(Refused { body, advice: Vec::new(), retry_after: None }))
}

#[test]
fn an_unreachable_server_is_temporary() {
    let lost = Unreachable { url: "http://x".to_owned(), what: "refused".to_owned(), advice: "look".to_owned() };
    assert!(matches!(Trouble::from(CliError::Unreachable(lost)), Trouble::Passing(_)));
    assert!(matches!(Trouble::from(refused("rate_limited", &[])), Trouble::Passing(_)));
    assert!(matches!(Trouble::from(refused("api_key_invalid", &[])), Trouble::Passing(_)));
}

#[test]
fn an_ended_session_names_its_successor() {
    let successor = "6fa459ea-ee8a-4ca4-894e-db77e160355e";
    let named = Trouble::from(refused("session_ended", &[("successor_session_id", successor)]));
    assert_eq!(named, Trouble::Superseded(Uuid::try_parse(successor).unwrap()));
    assert!(matches!(Trouble::from(refused("session_ended", &[])), Trouble::Ended(_)));
}

#[test]
fn every_other_refusal_is_permanent() {
    assert!(matches!(Trouble::from(refused("not_found", &[])), Trouble::Final(_)));
    assert!(matches!(Trouble::from(refused("session_conflict", &[])), Trouble::Final(_)));
    assert!(matches!(Trouble::from(CliError::Conflict("no".to_owned())), Trouble::Final(_)));
}
