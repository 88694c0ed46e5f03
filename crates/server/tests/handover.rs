//! Two server processes on one store: one runs the detection job, and the other takes over when it is gone.
#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's way to report")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rekindle_testkit::{FaultyStore, Outage};
use reqwest::{Client, StatusCode};
use rusqlite::Connection;
use serde_json::{Value, json};
use support::{KEY, Setup};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const PATIENCE: Duration = Duration::from_secs(30);
const TAKEN: &str = "This process now does this background job";
const STALLED: &str = "Stalled session detected";

/// A server process and its log so far.
struct Server {
    child: Child,
    log: Arc<Mutex<Vec<Value>>>,
    url: String,
    client: Client,
}

impl Server {
    async fn start(folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle-server"));
        let store = format!("sqlite:{}", database(folder).display());
        command.env_clear().envs([("STORE_URL", store.as_str()), ("API_KEYS", KEY), ("PORT", "0")]);
        command.envs([("STALL_THRESHOLD_MS", "1000"), ("DETECT_INTERVAL_MS", "100")]);
        let mut child = command.stderr(Stdio::piped()).stdin(Stdio::null()).kill_on_drop(true).spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (mut lines, to) = (BufReader::new(child.stderr.take().unwrap()).lines(), Arc::clone(&log));
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                to.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().timeout(PATIENCE).build().unwrap();
        let mut server = Self { child, log, url: String::new(), client };
        let line = server.says("it listens", |line| line["context"]["url"].is_string()).await;
        server.url = line["context"]["url"].as_str().unwrap().to_owned();
        server
    }

    /// Waits for a line of the log, which may have been written already.
    async fn says(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let line = self.log.lock().unwrap().iter().find(|line| fits(line)).cloned();
            if let Some(line) = line {
                return line;
            }
            assert!(began.elapsed() < PATIENCE, "{what}: {:#?}", self.log.lock().unwrap());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until it runs this job.
    async fn does(&self, job: &str) {
        self.says(job, |line| line["message"] == TAKEN && line["context"]["job_name"] == job).await;
    }

    /// Returns the position of the first log line that fits.
    fn place(&self, fits: impl Fn(&Value) -> bool) -> Option<usize> {
        self.log.lock().unwrap().iter().position(fits)
    }

    /// Returns how often it logged that it found this session.
    fn found(&self, session: &str) -> usize {
        let log = self.log.lock().unwrap();
        log.iter().filter(|line| line["message"] == STALLED && line["context"]["session_id"] == session).count()
    }

    async fn session(&self, project: &str) -> String {
        let body = json!({ "project_id": project, "machine_id": "m" });
        let request = self.client.post(format!("{}/api/sessions", self.url)).header("X-API-Key", KEY).json(&body);
        let reply = request.send().await.unwrap();
        assert_eq!(reply.status(), StatusCode::CREATED);
        reply.json::<Value>().await.unwrap()["session_id"].as_str().unwrap().to_owned()
    }

    async fn until_stalled(&self, session: &str) {
        let began = Instant::now();
        loop {
            let url = format!("{}/api/sessions/{session}", self.url);
            let reply = self.client.get(url).header("X-API-Key", KEY).send().await.unwrap();
            if reply.json::<Value>().await.unwrap()["status"] == "stalled" {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{session} is not found");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends this signal and waits until the process has ended.
    async fn end(&mut self, signal: &str) {
        let kill = format!("kill {signal} {}", self.child.id().unwrap());
        assert!(Command::new("sh").args(["-c", &kill]).status().await.unwrap().success());
        tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
    }
}

fn database(folder: &Path) -> PathBuf {
    folder.join("rekindle.db")
}

fn events(folder: &TempDir, session: &str, kind: &str) -> i64 {
    let db = Connection::open(database(folder.path())).unwrap();
    let count = "SELECT count(*) FROM events WHERE kind = ?1 AND lower(hex(session_id)) = replace(?2, '-', '')";
    db.query_row(count, (kind, session), |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_servers_detects_and_the_other_takes_over_when_it_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Server::start(folder.path()).await;
    for job in ["detector", "retention"] {
        first.does(job).await;
    }
    let second = Server::start(folder.path()).await;
    // Created through one server, found by the other.
    let session = second.session("p").await;
    second.until_stalled(&session).await;
    first.says("it finds it", |line| line["message"] == STALLED).await;
    assert_eq!((first.found(&session), second.found(&session)), (1, 0));
    assert_eq!(events(&folder, &session, "session.stalled"), 1);
    assert_eq!(second.place(|line| line["message"] == TAKEN), None, "the first still does everything");

    first.end("-KILL").await;
    let killed = Instant::now();
    let later = second.session("q").await;
    for job in ["detector", "retention"] {
        second.does(job).await;
        println!("the {job} was taken over {} ms after the kill", killed.elapsed().as_millis());
    }
    second.until_stalled(&later).await;
    second.says("it finds it", |line| line["message"] == STALLED).await;
    assert_eq!((second.found(&session), second.found(&later)), (0, 1));
    assert_eq!(events(&folder, &later, "session.stalled"), 1);
    let taken = second.place(|line| line["message"] == TAKEN && line["context"]["job_name"] == "detector");
    assert!(taken < second.place(|line| line["message"] == STALLED), "only who has the duty looks");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_in_good_order_hands_over_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Server::start(folder.path()).await;
    for job in ["detector", "retention"] {
        first.does(job).await;
    }
    let second = Server::start(folder.path()).await;
    let ours = leases(&folder);
    assert_eq!(ours.len(), 2);
    first.end("-TERM").await;
    let ended = Instant::now();
    for ((lease, before, _), (_, after, free)) in ours.into_iter().zip(leases(&folder)) {
        assert!(free || after > before, "{lease} is given back, if not taken already");
    }
    let session = second.session("p").await;
    for job in ["detector", "retention"] {
        second.does(job).await;
        println!("the {job} was taken over {} ms after the stop", ended.elapsed().as_millis());
    }
    second.until_stalled(&session).await;
    assert_eq!(events(&folder, &session, "session.stalled"), 1);
    let lost = second.place(|line| line["level"] == "WARN" && line["message"] != STALLED);
    assert_eq!(lost, None, "{:#?}", second.log.lock().unwrap());
}

#[tokio::test]
async fn a_server_starts_its_jobs_when_its_store_becomes_available() {
    let store = Arc::new(FaultyStore::default());
    store.set(Some(Outage::Fails(rekindle_core::StoreError::Unavailable("not yet".to_owned()))));
    let setup = Setup::new().store(Arc::clone(&store) as Arc<dyn rekindle_core::Store>);
    let server = setup.set("STALL_THRESHOLD_MS", "200").start().await;
    // Long enough for several failed claims.
    tokio::time::sleep(Duration::from_millis(300)).await;
    store.set(None);
    let session = server.session("p", "m").await;
    let found = async {
        while server.status(&session).await != "stalled" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, found).await.is_ok(), "nobody looks");
    server.stop().await;
}

/// Returns the leases: name, token, and whether it is free.
fn leases(folder: &TempDir) -> Vec<(String, i64, bool)> {
    let db = Connection::open(database(folder.path())).unwrap();
    let mut leases = db.prepare("SELECT duty, token, holder IS NULL FROM leases ORDER BY duty").unwrap();
    leases.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap().map(Result::unwrap).collect()
}
