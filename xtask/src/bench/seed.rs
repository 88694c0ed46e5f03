//! Filling a store with live sessions, through the port, a thousand to a commit.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rekindle_core::event::{Event, EventKind, Subject};
use rekindle_core::session::{Lineage, Live, LiveState, Phase, Session};
use rekindle_core::store::{Changes, Store};
use rekindle_core::{MachineId, Metadata, ProjectId, SessionId, Slot, Timestamp};
use rekindle_store_sqlite::{Location, SqliteOptions, SqliteStore};

/// The random numbers of every run are the same.
pub const SEED: u64 = 20_260_119;

const PER_COMMIT: u32 = 1000;
const PER_MACHINE: u32 = 1000;
const SHOWN_EVERY: u32 = 100_000;

/// What was put into a store.
pub struct Seeded {
    /// The sessions in random order, so that whoever goes through them finds no page warm from the one before.
    pub ids: Vec<SessionId>,
    /// When the longest silent one was heard. Each further one was heard a millisecond later.
    pub earliest: Timestamp,
}

/// Opens the store in `file`.
pub async fn open(file: &Path) -> Result<Arc<dyn Store>> {
    let options = SqliteOptions { location: Location::File(file.to_owned()), ..SqliteOptions::default() };
    Ok(Arc::new(SqliteStore::open(options)?))
}

/// Makes a new store in `file` with this many active sessions, the last of which was heard at `now`.
pub async fn fill(file: &Path, sessions: u32, now: Timestamp) -> Result<Seeded> {
    let began = Instant::now();
    let store = open(file).await?;
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

fn session(number: u32, earliest: Timestamp, random: &mut fastrand::Rng) -> Result<Session> {
    let id = SessionId(uuid::Builder::from_random_bytes(random.u128(..).to_be_bytes()).into_uuid());
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
