//! 5.1: structured logs. The log service of the requirements is represented by the log of a real process.

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::logged::Process;

fn request_id(response: &Response) -> String {
    response.headers()["x-request-id"].to_str().unwrap().to_owned()
}

/// Creates a session. Returns its id and that of the request.
async fn session(process: &Process) -> (String, String) {
    let body = json!({ "project_id": "acceptance", "machine_id": "m-1" });
    let response = process.request(Method::POST, "/api/sessions").json(&body).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let request_id = request_id(&response);
    (response.json::<Value>().await.unwrap()["session_id"].as_str().unwrap().to_owned(), request_id)
}

#[tokio::test]
async fn test_5_1_a_the_log_of_a_request_is_found_by_the_id_in_its_response() {
    let mut process = Process::start(&[]).await;
    let answered = process.request(Method::GET, "/api/sessions").send().await.unwrap();
    let refused = process.request(Method::GET, "/api/sessions?limit=0").send().await.unwrap();
    let unknown = process.bare(Method::GET, "/api/sessions").send().await.unwrap();
    for (response, status) in [(answered, 200), (refused, 400), (unknown, 401)] {
        assert_eq!(response.status(), status);
        let id = request_id(&response);
        let line = process.until("the request", |line| line["context"]["request_id"] == id.as_str()).await;
        assert_eq!(
            (&line["context"]["endpoint"], &line["context"]["status"]),
            (&json!("/api/sessions"), &json!(status))
        );
        assert!(line["timestamp"].is_string() && line["level"].is_string() && line["message"].is_string());
        assert_eq!(process.lines_with("request_id", &id).len(), 1);
    }
    assert!(process.stop().await.success());
}

#[tokio::test]
async fn test_5_1_b_a_created_session_is_logged_with_its_project_and_machine() {
    let mut process = Process::start(&[]).await;
    let (id, _) = session(&process).await;
    let line = process.until("the session", |line| line["context"]["session_id"] == id.as_str()).await;
    assert_eq!((&line["level"], &line["message"]), (&json!("INFO"), &json!("Session created")));
    let context = &line["context"];
    assert_eq!((&context["project_id"], &context["machine_id"]), (&json!("acceptance"), &json!("m-1")));
    assert!(process.stop().await.success());
}

/// The error is caused by a row that another program has corrupted.
#[tokio::test]
async fn test_5_1_c_an_error_is_in_the_log_within_a_minute() {
    let mut process = Process::start(&[]).await;
    let (id, _) = session(&process).await;
    let database = rusqlite::Connection::open(process.folder.path().join("rekindle.db")).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
    database.execute("UPDATE sessions SET metadata = '{spoilt'", []).unwrap();
    let response = process.request(Method::GET, &format!("/api/sessions/{id}")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let request = request_id(&response);
    let of_ours = |line: &Value| line["level"] == "ERROR" && line["context"]["request_id"] == request.as_str();
    let line = process.until("the error", of_ours).await;
    assert_eq!(line["context"]["session_id"], id);
    assert!(line["context"]["cause"].is_string(), "{line}");
    assert!(process.stop().await.success());
}

#[tokio::test]
async fn test_5_1_d_the_lines_of_a_session_are_found_by_its_id() {
    let mut process = Process::start(&[("LOG_LEVEL", "debug")]).await;
    let (id, _) = session(&process).await;
    let beat = process.request(Method::POST, &format!("/api/sessions/{id}/heartbeat")).send().await.unwrap();
    assert_eq!(beat.status(), StatusCode::OK);
    let request = request_id(&beat);
    process.until("the heartbeat", |line| line["context"]["request_id"] == request.as_str()).await;
    let messages: Vec<_> = process.lines_with("session_id", &id).iter().map(|line| line["message"].clone()).collect();
    assert_eq!(messages, ["Session created", "Heartbeat received"]);
    assert!(process.stop().await.success());
}

#[tokio::test]
async fn test_5_1_e_the_request_id_header_is_a_uuid_and_is_in_the_log() {
    let mut process = Process::start(&[]).await;
    let (session, request) = session(&process).await;
    let id: uuid::Uuid = request.parse().unwrap();
    assert_eq!((id.get_version_num(), id.to_string()), (4, request.clone()));
    let line = process.until("the session", |line| line["context"]["session_id"] == session.as_str()).await;
    assert_eq!(line["context"]["request_id"], request);
    assert!(process.stop().await.success());
}
