//! Addresses: whatever an id holds, it stays one part of the path.

use super::*;

fn built(base: &str, path: &[&str]) -> String {
    address(&Url::parse(base).unwrap(), path).unwrap().to_string()
}

#[test]
fn a_path_goes_below_api() {
    assert_eq!(built("http://h:1", &["sessions", "x", "health"]), "http://h:1/api/sessions/x/health");
    assert_eq!(built("http://h:1/behind/a/proxy/", &["tasks"]), "http://h:1/behind/a/proxy/api/tasks");
}

#[test]
fn an_id_cannot_leave_its_part() {
    assert_eq!(built("http://h", &["machines", "a/b?c#d e"]), "http://h/api/machines/a%2Fb%3Fc%23d%20e");
    assert_eq!(built("http://h", &["machines", "%2F"]), "http://h/api/machines/%252F");
}
