//! How long to wait after an error.

use rekindle_api::Time;
use uuid::Uuid;

use super::*;

fn refused(code: &str, retry_after: Option<u64>) -> CliError {
    let body = ErrorBody {
        status_code: 429,
        error: "Too Many Requests".to_owned(),
        message: "not now".to_owned(),
        timestamp: Time::from_millis(0),
        path: "/api/sessions".to_owned(),
        request_id: Uuid::nil(),
        code: code.to_owned(),
        details: Vec::new(),
    };
    let retry_after = retry_after.map(Duration::from_secs);
    CliError::Refused(Box::new(Refused { body, advice: Vec::new(), retry_after }))
}

#[test]
fn the_wait_is_the_retry_after_of_the_server_up_to_a_limit() {
    assert_eq!(refused("rate_limited", Some(7)).retry_after(), Duration::from_secs(7));
    assert_eq!(refused("rate_limited", None).retry_after(), Duration::ZERO);
    assert_eq!(refused("rate_limited", Some(u64::MAX)).retry_after(), Duration::from_secs(60));
    assert_eq!(CliError::Conflict("no".to_owned()).retry_after(), Duration::ZERO);
}

#[test]
fn only_an_exceeded_rate_limit_is_temporary() {
    assert!(refused("rate_limited", None).is_for_now());
    assert!(!refused("session_ended", Some(1)).is_for_now());
    assert!(!CliError::Usage("no".to_owned()).is_for_now());
}
