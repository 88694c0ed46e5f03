//! `kill -9` of `rekindle serve` under load, twenty times in a row: every acknowledged write is there after the
//! restart, and at the end the domain's invariants hold.
#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test a failed expectation is the way to report")]

mod support;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rekindle_api::{
    CreateSession, CreateTask, HeartbeatResponse, PatchSession, PatchTask, Session, SessionStatus, Task, TaskStatus,
    Time,
};
use rekindle_store_sqlite::{Location, SqliteOptions, SqliteStore};
use rekindle_testkit::invariants;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use support::{LIMIT, Process, free_port, rekindle};
use tokio::task::JoinSet;
use uuid::Uuid;

const ROUNDS: u32 = 20;
const CLIENTS: u32 = 8;
const KEY: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";

/// What the server has acknowledged of one session.
#[derive(Debug, Clone)]
struct SeenSession {
    revision: u64,
    status: SessionStatus,
    last_heartbeat: Time,
    recovered_into: Option<Uuid>,
    /// A request was cut off: its change may be there or not, and nothing exact can be said of the status.
    in_doubt: bool,
}

/// What the server has acknowledged of one task.
#[derive(Debug, Clone)]
struct SeenTask {
    revision: u64,
    status: TaskStatus,
    in_doubt: bool,
}

/// Every answer that one client received.
#[derive(Default)]
struct Book {
    sessions: HashMap<Uuid, SeenSession>,
    tasks: HashMap<Uuid, SeenTask>,
    acknowledged: u64,
}

impl Book {
    fn session(&mut self, session: &Session) {
        self.acknowledged += 1;
        let seen = SeenSession {
            revision: session.revision,
            status: session.status,
            last_heartbeat: session.last_heartbeat,
            recovered_into: session.recovered_into,
            in_doubt: false,
        };
        self.sessions.insert(session.session_id, seen);
    }

    fn task(&mut self, task: &Task) {
        self.acknowledged += 1;
        let seen = SeenTask { revision: task.revision, status: task.status, in_doubt: false };
        self.tasks.insert(task.task_id, seen);
    }

    fn doubt(&mut self, session: Uuid) {
        if let Some(seen) = self.sessions.get_mut(&session) {
            seen.in_doubt = true;
        }
    }
}

/// The server of one round.
struct Server {
    process: Process,
    base: String,
}

impl Server {
    /// On a port that was free a moment ago: if another process has taken it meanwhile, on another.
    async fn start(folder: &Path) -> Self {
        loop {
            match Self::start_on(folder, free_port()).await {
                Ok(server) => return server,
                Err(said) => assert!(said.contains("in use"), "the server ended before it was ready: {said}"),
            }
        }
    }

    async fn start_on(folder: &Path, port: u16) -> Result<Self, String> {
        let mut command = rekindle(folder);
        command.arg("serve").env("API_KEYS", KEY).env("PORT", port.to_string()).env("LOG_LEVEL", "error");
        command.env("STORE_URL", "sqlite:crash.db").env("RATE_LIMIT_PER_MINUTE", "0");
        let mut process = Process::start(&mut command);
        let base = format!("http://127.0.0.1:{port}");
        let client = client();
        let deadline = Instant::now() + LIMIT;
        while client.get(format!("{base}/ready")).send().await.map(|answer| answer.status()).ok()
            != Some(StatusCode::OK)
        {
            if process.child.try_wait().unwrap().is_some() {
                return Err(process.wait().err());
            }
            assert!(Instant::now() < deadline, "the server is not ready");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(Self { process, base })
    }
}

fn client() -> Client {
    let key = std::iter::once((reqwest::header::HeaderName::from_static("x-api-key"), KEY.parse().unwrap()));
    Client::builder().default_headers(key.collect()).timeout(Duration::from_secs(10)).build().unwrap()
}

/// What became of a request.
enum Told<T> {
    /// Written.
    Yes(T),
    /// Refused: nothing was written.
    No(StatusCode),
    /// Cut off: perhaps written.
    Perhaps,
}

async fn ask<T: DeserializeOwned>(request: RequestBuilder) -> Told<T> {
    let Ok(answer) = request.send().await else { return Told::Perhaps };
    let status = answer.status();
    match answer.bytes().await {
        Ok(body) if status.is_success() => Told::Yes(serde_json::from_slice(&body).unwrap()),
        Ok(_) if status.is_client_error() => Told::No(status),
        Ok(_) | Err(_) => Told::Perhaps,
    }
}

/// One client: works until it is stopped, or its server is gone.
async fn work(base: String, number: u32, round: u32, stop: Arc<AtomicBool>, total: Arc<AtomicU64>) -> Book {
    let http = client();
    let mut book = Book::default();
    let mut random = fastrand::Rng::with_seed(u64::from(round * 1000 + number));
    let url = |path: String| format!("{base}/api/{path}");
    for n in 0_u32.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let project = format!("p{round}-{number}-{n}");
        let body =
            CreateSession { project_id: project.clone(), machine_id: format!("m{number}"), ..Default::default() };
        let session: Session = match ask(http.post(url("sessions".to_owned())).json(&body)).await {
            Told::Yes(session) => session,
            Told::No(status) => panic!("a create was refused: {status}"),
            Told::Perhaps => break,
        };
        book.session(&session);
        let id = session.session_id;
        let Some(()) = tasks(&http, &url, &mut book, &mut random, &session).await else {
            book.doubt(id);
            break;
        };
        let Some(()) = life(&http, &url, &mut book, &mut random, id).await else {
            book.doubt(id);
            break;
        };
        total.fetch_add(1, Ordering::Relaxed);
    }
    book
}

