//! A database with several pages of everything, its contents for comparison, and commands that are killed until they
//! complete.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rekindle_core::domain::event::{Event, EventKind, Subject};
use rekindle_core::domain::session::Outcome;
use rekindle_core::store::{Changes, FindTyped, MachineFilter, PageRequest, SessionFilter, Start, TaskFilter, queries};
use rekindle_core::{Machine, Session, Store, Task, Versioned};
use rekindle_store_sqlite::{Location, SqliteOptions, SqliteStore};
use rekindle_testkit::sample::{ended, key, largest_metadata, machine, noon_plus, session, task};

use crate::support::{Process, pause};

pub(crate) const SESSIONS: u64 = 2000;

fn in_store<T>(path: &Path, work: impl AsyncFnOnce(&dyn Store) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(SqliteOptions::at(Location::File(path.to_path_buf()))).unwrap();
        let done = work(&store).await;
        store.close().await;
        done
    })
}

/// Creates a database with several pages of everything.
pub(crate) fn fill(path: &Path) {
    in_store(path, async |store| {
        for from in (1..SESSIONS).step_by(500) {
            let mut changes = Changes::default();
            for n in from..from + 500 {
                let mut one = session(n);
                one.phase = ended(noon_plus(1), Outcome::Completed);
                if n.is_multiple_of(200) {
                    one.metadata = largest_metadata();
                }
                changes.insert(task(100_000 + n, &one));
                changes.insert(machine(&format!("m{n}")));
                changes.events.push(Event::new(noon_plus(1), EventKind::SessionCompleted, Subject::Session(one.id)));
                changes.insert(one);
            }
            store.commit(changes).await.unwrap();
        }
        let mut changes = Changes::default();
        changes.insert(key(1));
        store.commit(changes).await.unwrap();
    });
}

/// Sessions, tasks, machines, events, and the number of API keys.
pub(crate) type All = (Vec<Versioned<Session>>, Vec<Versioned<Task>>, Vec<Versioned<Machine>>, Vec<Event>, usize);

/// Reads everything that a database holds.
pub(crate) fn all(path: &Path) -> All {
    let page = PageRequest { limit: 10_000, start: Start::Offset(0) };
    in_store(path, async |store| {
        (
            store.read(queries::sessions(&SessionFilter::default(), page)).await.unwrap().items,
            store.read(queries::tasks(&TaskFilter::default(), page)).await.unwrap().items,
            store.read(queries::machines(&MachineFilter::default(), page)).await.unwrap().items,
            store.events(None, 10_000).await.unwrap().into_iter().map(|recorded| recorded.event).collect(),
            store.read(queries::keys()).await.unwrap().len(),
        )
    })
}

/// Starts the command and kills it at a random moment, until it completes before that. Returns the number of kills.
pub(crate) fn killed_until_done(command: impl Fn() -> Command, longest: Duration) -> u32 {
    for kills in 0.. {
        // The time limit grows, so that the command completes eventually.
        let longest = u64::try_from(longest.as_micros()).unwrap() * u64::from(kills + 1);
        let mut process = Process::start(&mut command());
        let at = Instant::now() + Duration::from_micros(fastrand::u64(..longest));
        while Instant::now() < at && process.child.try_wait().unwrap().is_none() {
            pause(Duration::from_millis(1));
        }
        if process.child.try_wait().unwrap().is_none() {
            process.signal(Signal::SIGKILL);
        }
        let left = process.wait();
        if left.code().is_some() {
            left.expect_code(0);
            return kills;
        }
    }
    0
}
