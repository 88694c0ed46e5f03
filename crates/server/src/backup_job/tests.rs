//! Tests of `backup_job`.

use std::sync::Arc;
use std::time::Duration;

use rekindle_core::store::BatchObserverHandle;
use rekindle_core::{Clock, Policy, RandomIds};
use rekindle_testkit::MemoryStore;
use tempfile::TempDir;
use tokio::time::Instant as Paused;

use super::*;
use rekindle_jobs::{JobRegistry, Scheduler};
use rekindle_stores::{Opening, StoreUrl};
use rekindle_telemetry::metrics::Metrics;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A closed database, and a plan for it.
async fn ground(keep: usize) -> (TempDir, PathBuf, BackupPlan) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rekindle.db");
    let opening =
        Opening { call_timeout: Duration::from_secs(10), retention_days: 30, watch: BatchObserverHandle::default() };
    rekindle_stores::open(&StoreUrl::in_file(&file), opening).await.unwrap().close().await;
    let plan = BackupPlan { schedule: "0 2 * * *".parse().unwrap(), folder: folder.path().join("backups"), keep };
    (folder, file, plan)
}

#[tokio::test]
async fn the_newest_stay_and_nothing_else_in_the_folder_is_touched() {
    let (_folder, file, plan) = ground(2).await;
    fs::create_dir(&plan.folder).unwrap();
    let others = [
        "rekindle-20200101T000000Z.db.gz",
        "rekindle-2020-01-01.db",
        "rekindle-20200101T000000.db",
        "rekindle-20200101T00000xZ.db",
        "my-rekindle-20200101T000000Z.db",
        "notes.txt",
    ];
    others.iter().for_each(|name| fs::write(plan.folder.join(name), "theirs").unwrap());
    fs::create_dir(plan.folder.join("rekindle-20200101T000000Z.db")).unwrap();
    fs::write(plan.folder.join(".rekindle-20200102T000000Z.db.part"), "left by a killed process").unwrap();
    for day in 1..=4 {
        take(&file, &plan, at(&format!("2026-11-0{day}T02:00:00Z")), &Stop::default()).unwrap();
    }
    let mut expected: Vec<_> = others.iter().map(|name| (*name).to_owned()).collect();
    expected.push("rekindle-20200101T000000Z.db".to_owned());
    expected.extend(["03", "04"].map(|day| format!("rekindle-202611{day}T020000Z.db")));
    expected.sort();
    assert_eq!(names(&plan.folder), expected);
}

#[tokio::test]
async fn one_that_fails_costs_no_older_one() {
    let (_folder, file, plan) = ground(1).await;
    take(&file, &plan, at("2026-11-01T02:00:00Z"), &Stop::default()).unwrap();
    let failed =
        take(&file.with_file_name("gone.db"), &plan, at("2026-11-02T02:00:00Z"), &Stop::default()).unwrap_err();
    assert!(failed.to_string().contains("gone.db"), "{failed}");
    assert_eq!(names(&plan.folder), ["rekindle-20261101T020000Z.db"]);
    // The clock was set back: the newest backup must be kept.
    take(&file, &plan, at("2026-10-01T02:00:00Z"), &Stop::default()).unwrap();
    assert_eq!(names(&plan.folder), ["rekindle-20261001T020000Z.db"]);
}

#[tokio::test]
async fn there_are_never_two_at_once() {
    let (_folder, file, plan) = ground(3).await;
    fs::create_dir(&plan.folder).unwrap();
    let other = File::open(&plan.folder).unwrap();
    other.try_lock().unwrap();
    let refused = take(&file, &plan, at("2026-11-01T02:00:00Z"), &Stop::default()).unwrap_err();
    assert!(matches!(refused, BackupError::UnderWay(_)), "{refused}");
    drop(other);
    take(&file, &plan, at("2026-11-01T02:00:00Z"), &Stop::default()).unwrap();
}

/// A clock that goes with the runtime's, which a test lets run ahead.
struct Ahead(Timestamp, Paused);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        self.0.plus(self.1.elapsed())
    }
}

#[tokio::test(start_paused = true)]
async fn they_are_taken_when_they_are_due_until_it_is_told_to_stop() {
    let (_folder, file, plan) = ground(7).await;
    let clock = Ahead(at("2026-11-20T23:30:00Z"), Paused::now());
    let tracker = Tracker::new(Arc::new(MemoryStore::new()), Arc::new(clock), Arc::new(RandomIds), Policy::default());
    let board = JobRegistry::new(&Metrics::new([], &[]));
    let mut scheduler = Scheduler::new(tracker, board, |error| error.to_string());
    scheduler.start(BackupJob::new(file, plan.clone()));
    tokio::time::sleep(Duration::from_secs(2 * 60 * 60)).await;
    assert!(!plan.folder.exists(), "nothing is due yet");
    let taken = |folder: &Path| if folder.exists() { names(folder) } else { Vec::new() };
    let done = |names: &[String]| names.iter().filter(|name| is_ours(name)).count();
    while done(&taken(&plan.folder)) < 2 {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    scheduler.stop().await;
    assert_eq!(names(&plan.folder), ["rekindle-20261121T020000Z.db", "rekindle-20261122T020000Z.db"]);
}