/// A few tasks, some begun, some ended. None: the server is gone.
async fn tasks(
    http: &Client,
    url: &impl Fn(String) -> String,
    book: &mut Book,
    random: &mut fastrand::Rng,
    session: &Session,
) -> Option<()> {
    for n in 0..random.u32(1..4) {
        let body = CreateTask {
            session_id: session.session_id.to_string(),
            project_id: session.project_id.clone(),
            task_name: format!("task {n}"),
            ..Default::default()
        };
        let Told::Yes(task) = ask::<Task>(http.post(url("tasks".to_owned())).json(&body)).await else { return None };
        book.task(&task);
        for status in [TaskStatus::InProgress, TaskStatus::Completed] {
            if random.bool() {
                break;
            }
            let body = PatchTask { status: Some(status), ..Default::default() };
            match ask::<Task>(http.patch(url(format!("tasks/{}", task.task_id))).json(&body)).await {
                Told::Yes(task) => book.task(&task),
                Told::No(status) => panic!("a task's change was refused: {status}"),
                Told::Perhaps => {
                    book.tasks.get_mut(&task.task_id).unwrap().in_doubt = true;
                    return None;
                }
            }
        }
    }
    Some(())
}

/// Heartbeats, then one of the ends that a session can have. None: the server is gone.
async fn life(
    http: &Client,
    url: &impl Fn(String) -> String,
    book: &mut Book,
    random: &mut fastrand::Rng,
    id: Uuid,
) -> Option<()> {
    for _ in 0..random.u32(1..5) {
        match ask::<HeartbeatResponse>(http.post(url(format!("sessions/{id}/heartbeat")))).await {
            Told::Yes(beat) => book.session(&beat.session),
            Told::No(status) => panic!("a heartbeat was refused: {status}"),
            Told::Perhaps => return None,
        }
    }
    let patch = |status| {
        let body = PatchSession { status: Some(status), ..Default::default() };
        http.patch(url(format!("sessions/{id}"))).json(&body)
    };
    match random.u32(0..4) {
        0 => {}
        1 => changed(ask(patch(SessionStatus::Paused)).await, book)?,
        2 => end(ask(patch(SessionStatus::Completed)).await, book, id)?,
        _ => {
            changed(ask(http.post(url(format!("sessions/{id}/mark-stalled")))).await, book)?;
            let body = serde_json::json!({ "new_machine_id": "elsewhere" });
            let successor = ask::<Session>(http.post(url(format!("sessions/{id}/recover"))).json(&body)).await;
            // Its original has changed with it, and so have the tasks of both.
            book.doubt(id);
            forget_tasks(book);
            let Told::Yes(successor) = successor else { return None };
            book.session(&successor);
            let seen = book.sessions.get_mut(&id).unwrap();
            seen.recovered_into = Some(successor.session_id);
        }
    }
    Some(())
}

fn changed(told: Told<Session>, book: &mut Book) -> Option<()> {
    match told {
        Told::Yes(session) => book.session(&session),
        Told::No(status) => panic!("a session's change was refused: {status}"),
        Told::Perhaps => return None,
    }
    Some(())
}

