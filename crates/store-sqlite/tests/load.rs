//! A backup while another task and another process write as fast as they can, restored elsewhere: all that was answered
//! before it began is in it, nothing that was begun after it ended is, and all of it is sound. Meanwhile a check of the
//! database that is written to finds nothing.
#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's way to report")]

use rekindle_core::store::{FindTyped, queries};
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rekindle_core::domain::task::transition::TaskTarget;
use rekindle_core::rules::recovery::{FailedTasks, Recovery};
use rekindle_core::use_cases::{HeartbeatReport, NewSession, NewTask, Recovered, TaskPatch};
use rekindle_core::{Metadata, Policy, RandomIds, SessionId, Store, SystemClock, Task, Tracker};
use rekindle_store_sqlite::maintenance::{self, Existing, Progress, Stop};
use rekindle_store_sqlite::{Location, SqliteOptions, SqliteStore};
use rekindle_testkit::invariants;
use rekindle_testkit::sample::{largest_metadata, text};

const PATIENCE: Duration = Duration::from_secs(60);
/// Names the database to the other process, which is this program again.
const DATABASE: &str = "REKINDLE_TEST_DATABASE";
/// There once the backup has ended.
const ENDED: &str = "ended";

fn options(path: &Path) -> SqliteOptions {
    SqliteOptions { call_timeout: PATIENCE, ..SqliteOptions::at(Location::File(path.to_path_buf())) }
}

fn tracker(store: Arc<dyn Store>) -> Tracker {
    Tracker::new(store, Arc::new(SystemClock), Arc::new(RandomIds), Policy::default())
}

async fn task(tracker: &Tracker, session: SessionId, project: &str) -> Task {
    let new = NewTask {
        session_id: session,
        project_id: text(project),
        github_issue_id: None,
        name: text("work"),
        metadata: Metadata::default(),
    };
    tracker.tasks().create(new).await.unwrap().value
}

/// One life: a session with tasks, of which one is in progress when the session is brought back on another machine.
async fn live(tracker: &Tracker, project: &str, metadata: Metadata) -> [SessionId; 2] {
    let new = NewSession { project_id: text(project), machine_id: text("m1"), docker_slot: None, metadata };
    let session = tracker.sessions().create(new).await.unwrap().value.id;
    let begun = task(tracker, session, project).await;
    task(tracker, session, project).await;
    let start = TaskPatch { status: Some(TaskTarget::InProgress), ..TaskPatch::default() };
    tracker.tasks().update(begun.id, &start).await.unwrap();
    tracker.sessions().record_heartbeat(session, &HeartbeatReport::default()).await.unwrap();
    tracker.sessions().mark_stalled(session).await.unwrap();
    let recovery = Recovery { new_machine_id: text("m2"), docker_slot: None, failed_tasks: FailedTasks::Reset };
    match tracker.sessions().recover(session, &recovery).await.unwrap() {
        Recovered::Created(successor) | Recovered::AlreadyRecovered(successor) => [session, successor.value.id],
    }
}

/// What was answered, and whether it was begun after the backup had ended.
#[derive(Default)]
struct Book {
    all: Vec<(SessionId, bool)>,
}

impl Book {
    fn of(&self, is_after: bool) -> HashSet<SessionId> {
        self.all.iter().filter(|(_, after)| *after == is_after).map(|(id, _)| *id).collect()
    }
}

type Shared = Arc<Mutex<Book>>;

async fn work(
    store: Arc<dyn Store>,
    name: &str,
    ended: PathBuf,
    mut answered: impl FnMut([SessionId; 2], bool) -> bool,
) {
    let tracker = tracker(store);
    for n in 0_u64.. {
        let is_after = ended.exists();
        let ids = live(&tracker, &format!("{name}-{n}"), Metadata::default()).await;
        if !answered(ids, is_after) {
            return;
        }
    }
}

/// The other process: reports each life on a line, until the test has ended.
async fn other_process(database: &Path) {
    let store = Arc::new(SqliteStore::open(options(database)).unwrap());
    let ended = database.with_file_name(ENDED);
    let tell = |ids: [SessionId; 2], is_after: bool| {
        let line = format!("life {} {} {is_after}", ids[0], ids[1]);
        writeln!(std::io::stdout(), "{line}").is_ok()
    };
    work(Arc::clone(&store) as _, "theirs", ended, tell).await;
    store.close().await;
}

struct Other(Child);

