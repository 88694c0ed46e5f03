//! Fills a store through the port, a thousand sessions per commit: with live sessions that send heartbeats, and with stalled
//! sessions to recover.

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rekindle_core::domain::event::{Event, EventKind, Subject};
use rekindle_core::domain::session::{Lineage, Live, LiveState, Phase, Session};
use rekindle_core::domain::task::{Task, TaskState};
use rekindle_core::store::{Changes, Store};
use rekindle_core::{MachineId, Metadata, ProjectId, SessionId, Slot, TaskId, TaskLabel, TaskName, Timestamp};

/// The seed of the random numbers, the same in every run.
pub(super) const SEED: u64 = 20_260_119;

const PER_COMMIT: u32 = 1000;
const PER_MACHINE: u32 = 1000;
const SHOWN_EVERY: u32 = 100_000;

/// What was added to a store.
pub(super) struct Seeded {
    /// The sessions in random order, so that consecutive ones are not in the same page of the cache.
    pub ids: Vec<SessionId>,
    /// The oldest heartbeat. Each further session's is a millisecond later.
    pub earliest: Timestamp,
}

/// Adds this many active sessions to an empty store, the last of which sent a heartbeat at `now`, and closes it.
pub(super) async fn fill(store: &dyn Store, sessions: u32, now: Timestamp) -> Result<Seeded> {
    let began = Instant::now();
    let mut random = fastrand::Rng::with_seed(SEED);
    let earliest = now.minus(Duration::from_millis(u64::from(sessions) - 1));
    let mut ids = Vec::with_capacity(sessions as usize);
    let mut changes = Changes::default();
    for number in 0..sessions {
        let session = session(number, earliest, &mut random)?;
        ids.push(session.id);
        changes.events.push(Event::new(session.created_at, EventKind::SessionCreated, Subject::Session(session.id)));
        changes.insert(session);
        if changes.writes.len() == PER_COMMIT as usize || number + 1 == sessions {
            store.commit(std::mem::take(&mut changes)).await.context("cannot fill the store")?;
        }
        if (number + 1).is_multiple_of(SHOWN_EVERY) {
            print!("\r  {} sessions after {:.0} s ", number + 1, began.elapsed().as_secs_f64());
            std::io::stdout().flush()?;
        }
    }
    store.close().await;
    println!("\r  {sessions} sessions in {:.1} s", began.elapsed().as_secs_f64());
    random.shuffle(&mut ids);
    Ok(Seeded { ids, earliest })
}

/// Adds this many stalled sessions, each with a task in progress and a pending one, and closes the store.
pub(super) async fn add_recoverable(store: &dyn Store, sessions: u32, now: Timestamp) -> Result<Vec<SessionId>> {
    let began = Instant::now();
    // Different ids from those of the first sessions.
    let mut random = fastrand::Rng::with_seed(SEED + 1);
    let earliest = now.minus(Duration::from_millis(u64::from(sessions)));
    let mut ids = Vec::with_capacity(sessions as usize);
    let mut changes = Changes::default();
    for number in 0..sessions {
        let mut session = session(number, earliest, &mut random)?;
        // Each in a project of its own, so that all can be placed on the same machine.
        session.project_id = ProjectId::try_from(format!("lost-{number:07}"))?;
        session.machine_id = MachineId::try_from(format!("lost-{:05}", number / PER_MACHINE))?;
        let [doing, waiting] = tasks(&session, &mut random)?;
        let current_task = Some(TaskLabel::try_from(doing.id.to_string())?);
        session.phase = Phase::Live(Live { state: LiveState::Stalled { prepared_at: None }, current_task });
        ids.push(session.id);
        changes.insert(session);
        changes.insert(doing);
        changes.insert(waiting);
        if (number + 1).is_multiple_of(PER_COMMIT) || number + 1 == sessions {
            store.commit(std::mem::take(&mut changes)).await.context("cannot add sessions to be recovered")?;
        }
    }
    store.close().await;
    println!("  {sessions} to be recovered in {:.1} s", began.elapsed().as_secs_f64());
    random.shuffle(&mut ids);
    Ok(ids)
}

fn session(number: u32, earliest: Timestamp, random: &mut fastrand::Rng) -> Result<Session> {
    let id = SessionId(fresh(random));
    let heard = earliest.plus(Duration::from_millis(u64::from(number)));
    let began = heard.minus(Duration::from_secs(3600));
    let place = u16::try_from(number % PER_MACHINE)?;
    let content = [("agent".to_owned(), "builder".into()), ("branch".to_owned(), format!("work-{number}").into())];
    Ok(Session {
        id,
        project_id: ProjectId::try_from(format!("project-{place:04}"))?,
        machine_id: MachineId::try_from(format!("machine-{:05}", number / PER_MACHINE))?,
        docker_slot: Some(Slot(place)),
        phase: Phase::Live(Live { state: LiveState::Active, current_task: None }),
        last_heartbeat: heard,
        started_at: began,
        metadata: Metadata::new(content.into_iter().collect())?,
        lineage: Lineage { id, attempt: 1, recovered_from: None },
        created_at: began,
        updated_at: began,
    })
}

fn tasks(session: &Session, random: &mut fastrand::Rng) -> Result<[Task; 2]> {
    let mut task = |name: &str, state| -> Result<Task> {
        Ok(Task {
            id: TaskId(fresh(random)),
            session_id: session.id,
            project_id: session.project_id.clone(),
            github_issue_id: None,
            name: TaskName::try_from(name.to_owned())?,
            state,
            metadata: Metadata::default(),
            copied_from: None,
            created_at: session.created_at,
            updated_at: session.created_at,
        })
    };
    let doing = TaskState::InProgress { started_at: session.started_at };
    Ok([task("write the parser", doing)?, task("write its tests", TaskState::Pending)?])
}

fn fresh(random: &mut fastrand::Rng) -> uuid::Uuid {
    uuid::Builder::from_random_bytes(random.u128(..).to_be_bytes()).into_uuid()
}
