//! A thousand clients that reset their connection during a request or before its response: no request may be half done,
//! and the server may hold nothing for them afterwards.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bson::{Document, doc};
use reqwest::StatusCode;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::database::Database;
use crate::server::{Api, KEY, Server, note, until};

const RESETS: usize = 1000;
/// The number of concurrent clients.
const CLIENTS: usize = 32;
/// The size limit of the connection pool to MongoDB, and a few connections that monitor the servers.
const POOL: usize = 100 + 8;

/// The sessions that the requests of the clients use, and the counters of the clients.
struct Targets {
    live: Vec<String>,
    stalled: Vec<String>,
    whole: AtomicUsize,
}

pub(crate) async fn a_thousand_reset_connections_leave_no_request_half_done(uri: String) {
    let database = Database::at(&uri);
    let name = database.name.clone();
    let joint = if uri.contains('?') { '&' } else { '?' };
    // The name that identifies the server's connections.
    let named = format!("{uri}{joint}appName={name}");
    let server = Server::start(&named, &name, &[]).await;
    server.ready().await;
    let live = sessions(&server.api, "live", 40).await;
    let stalled = sessions(&server.api, "stalled", 80).await;
    for id in &stalled {
        let answer = server.api.post(&format!("/api/sessions/{id}/mark-stalled"), &json!({})).await.unwrap();
        answer.expect(StatusCode::OK);
    }
    let targets = Arc::new(Targets { live, stalled, whole: AtomicUsize::new(0) });
    let before = Held::of(&server, &database).await;
    break_off(&server.api, &targets, RESETS).await;
    // The system releases a reset connection at once, the server a little later. A leaked one stays.
    let what = format!("no more descriptors than before, which was {before:?}");
    let after = until(&what, || async {
        let after = Held::of(&server, &database).await;
        (after.others <= before.others + 2).then_some(after)
    });
    let after = after.await;
    note(format!("before {before:?}, after {RESETS} resets {after:?}"));
    note(format!("{} of the requests were sent whole", targets.whole.load(Ordering::Relaxed)));
    assert!(after.connections <= POOL, "{after:?}");

    server.ready().await;
    // Heartbeats, creates and recoveries work as before, on the same sessions.
    for id in &targets.live {
        let beat = server.api.post(&format!("/api/sessions/{id}/heartbeat"), &json!({})).await.unwrap();
        beat.expect(StatusCode::OK);
    }
    for id in &targets.stalled {
        let body = json!({ "new_machine_id": format!("after-{id}") });
        let answer = server.api.post(&format!("/api/sessions/{id}/recover"), &body).await.unwrap();
        assert!(answer.status.is_success(), "{answer:?}");
    }
    let more = sessions(&server.api, "after", 10).await;
    assert_eq!(more.len(), 10);
    drop(server);
    let broken = database.broken().await;
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Creates sessions with a task each, concurrently, and returns their ids.
async fn sessions(api: &Api, kind: &'static str, count: usize) -> Vec<String> {
    let mut made = JoinSet::new();
    for number in 0..count {
        let api = api.clone();
        made.spawn(async move {
            let body = json!({ "project_id": kind, "machine_id": format!("{kind}-{number}") });
            let session = api.post("/api/sessions", &body).await.unwrap().expect(StatusCode::CREATED);
            let id = session["session_id"].as_str().unwrap().to_owned();
            let body = json!({ "session_id": id, "project_id": kind, "task_name": "unfinished" });
            api.post("/api/tasks", &body).await.unwrap().expect(StatusCode::CREATED);
            id
        });
    }
    made.join_all().await
}

async fn break_off(api: &Api, targets: &Arc<Targets>, count: usize) {
    let seed = fastrand::u64(..);
    note(format!("seed {seed}"));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (address, targets) = (api.address.parse::<SocketAddr>().unwrap(), Arc::clone(targets));
        let mut random = fastrand::Rng::with_seed(seed.wrapping_add(client as u64));
        clients.spawn(async move {
            for _ in (client..count).step_by(CLIENTS) {
                let request = request(&targets, &mut random);
                reset(address, &request, &targets, &mut random).await;
            }
        });
    }
    // Fails if a client panicked.
    clients.join_all().await;
}

/// Returns a create, a heartbeat or a recovery.
fn request(targets: &Targets, random: &mut fastrand::Rng) -> String {
    let (path, body) = match random.u32(0..3) {
        0 => {
            let body = json!({ "project_id": "broken off", "machine_id": format!("m{}", random.u64(..)) });
            ("/api/sessions".to_owned(), body)
        }
        1 => (format!("/api/sessions/{}/heartbeat", random.choice(&targets.live).unwrap()), json!({})),
        _ => {
            let id = random.choice(&targets.stalled).unwrap();
            (format!("/api/sessions/{id}/recover"), json!({ "new_machine_id": format!("after-{id}") }))
        }
    };
    let body = body.to_string();
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nContent-Type: application/json");
    format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Sends a request or a part of it, and resets the connection at a random moment.
async fn reset(address: SocketAddr, request: &str, targets: &Targets, random: &mut fastrand::Rng) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    // Closing now resets the connection instead of ending it in order.
    stream.set_zero_linger().unwrap();
    let whole = random.u32(0..4) > 0;
    let sent = if whole { request.len() } else { random.usize(1..request.len()) };
    stream.write_all(&request.as_bytes()[..sent]).await.unwrap();
    targets.whole.fetch_add(usize::from(whole), Ordering::Relaxed);
    tokio::time::sleep(Duration::from_micros(random.u64(0..20_000))).await;
}

/// The resources of a server without requests.
#[derive(Debug)]
struct Held {
    /// The number of connections to MongoDB.
    connections: usize,
    /// The number of other open files and sockets.
    others: usize,
}

impl Held {
    /// Waits until there are no connections and no transactions, and counts the resources.
    async fn of(server: &Server, database: &Database) -> Self {
        let port = server.api.address.rsplit_once(':').unwrap().1.parse::<u16>().unwrap();
        until("nobody is connected who is gone", || async { every_end_has_another(port).then_some(()) }).await;
        until("no transaction is open", || async {
            let status = database.command("admin", doc! { "serverStatus": 1 }).await;
            let open = status.get_document("transactions").unwrap().get_i64("currentOpen").unwrap();
            (open == 0).then_some(())
        })
        .await;
        let operations = doc! { "$currentOp": { "allUsers": true, "idleConnections": true } };
        let mine = doc! { "$match": { "appName": &database.name } };
        let ask = doc! { "aggregate": 1, "pipeline": [operations, mine, { "$count": "n" }], "cursor": {} };
        let answer: Document = database.command("admin", ask).await;
        let found = answer.get_document("cursor").unwrap().get_array("firstBatch").unwrap().first();
        let connections = found.map_or(0, |found| found.as_document().unwrap().get_i32("n").unwrap());
        let connections = usize::try_from(connections).unwrap();
        let files = fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count();
        Self { connections, others: files.saturating_sub(connections) }
    }
}

/// Whether each connection of the server on this port also has a client, according to the system's table.
fn every_end_has_another(port: u16) -> bool {
    const ESTABLISHED: &str = "01";
    const CLOSED_BY_THE_OTHER: &str = "08";
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let end = format!(":{port:04X}");
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split_ascii_whitespace().collect()).collect();
    let held = |row: &&Vec<&str>| row[1].ends_with(&end) && [ESTABLISHED, CLOSED_BY_THE_OTHER].contains(&row[3]);
    let clients = rows.iter().filter(|row| row[2].ends_with(&end) && row[3] == ESTABLISHED).count();
    rows.iter().filter(held).count() <= clients
}
