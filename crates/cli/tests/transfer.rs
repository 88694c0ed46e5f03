//! `rekindle db export` and `import` as processes: killed anywhere and gone on with, refused with words, from a database
//! in use. What is moved between which stores is tested in crates/transfer.
#![expect(clippy::unwrap_used, reason = "in a test a failed expectation is the way to report")]

mod support;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rekindle_core::event::{Event, EventKind, Subject};
use rekindle_core::session::Outcome;
use rekindle_core::store::{Changes, MachineFilter, PageRequest, SessionFilter, Start, TaskFilter};
use rekindle_core::{Machine, Session, Store, Task, Versioned};
use rekindle_store_sqlite::{Location, SqliteOptions, SqliteStore};
use rekindle_testkit::sample::{ended, key, largest_metadata, machine, noon_plus, session, task};
use support::{Dev, Left, Process, call, pause, rekindle, text};

const SESSIONS: u64 = 2000;

fn in_store<T>(path: &Path, work: impl AsyncFnOnce(&dyn Store) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(SqliteOptions::at(Location::File(path.to_path_buf()))).unwrap();
        let done = work(&store).await;
        store.close().await;
        done
    })
}

/// Several pages of everything.
fn fill(path: &Path) {
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

type All = (Vec<Versioned<Session>>, Vec<Versioned<Task>>, Vec<Versioned<Machine>>, Vec<Event>, usize);

fn all(path: &Path) -> All {
    let page = PageRequest { limit: 10_000, start: Start::Offset(0) };
    in_store(path, async |store| {
        (
            store.sessions(&SessionFilter::default(), page).await.unwrap().items,
            store.tasks(&TaskFilter::default(), page).await.unwrap().items,
            store.machines(&MachineFilter::default(), page).await.unwrap().items,
            store.events(None, 10_000).await.unwrap().into_iter().map(|recorded| recorded.event).collect(),
            store.keys().await.unwrap().len(),
        )
    })
}

/// Kills the command at a random moment of its work, again and again, until it is done before; how often.
fn killed_until_done(folder: &Path, args: &[&str], longest: Duration) -> u32 {
    for kills in 0.. {
        // Each time it is left a little longer, so that it is done some day.
        let longest = u64::try_from(longest.as_micros()).unwrap() * u64::from(kills + 1);
        let mut process = Process::start(rekindle(folder).args(args));
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

#[test]
fn killed_anywhere_and_gone_on_with_nothing_is_lost_and_nothing_comes_twice() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fill(&at("a.db"));
    let expected = all(&at("a.db"));
    assert_eq!(expected.0.len() as u64, SESSIONS);
    // As long as it takes on this machine, today.
    let began = Instant::now();
    call(folder.path(), ["db", "export", "trial", "--store", "sqlite:a.db"]).expect_code(0);
    let export_takes = began.elapsed();
    let began = Instant::now();
    call(folder.path(), ["db", "import", "trial", "--store", "sqlite:trial.db"]).expect_code(0);
    let import_takes = began.elapsed();
    let mut kills = 0;
    for round in 0..3 {
        let (file, target) = (format!("f{round}"), format!("sqlite:t{round}.db"));
        let exporting = ["db", "export", &file, "--resume", "--store", "sqlite:a.db"];
        kills += killed_until_done(folder.path(), &exporting, export_takes / 2);
        kills += killed_until_done(folder.path(), &["db", "import", &file, "--store", &target], import_takes / 2);
        assert!(all(&at(&format!("t{round}.db"))) == expected, "round {round}");
        let checked = call(folder.path(), ["--json", "db", "check", "--store", &target]).json();
        assert_eq!((checked["ok"].as_bool(), checked["notes_total"].as_u64()), (Some(true), Some(0)), "{checked}");
        assert!(!at(&format!("f{round}.part")).exists());
    }
    println!("killed {kills} times");
}

#[test]
fn a_running_servers_database_is_exported_and_goes_on_elsewhere() {
    let dev = Dev::start();
    let id = text(&dev.json(&["session", "create", "--project", "p", "--machine", "m"]), "session_id");
    dev.json(&["task", "create", "--session", &id, "--name", "work"]);
    let exported = dev.json(&["db", "export", "all.gz"]);
    assert_eq!((exported["rows"]["sessions"].as_u64(), exported["rows"]["tasks"].as_u64()), (Some(1), Some(1)));
    assert_eq!(exported["changed_meanwhile"], false);
    // Its own store is in use, and full besides.
    let refused = dev.call(&["db", "import", "all.gz"]).expect_code(1);
    assert!(refused.err().contains("a server uses the store"), "{}", refused.err());

    let elsewhere = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", elsewhere.path().join("there.db").display());
    let said = dev.call(&["db", "import", "all.gz", "--store", &store]).expect_code(0);
    assert!(said.out().contains("1 sessions, 1 tasks"), "{}", said.out());
    assert_eq!(said.err(), "");
    assert_eq!(dev.json(&["db", "check", "--store", &store])["ok"], true);
    let other = Dev::with(&[("STORE_URL", &store)]);
    assert_eq!(other.json(&["session", "show", &id])["status"], "active");
    assert_eq!(other.tasks(&id).len(), 1);
}

#[test]
fn what_cannot_be_done_is_told_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "these are notes, and no export").unwrap();
    let db = |args: &[&str]| -> Left { call(folder.path(), [&["db"][..], args].concat()) };
    let said = db(&["import", "notes.txt", "--store", "sqlite:new.db"]).expect_code(1).err();
    assert!(said.contains("no export of Rekindle") && said.contains("nothing was imported"), "{said}");
    db(&["import", "none", "--store", "sqlite:new.db"]).expect_code(1);
    db(&["export", "f", "--store", "sqlite:none.db"]).expect_code(78);
    db(&["export", "f", "--store", "sqlite::memory:"]).expect_code(2);
    db(&["import", "notes.txt", "--store", "sqlite::memory:"]).expect_code(2);
    db(&["export", "--store", "sqlite:a.db"]).expect_code(2);
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["notes.txt"]);
}
