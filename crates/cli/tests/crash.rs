//! `kill -9` of `rekindle serve` under load, twenty times in a row: everything that was acknowledged is there after the
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
    /// A request was cut off: its change may have happened, so the status is uncertain.
    is_uncertain: bool,
}

/// What the server has acknowledged of one task.
#[derive(Debug, Clone)]
struct SeenTask {
    revision: u64,
    status: TaskStatus,
    is_uncertain: bool,
}

/// Everything that the server acknowledged to one client.
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
            is_uncertain: false,
        };
        self.sessions.insert(session.session_id, seen);
    }

    fn task(&mut self, task: &Task) {
        self.acknowledged += 1;
        let seen = SeenTask { revision: task.revision, status: task.status, is_uncertain: false };
        self.tasks.insert(task.task_id, seen);
    }

    fn mark_uncertain(&mut self, session: Uuid) {
        if let Some(seen) = self.sessions.get_mut(&session) {
            seen.is_uncertain = true;
        }
    }
}

/// The server of one round.
struct Server {
    process: Process,
    base: String,
}

impl Server {
    /// Starts the server on a port that was just free. If another process has taken it since, tries another port.
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

/// The result of a request.
enum Reply<T> {
    /// A success response: the change was written.
    Written(T),
    /// A client error: nothing was written.
    Refused(StatusCode),
    /// No response: the change may have been written.
    Unknown,
}

async fn ask<T: DeserializeOwned>(request: RequestBuilder) -> Reply<T> {
    let Ok(answer) = request.send().await else { return Reply::Unknown };
    let status = answer.status();
    match answer.bytes().await {
        Ok(body) if status.is_success() => Reply::Written(serde_json::from_slice(&body).unwrap()),
        Ok(_) if status.is_client_error() => Reply::Refused(status),
        Ok(_) | Err(_) => Reply::Unknown,
    }
}

/// Runs one client until `stop` is set or the server is gone.
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
            Reply::Written(session) => session,
            Reply::Refused(status) => panic!("a create was refused: {status}"),
            Reply::Unknown => break,
        };
        book.session(&session);
        let id = session.session_id;
        let Some(()) = tasks(&http, &url, &mut book, &mut random, &session).await else {
            book.mark_uncertain(id);
            break;
        };
        let Some(()) = life(&http, &url, &mut book, &mut random, id).await else {
            book.mark_uncertain(id);
            break;
        };
        total.fetch_add(1, Ordering::Relaxed);
    }
    book
}

/// Creates a few tasks, begins some and completes some. Returns `None` if the server is gone.
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
        let Reply::Written(task) = ask::<Task>(http.post(url("tasks".to_owned())).json(&body)).await else {
            return None;
        };
        book.task(&task);
        for status in [TaskStatus::InProgress, TaskStatus::Completed] {
            if random.bool() {
                break;
            }
            let body = PatchTask { status: Some(status), ..Default::default() };
            match ask::<Task>(http.patch(url(format!("tasks/{}", task.task_id))).json(&body)).await {
                Reply::Written(task) => book.task(&task),
                Reply::Refused(status) => panic!("a task's change was refused: {status}"),
                Reply::Unknown => {
                    book.tasks.get_mut(&task.task_id).unwrap().is_uncertain = true;
                    return None;
                }
            }
        }
    }
    Some(())
}

/// Sends heartbeats, then ends, pauses or recovers the session, or leaves it. Returns `None` if the server is gone.
async fn life(
    http: &Client,
    url: &impl Fn(String) -> String,
    book: &mut Book,
    random: &mut fastrand::Rng,
    id: Uuid,
) -> Option<()> {
    for _ in 0..random.u32(1..5) {
        match ask::<HeartbeatResponse>(http.post(url(format!("sessions/{id}/heartbeat")))).await {
            Reply::Written(beat) => book.session(&beat.session),
            Reply::Refused(status) => panic!("a heartbeat was refused: {status}"),
            Reply::Unknown => return None,
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
            // The recovery also changes the original session and the tasks of both.
            book.mark_uncertain(id);
            forget_tasks(book);
            let Reply::Written(successor) = successor else { return None };
            book.session(&successor);
            let seen = book.sessions.get_mut(&id).unwrap();
            seen.recovered_into = Some(successor.session_id);
        }
    }
    Some(())
}

fn changed(reply: Reply<Session>, book: &mut Book) -> Option<()> {
    match reply {
        Reply::Written(session) => book.session(&session),
        Reply::Refused(status) => panic!("a session's change was refused: {status}"),
        Reply::Unknown => return None,
    }
    Some(())
}

/// Ends a session, which also fails its tasks in progress.
fn end(reply: Reply<Session>, book: &mut Book, id: Uuid) -> Option<()> {
    forget_tasks(book);
    if matches!(reply, Reply::Unknown) {
        book.mark_uncertain(id);
    }
    changed(reply, book)
}

/// Marks the tasks in progress as uncertain, since the end of their session changes them.
fn forget_tasks(book: &mut Book) {
    for task in book.tasks.values_mut().filter(|task| task.status == TaskStatus::InProgress) {
        task.is_uncertain = true;
    }
}

/// Compares what the server acknowledged with what it has now, and appends the differences to `broken`.
async fn verify(base: &str, book: &Book, broken: &mut Vec<String>) {
    let http = client();
    for (id, seen) in &book.sessions {
        match ask::<Session>(http.get(format!("{base}/api/sessions/{id}"))).await {
            Reply::Written(found) => {
                let is_status = found.status == seen.status || seen.is_uncertain;
                let is_heir = seen.recovered_into.is_none() || found.recovered_into == seen.recovered_into;
                let holds = found.revision >= seen.revision && found.last_heartbeat >= seen.last_heartbeat;
                if !(is_status && is_heir && holds) {
                    broken.push(format!("session {id}: told {seen:?}, found {found:?}"));
                }
            }
            Reply::Refused(status) => broken.push(format!("session {id}: told {seen:?}, found {status}")),
            Reply::Unknown => broken.push(format!("session {id} cannot be read")),
        }
    }
    for (id, seen) in &book.tasks {
        match ask::<Task>(http.get(format!("{base}/api/tasks/{id}"))).await {
            Reply::Written(found)
                if found.revision >= seen.revision && (found.status == seen.status || seen.is_uncertain) => {}
            Reply::Written(found) => broken.push(format!("task {id}: told {seen:?}, found {found:?}")),
            Reply::Refused(status) => broken.push(format!("task {id}: told {seen:?}, found {status}")),
            Reply::Unknown => broken.push(format!("task {id} cannot be read")),
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
        // Kills at a different moment in each round, but not before something was acknowledged.
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
        let count: u64 = books.iter().map(|book| book.acknowledged).sum();
        for book in &books {
            verify(&server.base, book, &mut broken).await;
        }
        println!(
            "round {round:2}: killed with {count} writes acknowledged, {} whole sessions; {} missing",
            total.load(Ordering::Relaxed),
            broken.len()
        );
        assert!(broken.is_empty(), "after round {round}:\n{}", broken.join("\n"));
        assert!(count > 0, "round {round} wrote nothing");
        acknowledged += count;
        everything.extend(books);
    }
    // What survived one crash must survive the others, too. Statuses are uncertain: sessions may have stalled since.
    let mut broken = Vec::new();
    for book in &mut everything {
        book.sessions.values_mut().for_each(|seen| seen.is_uncertain = true);
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
