//! Addresses: an id stays one part of the path, whatever it holds.

use super::*;

fn built(base: &str, path: &str, id: Option<&str>) -> String {
    address(&Url::parse(base).unwrap(), path, id).unwrap().to_string()
}

#[test]
fn a_path_goes_below_the_url() {
    let health = "/api/sessions/{id}/health";
    assert_eq!(built("http://h:1", health, Some("x")), "http://h:1/api/sessions/x/health");
    assert_eq!(built("http://h:1/behind/a/proxy/", "/api/tasks", None), "http://h:1/behind/a/proxy/api/tasks");
}

#[test]
fn an_id_cannot_leave_its_part() {
    let machine = |id| built("http://h", "/api/machines/{id}", Some(id));
    assert_eq!(machine("a/b?c#d e"), "http://h/api/machines/a%2Fb%3Fc%23d%20e");
    assert_eq!(machine("%2F"), "http://h/api/machines/%252F");
    let url = Url::parse("http://h").unwrap();
    for id in ["", ".", ".."] {
        let refused = address(&url, "/api/machines/{id}", Some(id));
        assert!(matches!(refused, Err(ClientError::InvalidId(_))), "{id:?}");
    }
}
