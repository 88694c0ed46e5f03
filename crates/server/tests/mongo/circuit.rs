//! The responses while the database is gone for longer than any time limit, and after it is back.

use std::path::PathBuf;
use std::time::Instant;

use rekindle_mongod::{Nodes, Options};
use reqwest::StatusCode;
use serde_json::json;

use crate::database::Database;
use crate::server::{Server, note, until};

pub(crate) async fn test_5_2_e_six_requests_without_a_database_open_the_circuit(binary: PathBuf) {
    let mut nodes = Nodes::start(Options::at(binary)).unwrap();
    let database = Database::at(&nodes.uri());
    let server = Server::start(&database.uri, &database.name, &[("STORE_TIMEOUT_MS", "3000")]).await;
    server.ready().await;
    let body = json!({ "project_id": "p", "machine_id": "m" });
    let session = server.api.post("/api/sessions", &body).await.unwrap().expect(StatusCode::CREATED);
    let path = format!("/api/sessions/{}", session["session_id"].as_str().unwrap());
    nodes.kill(0);
    let gone = Instant::now();
    let mut responses = Vec::new();
    // The server's own jobs fail as well, so the circuit may open earlier.
    for _ in 0..6 {
        let answer = server.api.get(&path).await.unwrap();
        assert!(matches!(answer.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT), "{answer:?}");
        responses.push(answer);
    }
    note(format!("six requests took {:.1?}", gone.elapsed()));
    let sixth = responses.pop().unwrap();
    assert!(sixth.retry_after.is_some());
    let message = sixth.expect(StatusCode::SERVICE_UNAVAILABLE);
    assert!(message["message"].as_str().unwrap().contains("the circuit to the store is open"), "{message}");
    let opened = server.said(|line| line["level"] == "WARN" && line["message"].to_string().contains("circuit"));
    assert!(!opened.is_empty(), "the log says that it opened");
    nodes.restart(0).unwrap();
    nodes.settled().unwrap();
    let back = Instant::now();
    until("the server gets over it by itself", || async {
        let answer = server.api.get(&path).await?;
        (answer.status == StatusCode::OK).then_some(())
    })
    .await;
    note(format!("served again {:.1?} after the database was back", back.elapsed()));
}