impl Other {
    fn start(database: &Path, book: &Shared) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "what_is_written_meanwhile_does_not_disturb_a_backup", "--nocapture"])
            .env(DATABASE, database)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let book = Arc::clone(book);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let [_, one, two, is_after] = line.split(' ').collect::<Vec<_>>()[..] {
                    let is_after = is_after == "true";
                    let ids = [one, two].map(|id| (id.parse().unwrap(), is_after));
                    book.lock().unwrap().all.extend(ids);
                }
            }
        });
        Self(child)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[expect(clippy::disallowed_methods, reason = "this runs on a thread of its own, and looks again until its deadline")]
fn until(what: &str, is: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < deadline, "never came true: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_meanwhile_does_not_disturb_a_backup() {
    if let Some(database) = std::env::var_os(DATABASE) {
        return other_process(Path::new(&database)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("live.db");
    let store = Arc::new(SqliteStore::open(options(&database)).unwrap());
    let filling = tracker(Arc::clone(&store) as _);
    for n in 0..60 {
        live(&filling, &format!("filling-{n}"), largest_metadata()).await;
    }
    let (ours, theirs) = (Shared::default(), Shared::default());
    let ended = database.with_file_name(ENDED);
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..4 {
        let (store, book, ended) = (Arc::clone(&store), Arc::clone(&ours), ended.clone());
        writers.spawn(async move {
            let note = |ids: [SessionId; 2], is_after| {
                book.lock().unwrap().all.extend(ids.map(|id| (id, is_after)));
                true
            };
            work(store, &format!("ours-{n}"), ended, note).await;
        });
    }
    let other = Other::start(&database, &theirs);
    let reading = Arc::new(SqliteStore::open_to_read(options(&database)).unwrap());
    let looking = {
        let reading = Arc::clone(&reading);
        tokio::spawn(async move { invariants::check(reading.as_ref()).await })
    };
    let copy = folder.path().join("backup.db");
    let (from, to, books) = (database.clone(), copy.clone(), [Arc::clone(&ours), Arc::clone(&theirs)]);
    let (before, steps) = tokio::task::spawn_blocking(move || {
        let count = |book: &Shared| book.lock().unwrap().all.len();
        until("both write", || books.iter().all(|book| count(book) > 20));
        let before: HashSet<_> = books.iter().flat_map(|book| book.lock().unwrap().of(false)).collect();
        let mut steps = Vec::new();
        let mut tell = |progress| {
            if let Progress::Copying { done, of } = progress {
                // Between any two of the first steps both have written.
                if steps.len() < 5 {
                    let seen = [count(&books[0]), count(&books[1])];
                    let moved = |n: usize| count(&books[n]) > seen[n] + 2;
                    until("both write while it copies", || moved(0) && moved(1));
                }
                steps.push((done, of));
            }
        };
        maintenance::backup(&from, &to, Existing::Stays, &Stop::default(), &mut tell).unwrap();
        std::fs::write(from.with_file_name(ENDED), "").unwrap();
        until("both write after it", || books.iter().all(|book| book.lock().unwrap().of(true).len() > 4));
        (before, steps)
    })
    .await
    .unwrap();
    assert_eq!(looking.await.unwrap().unwrap(), Vec::<String>::new(), "a check beside the writers");
    drop(other);
    writers.shutdown().await;
    reading.close().await;
    store.close().await;

    // It went forward from its first page to its last, and never began anew.
    assert!(steps.len() > 5, "{steps:?}");
    assert!(steps.is_sorted() && steps.iter().all(|(_, of)| *of == steps[0].1), "{steps:?}");
    assert_eq!(steps.last().map(|(done, of)| done == of), Some(true));
    let after: HashSet<_> = [&ours, &theirs].iter().flat_map(|book| book.lock().unwrap().of(true)).collect();
    println!("{} sessions before, {} after, {} pages in {} steps", before.len(), after.len(), steps[0].1, steps.len());

    let elsewhere = tempfile::tempdir().unwrap();
    let restored = elsewhere.path().join("restored.db");
    let now = "2026-11-21T02:00:00Z".parse().unwrap();
    maintenance::restore(&copy, &restored, Existing::Stays, now, &Stop::default(), &mut |_| {}).unwrap();
    let report = maintenance::check(&restored, &Stop::default(), &mut |_| {}).unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    let store = SqliteStore::open(options(&restored)).unwrap();
    assert_eq!(invariants::check(&store).await.unwrap(), Vec::<String>::new());
    for id in &before {
        assert!(
            store.read(queries::session(*id)).await.unwrap().is_some(),
            "{id} was answered before the backup began"
        );
    }
    for id in &after {
        assert!(
            store.read(queries::session(*id)).await.unwrap().is_none(),
            "{id} was begun after the backup had ended"
        );
    }
    store.close().await;
    let left: Vec<_> = std::fs::read_dir(elsewhere.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["restored.db"]);
}
