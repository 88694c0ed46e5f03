//! Tests of `writer::log`.

use std::path::Path;

use super::*;
use crate::open;
use crate::options::{Location, SqliteOptions};

const PATIENCE: Duration = Duration::from_secs(30);

#[expect(clippy::disallowed_methods, reason = "a test has no runtime to hold up, and looks again until its deadline")]
fn until(what: &str, is: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < deadline, "never came true: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn start(path: &Path, upkeep: CheckpointPolicy) -> (Connection, Checkpointer) {
    let options = SqliteOptions::at(Location::File(path.to_path_buf()));
    let mut db = open::writer(&options).unwrap();
    let log = Checkpointer::start(&mut db, open::checkpoint_connection(&options).unwrap(), upkeep).unwrap();
    (db, log)
}

/// The content of the file itself, without the log; at first not even the schema.
fn in_the_file(path: &Path) -> Option<i64> {
    let db = open::immutable(path).unwrap();
    db.query_row("SELECT due_by FROM watch", [], |row| row.get(0)).ok()
}

#[test]
fn a_log_that_nobody_asks_for_is_copied_back_when_it_is_quiet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quiet.db");
    let (db, log) = start(&path, CheckpointPolicy { idle: Duration::from_millis(20), ..CheckpointPolicy::DEFAULT });
    db.execute_batch("INSERT INTO watch VALUES (1, 2, 3, 4)").unwrap();
    until("one small commit is in the file", || in_the_file(&path) == Some(3));
    db.execute_batch("UPDATE watch SET due_by = 5").unwrap();
    until("so is the next", || in_the_file(&path) == Some(5));
    log.end(&db);
}

#[test]
fn the_planner_is_given_its_numbers_from_time_to_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numbers.db");
    let often = Duration::from_millis(20);
    let (db, log) = start(&path, CheckpointPolicy { idle: often, optimize: often });
    db.execute_batch(
        "WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 3000) \
         INSERT INTO events (at, kind, machine_id) SELECT n, 'machine.online', 'm' FROM n",
    )
    .unwrap();
    let known = || {
        let there = "SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_stat1'";
        db.query_row(there, [], |row| row.get::<_, i64>(0)).unwrap() == 1
            && db.query_row("SELECT count(*) FROM sqlite_stat1", [], |row| row.get::<_, i64>(0)).unwrap() > 0
    };
    until("the indexes were looked at", known);
    log.end(&db);
}