/// Ending a session fails what was in progress in it.
fn end(told: Told<Session>, book: &mut Book, id: Uuid) -> Option<()> {
    forget_tasks(book);
    if matches!(told, Told::Perhaps) {
        book.doubt(id);
    }
    changed(told, book)
}

/// What is known of tasks in progress no longer holds exactly: their session was ended from outside.
fn forget_tasks(book: &mut Book) {
    for task in book.tasks.values_mut().filter(|task| task.status == TaskStatus::InProgress) {
        task.in_doubt = true;
    }
}

/// Compares the answers that a client received with the state of the server; returns what is missing.
async fn verify(base: &str, book: &Book, broken: &mut Vec<String>) {
    let http = client();
    for (id, seen) in &book.sessions {
        match ask::<Session>(http.get(format!("{base}/api/sessions/{id}"))).await {
            Told::Yes(found) => {
                let is_status = found.status == seen.status || seen.in_doubt;
                let is_heir = seen.recovered_into.is_none() || found.recovered_into == seen.recovered_into;
                let holds = found.revision >= seen.revision && found.last_heartbeat >= seen.last_heartbeat;
                if !(is_status && is_heir && holds) {
                    broken.push(format!("session {id}: told {seen:?}, found {found:?}"));
                }
            }
            Told::No(status) => broken.push(format!("session {id}: told {seen:?}, found {status}")),
            Told::Perhaps => broken.push(format!("session {id} cannot be read")),
        }
    }
    for (id, seen) in &book.tasks {
        match ask::<Task>(http.get(format!("{base}/api/tasks/{id}"))).await {
            Told::Yes(found) if found.revision >= seen.revision && (found.status == seen.status || seen.in_doubt) => {}
            Told::Yes(found) => broken.push(format!("task {id}: told {seen:?}, found {found:?}")),
            Told::No(status) => broken.push(format!("task {id}: told {seen:?}, found {status}")),
            Told::Perhaps => broken.push(format!("task {id} cannot be read")),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_acknowledged_is_lost_in_twenty_crashes() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path()).await;
    let mut acknowledged = 0;
    let mut everything: Vec<Book> = Vec::new();
    for round in 1..=ROUNDS {
        let (stop, total) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let before = total.load(Ordering::Relaxed);
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            clients.spawn(work(server.base.clone(), number, round, Arc::clone(&stop), Arc::clone(&total)));
        }
        // At another moment each time, and never before there was something to lose.
        let deadline = Instant::now() + LIMIT;
        while total.load(Ordering::Relaxed) == before {
            assert!(Instant::now() < deadline, "round {round} wrote nothing");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(300 + u64::from(round) * 37 % 400)).await;
        server.process.child.kill().unwrap();
        server.process.child.wait().unwrap();
        stop.store(true, Ordering::Relaxed);
        let books = clients.join_all().await;
        server = Server::start(dir.path()).await;
        let mut broken = Vec::new();
        let told: u64 = books.iter().map(|book| book.acknowledged).sum();
        for book in &books {
            verify(&server.base, book, &mut broken).await;
        }
        println!(
            "round {round:2}: killed with {told} writes acknowledged, {} whole sessions; {} missing",
            total.load(Ordering::Relaxed),
            broken.len()
        );
        assert!(broken.is_empty(), "after round {round}:\n{}", broken.join("\n"));
        assert!(told > 0, "round {round} wrote nothing");
        acknowledged += told;
        everything.extend(books);
    }
    // What survived one crash must survive the others too. Detection may have found a session silent meanwhile.
    let mut broken = Vec::new();
    for book in &mut everything {
        book.sessions.values_mut().for_each(|seen| seen.in_doubt = true);
        verify(&server.base, book, &mut broken).await;
    }
    assert!(broken.is_empty(), "in the end:\n{}", broken.join("\n"));
    server.process.child.kill().unwrap();
    server.process.child.wait().unwrap();

    let location = Location::File(dir.path().join("crash.db"));
    let store = SqliteStore::open(SqliteOptions::at(location)).unwrap();
    let broken = invariants::check(&store).await.unwrap();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    println!("{ROUNDS} crashes, {acknowledged} acknowledged writes, none lost; the invariants hold");
}
