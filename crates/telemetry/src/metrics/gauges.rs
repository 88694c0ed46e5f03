//! The numbers of sessions, tasks and machines, read from the store for a scrape: at most once a second, and within a
//! short time limit. An unavailable store does not keep the other metrics from being shown.

use std::time::{Duration, Instant};

use rekindle_core::store::{FindTyped, MachineFilter, PageRequest, SessionCounts, Start, TaskFilter, queries};
use rekindle_core::{MachineStatus, SessionStatus, Store, StoreError, TaskStatus};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::exposition::Page;
use super::names::{ACTIVE_SESSIONS, MACHINES, SESSIONS, STALLED_SESSIONS, STORE_UP, TASKS};

/// How long a read is valid.
const CACHE_TTL: Duration = Duration::from_secs(1);
/// How long the store may take.
const LIMIT: Duration = Duration::from_secs(2);

/// The store's last answer; none: it had none.
#[derive(Default)]
pub(super) struct Gauges(Mutex<Option<(Instant, Option<Population>)>>);

/// How many there are of everything.
#[derive(Clone)]
struct Population {
    sessions: SessionCounts,
    tasks: Vec<(&'static str, u64)>,
    machines: Vec<(&'static str, u64)>,
}

impl Gauges {
    /// Reads the store, or returns the last read while it is valid. Concurrent callers wait for one read.
    pub(super) async fn add_to(&self, page: &mut Page, store: &dyn Store) {
        let mut last = self.0.lock().await;
        let population = match &*last {
            Some((asked, population)) if asked.elapsed() < CACHE_TTL => population.clone(),
            Some(_) | None => {
                let population = timeout(LIMIT, ask(store)).await.ok().and_then(Result::ok);
                *last = Some((Instant::now(), population.clone()));
                population
            }
        };
        drop(last);
        page.one(&STORE_UP, Some(if population.is_some() { 1.0 } else { 0.0 }));
        if let Some(population) = population {
            population.add_to(page);
        }
    }
}

async fn ask(store: &dyn Store) -> Result<Population, StoreError> {
    // Only the total matters; the smallest page has one row.
    let page = PageRequest { limit: 1, start: Start::Offset(0) };
    let sessions = store.read(queries::counts()).await?;
    let mut tasks = Vec::with_capacity(TaskStatus::ALL.len());
    for status in TaskStatus::ALL {
        let filter = TaskFilter { status: Some(status), ..TaskFilter::default() };
        tasks.push((status.as_str(), store.read(queries::tasks(&filter, page)).await?.total));
    }
    let mut machines = Vec::with_capacity(MachineStatus::ALL.len());
    for status in MachineStatus::ALL {
        machines.push((
            status.as_str(),
            store.read(queries::machines(&MachineFilter { status: Some(status) }, page)).await?.total,
        ));
    }
    Ok(Population { sessions, tasks, machines })
}

impl Population {
    fn add_to(mut self, page: &mut Page) {
        page.one(&ACTIVE_SESSIONS, Some(number(self.sessions.active)));
        page.one(&STALLED_SESSIONS, Some(number(self.sessions.stalled)));
        let sessions = SessionStatus::ALL.map(|status| (status.as_str(), *self.sessions.of(status)));
        for (metric, counted) in [(&SESSIONS, &sessions[..]), (&TASKS, &self.tasks), (&MACHINES, &self.machines)] {
            page.add(metric, counted.iter().map(|(status, n)| (std::slice::from_ref(status), number(*n))));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "no store holds as many rows as a float has digits")]
fn number(n: u64) -> f64 {
    n as f64
}
