//! Rekindle inside another program, without HTTP: a session falls silent, is noticed, and goes on in a successor.
#![expect(clippy::print_stdout, reason = "an example tells what happens")]

use rekindle_core::store::{FindTyped, queries};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use rekindle_core::domain::task::transition::TaskTarget;
use rekindle_core::rules::recovery::{FailedTasks, Recovery};
use rekindle_core::use_cases::{HeartbeatReport, NewSession, NewTask, Recovered, TaskPatch};
use rekindle_core::{Metadata, Policy, RandomIds, Store, SystemClock, TaskStatus, Tracker};
use rekindle_store_sqlite::{SqliteOptions, SqliteStore};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // In memory here; `SqliteOptions::at("sqlite:rekindle.db".parse()?)` keeps it in a file.
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(SqliteOptions::default())?);
    let policy = Policy { stall_threshold: Duration::from_millis(300), ..Policy::default() };
    let tracker = Tracker::new(Arc::clone(&store), Arc::new(SystemClock), Arc::new(RandomIds), policy);

    let (project_id, machine_id) = ("website".parse()?, "laptop".parse()?);
    let new = NewSession { project_id, machine_id, docker_slot: None, metadata: Metadata::default() };
    let session = tracker.sessions().create(new).await?.value;
    println!("session {} began on {}", session.id, session.machine_id);
    let (session_id, project_id) = (session.id, session.project_id);
    let name = "write the imprint".parse()?;
    let new = NewTask { session_id, project_id, github_issue_id: None, name, metadata: Metadata::default() };
    let task = tracker.tasks().create(new).await?.value;
    let begin = TaskPatch { status: Some(TaskTarget::InProgress), ..TaskPatch::default() };
    tracker.tasks().update(task.id, &begin).await?;
    let heard = tracker.sessions().record_heartbeat(session_id, &HeartbeatReport::default()).await?.value;
    println!("it works on \"{}\" and was last heard at {}", task.name, heard.last_heartbeat);

    // The loop is the caller's: it sleeps until something can be due, and ends here once something was.
    let stalled = loop {
        let pass = tracker.detect().await?;
        if let Some(stalled) = pass.stalled.first() {
            break stalled.clone();
        }
        tokio::time::sleep(pass.next_pass_at.since(tracker.now()).max(Duration::from_millis(20))).await;
    };
    println!("session {} stalled: silent for {:?}", stalled.session_id, stalled.silent_for);

    let recovery = Recovery { new_machine_id: "server".parse()?, docker_slot: None, failed_tasks: FailedTasks::Reset };
    for attempt in ["first", "second"] {
        match tracker.sessions().recover(session_id, &recovery).await? {
            Recovered::Created(next) => println!("the {attempt} call made session {} on server", next.value.id),
            Recovered::AlreadyRecovered(next) => println!("the {attempt} call found it: {}", next.value.id),
        }
    }
    let Some(next) = tracker.sessions().get(session_id).await?.value.recovered_into() else { return Ok(()) };
    for task in store.read(queries::tasks_of(next, &TaskStatus::ALL)).await? {
        println!("there, \"{}\" is {}", task.value.name, task.value.status());
    }
    store.close().await;
    Ok(())
}
