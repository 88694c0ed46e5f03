//! A server that is killed during transactions leaves them open in the database, where each locks the rows that it has
//! written. Tests how long requests of another server for the same rows wait.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rekindle_mongod::{Nodes, Options};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::task::JoinSet;

use crate::database::Database;
use crate::ledger::text;
use crate::server::{Api, Server, note, until};

const ROUNDS: usize = 10;

/// The number of contended rows.
const ROWS: usize = 12;

/// The longest that a request may wait for a dead process.
const BEARABLE: Duration = Duration::from_secs(15);

/// When each row was last changed through a server.
type Changed = Arc<Mutex<Vec<Instant>>>;

/// Clients that change all rows through one server, until this value is dropped.
struct Workers {
    changed: Changed,
    _clients: JoinSet<()>,
}

impl Workers {
    fn on(api: &Api, sessions: &[String]) -> Self {
        let changed: Changed = Arc::new(Mutex::new(vec![Instant::now(); 2 * ROWS]));
        let mut clients = JoinSet::new();
        for (row, session) in sessions.iter().enumerate() {
            let (client, session, noted) = (api.clone(), session.clone(), Arc::clone(&changed));
            clients.spawn(async move { toggle(&client, &session, row, &noted).await });
            let (client, noted) = (api.clone(), Arc::clone(&changed));
            clients.spawn(async move { come_and_go(&client, row, &noted).await });
        }
        Self { changed, _clients: clients }
    }

    /// Returns a row that was not changed since then, if there is one.
    fn left_since(&self, since: Instant) -> Option<usize> {
        let changed = self.changed.lock().unwrap();
        changed.iter().position(|changed| *changed < since)
    }
}

/// Pauses and resumes one session repeatedly: a put and an event.
async fn toggle(api: &Api, session: &str, row: usize, changed: &Changed) {
    let path = format!("/api/sessions/{session}");
    for n in 0_u64.. {
        let body = json!({ "status": if n % 2 == 0 { "paused" } else { "active" } });
        if api.ask(Method::PATCH, &path, Some(&body)).await.is_some_and(|answer| answer.status == StatusCode::OK) {
            changed.lock().unwrap()[row] = Instant::now();
        }
    }
}

/// Creates and ends sessions where only one can exist: an insert into a unique index and an event.
async fn come_and_go(api: &Api, row: usize, changed: &Changed) {
    let place = json!({ "project_id": "come and go", "machine_id": format!("m{row}") });
    loop {
        let Some(answer) = api.post("/api/sessions", &place).await else { continue };
        let id = match answer.status {
            StatusCode::CREATED => text(&answer.body, "session_id"),
            StatusCode::CONFLICT => text(&answer.body["details"][0], "message"),
            _ => continue,
        };
        // Every client may end it, and several may try.
        let (path, body) = (format!("/api/sessions/{id}"), json!({ "status": "completed" }));
        if api.ask(Method::PATCH, &path, Some(&body)).await.is_some_and(|answer| answer.status == StatusCode::OK) {
            changed.lock().unwrap()[ROWS + row] = Instant::now();
        }
    }
}

pub(crate) async fn a_server_killed_in_a_transaction_delays_no_other(binary: PathBuf) {
    let nodes = Nodes::start(Options::at(binary)).unwrap();
    let database = Database::at(&nodes.uri());
    let survivor = Server::start(&database.uri, &database.name, &[]).await;
    survivor.ready().await;
    let mut sessions = Vec::new();
    for row in 0..ROWS {
        let body = json!({ "project_id": "toggled", "machine_id": format!("m{row}") });
        let answer = survivor.api.post("/api/sessions", &body).await.unwrap();
        sessions.push(text(&answer.expect(StatusCode::CREATED), "session_id"));
    }
    let workers = Workers::on(&survivor.api, &sessions);
    let mut stalls = Vec::new();
    for round in 0..ROUNDS {
        let mut victim = Server::start(&database.uri, &database.name, &[]).await;
        victim.ready().await;
        let victims = Workers::on(&victim.api, &sessions);
        let began = Instant::now();
        until("the victim works", || async { victims.left_since(began).is_none().then_some(()) }).await;
        // A different moment in each round.
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..100))).await;
        victim.kill();
        let killed = Instant::now();
        drop(victims);
        until("the survivor has changed every row", || async {
            let left = workers.left_since(killed);
            assert!(killed.elapsed() < BEARABLE, "round {round}: row {left:?} is held by a dead process");
            left.is_none().then_some(())
        })
        .await;
        stalls.push(killed.elapsed());
    }
    note(format!("after each kill every row was changed again within: {stalls:.1?}"));
    drop((workers, survivor));
    let broken = database.broken().await;
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
