//! One process runs the detection job. When it is killed, another takes over soon, and each silence is marked once.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bson::doc;
use rekindle_mongod::{Nodes, Options};
use reqwest::StatusCode;
use serde_json::json;

use crate::database::Database;
use crate::ledger::text;
use crate::server::{Api, Server, note, until};

/// How soon another process must have the lease.
const SOON: Duration = Duration::from_secs(10);

const SETTINGS: &[(&str, &str)] = &[("STALL_THRESHOLD_MS", "1500"), ("DETECT_INTERVAL_MS", "250")];

/// Whether a server reports that it runs the detection job.
fn detects(server: &Server) -> bool {
    let said = server.said(|line| {
        line["message"] == "This process now does this background job" && line["context"]["job_name"] == "detector"
    });
    !said.is_empty()
}

/// Creates a session that falls silent at once, and returns its id.
async fn silent(api: &Api, machine: &str) -> String {
    let body = json!({ "project_id": "p", "machine_id": machine });
    text(&api.post("/api/sessions", &body).await.unwrap().expect(StatusCode::CREATED), "session_id")
}

/// Waits until a session is stalled, and asserts that this was recorded once.
async fn stalled_once(api: &Api, database: &Database, id: &str) {
    until("the silent session is stalled", || async {
        let session = api.get(&format!("/api/sessions/{id}")).await?.expect(StatusCode::OK);
        (session["status"] == "stalled").then_some(())
    })
    .await;
    let query = doc! { "kind": "session.stalled", "session_id": id };
    let counted = database.command(&database.name, doc! { "count": "events", "query": query }).await;
    assert_eq!(counted.get_i32("n").unwrap(), 1, "{counted}");
}

/// One node is enough: the lease does not depend on the number of members.
pub(crate) async fn a_killed_detector_is_replaced_within_ten_seconds(binary: PathBuf) {
    let nodes = Nodes::start(Options::at(binary)).unwrap();
    let database = Database::at(&nodes.uri());
    let mut servers = Vec::new();
    for _ in 0..2 {
        let server = Server::start(&database.uri, &database.name, SETTINGS).await;
        server.ready().await;
        servers.push(server);
    }
    let mut times = Vec::new();
    for round in 0..2 {
        let holder = until("somebody detects", || async { servers.iter().position(detects) }).await;
        assert_eq!(servers.iter().filter(|server| detects(server)).count(), 1, "two processes have one duty");
        let mut holder = servers.remove(holder);
        let api = servers[0].api.clone();
        let before = silent(&api, &format!("before-{round}")).await;
        stalled_once(&api, &database, &before).await;
        // The successor finds this session.
        let next = silent(&api, &format!("next-{round}")).await;
        note(format!("round {round}: process {} detects, and is killed", holder.pid()));
        let killed = Instant::now();
        holder.kill();
        until("the other detects", || async { detects(&servers[0]).then_some(()) }).await;
        times.push(killed.elapsed());
        stalled_once(&api, &database, &next).await;
        note(format!("round {round}: detection taken over after {:.1?}", times[round]));
        note(format!("round {round}: the next silence marked {:.1?} after the kill", killed.elapsed()));
        let server = Server::start(&database.uri, &database.name, SETTINGS).await;
        server.ready().await;
        servers.push(server);
    }
    assert!(times.iter().all(|time| *time <= SOON), "{times:?}");
    drop(servers);
    let broken = database.broken().await;
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
