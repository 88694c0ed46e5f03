//! What an operator does with a database's file: what is refused and why, and that a refusal leaves everything as it was.
#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's way to report")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rekindle_core::store::{Changes, FindTyped, StoreError, queries};
use rekindle_core::{Store, Timestamp};
use rekindle_integrity::{CheckEvent, Rule};
use rekindle_store_sqlite::maintenance::{
    self, Existing, MaintenanceError, Progress, Restored, Stop, backup, restore, vacuum,
};
use rekindle_store_sqlite::{Location, OpenError, SqliteOptions, SqliteStore};
use rekindle_testkit::sample::{largest_metadata, session, task};
use rusqlite::Connection;
use tempfile::TempDir;

/// Tells this program, started again, what to do.
const ROLE: &str = "REKINDLE_TEST_ROLE";
const FILES: &str = "REKINDLE_TEST_FILES";

fn options(path: &Path) -> SqliteOptions {
    SqliteOptions::at(Location::File(path.to_path_buf()))
}

/// A closed database with so many sessions.
async fn database(path: &Path, sessions: u64) {
    let store = SqliteStore::open(options(path)).unwrap();
    add(&store, 1..=sessions).await;
    store.close().await;
}

async fn add(store: &SqliteStore, numbers: impl IntoIterator<Item = u64>) {
    for n in numbers {
        let mut changes = Changes::default();
        let mut big = session(n);
        big.metadata = largest_metadata();
        changes.insert(task(100_000 + n, &big));
        changes.insert(big);
        store.commit(changes).await.unwrap();
    }
}

fn sessions(path: &Path) -> i64 {
    let db = Connection::open(path).unwrap();
    db.query_row("SELECT count(*) FROM sessions", [], |row| row.get(0)).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Every file, byte for byte.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    names(folder).into_iter().map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect()
}

fn now() -> Timestamp {
    "2026-11-21T02:03:04.567Z".parse().unwrap()
}

fn back_up(from: &Path, to: &Path, existing: Existing) -> Result<(), MaintenanceError> {
    backup(from, to, existing, &Stop::default(), &mut |_| {}).map(drop)
}

fn put_back(from: &Path, to: &Path, existing: Existing) -> Result<Restored, MaintenanceError> {
    restore(from, to, existing, now(), &Stop::default(), &mut |_| {})
}

fn folder() -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("a.db"), folder.path().join("b.db"));
    (folder, one, other)
}

/// This program again, in a role.
fn again(role: &str, test: &str, files: &[&Path]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let files = std::env::join_paths(files).unwrap();
    command.args(["--exact", test, "--nocapture"]).env(ROLE, role).env(FILES, files);
    command
}

fn role() -> Option<(String, Vec<PathBuf>)> {
    let files = std::env::var_os(FILES)?;
    Some((std::env::var(ROLE).ok()?, std::env::split_paths(&files).collect()))
}

#[tokio::test]
async fn a_backup_is_one_file_that_opens_as_a_database() {
    let (folder, from, to) = folder();
    database(&from, 40).await;
    let mut told = Vec::new();
    let done = backup(&from, &to, Existing::Stays, &Stop::default(), &mut |progress| told.push(progress)).unwrap();
    assert_eq!(names(folder.path()), ["a.db", "b.db"]);
    assert_eq!(done.bytes, fs::metadata(&to).unwrap().len());
    assert_eq!(told.last(), Some(&Progress::Verifying));
    assert!(told.contains(&Progress::Copying { done: done.pages, of: done.pages }), "{told:?}");
    let store = SqliteStore::open(options(&to)).unwrap();
    assert_eq!(store.read(queries::counts()).await.unwrap().active, 40);
    add(&store, [99]).await;
    store.close().await;
}

#[tokio::test]
async fn nothing_is_overwritten_unless_it_is_asked_for() {
    let (folder, from, to) = folder();
    database(&from, 3).await;
    fs::write(&to, "a letter").unwrap();
    let before = contents(folder.path());
    let refused = back_up(&from, &to, Existing::Stays).unwrap_err();
    assert!(matches!(&refused, MaintenanceError::Exists(path) if *path == to), "{refused}");
    assert!(refused.to_string().contains("--force"), "{refused}");
    let refused = put_back(&from, &to, Existing::Stays).unwrap_err();
    assert!(matches!(refused, MaintenanceError::Exists(_)), "{refused}");
    for existing in [Existing::Stays, Existing::IsReplaced] {
        let refused = back_up(&from, &from, existing).unwrap_err();
        assert!(matches!(refused, MaintenanceError::SameFile(_)), "{refused}");
    }
    assert_eq!(contents(folder.path()), before);
    back_up(&from, &to, Existing::IsReplaced).unwrap();
    assert_eq!(sessions(&to), 3);
}

#[tokio::test]
async fn what_is_no_database_of_ours_is_refused_and_leaves_nothing() {
    let (folder, from, to) = folder();
    let refused = back_up(&from, &to, Existing::Stays).unwrap_err();
    assert!(matches!(refused, MaintenanceError::Open(OpenError::Missing(_))), "{refused}");
    fs::write(&from, "a letter to a friend\n".repeat(1000)).unwrap();
    let refused = back_up(&from, &to, Existing::Stays).unwrap_err();
    assert!(matches!(refused, MaintenanceError::Open(OpenError::NotADatabase(_))), "{refused}");
    fs::remove_file(&from).unwrap();
    Connection::open(&from).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let refused = back_up(&from, &to, Existing::Stays).unwrap_err();
    assert!(matches!(refused, MaintenanceError::Open(OpenError::Foreign(_))), "{refused}");
    fs::remove_file(&from).unwrap();
    database(&from, 1).await;
    Connection::open(&from)
        .unwrap()
        .execute_batch("INSERT INTO refinery_schema_history VALUES (999, 'later', '2030-01-01T00:00:00Z', '1')")
        .unwrap();
    for refused in [back_up(&from, &to, Existing::Stays), put_back(&from, &to, Existing::Stays).map(drop)] {
        let refused = refused.unwrap_err();
        assert!(matches!(refused, MaintenanceError::Open(OpenError::Newer { found: 999, .. })), "{refused}");
    }
    let nowhere = folder.path().join("none/b.db");
    assert!(matches!(
        back_up(&from, &nowhere, Existing::Stays),
        Err(MaintenanceError::Open(OpenError::Newer { .. } | OpenError::NoFolder(_)))
    ));
    assert_eq!(names(folder.path()), ["a.db"]);
}

#[tokio::test]
async fn a_damaged_database_is_not_kept_as_a_backup_and_not_restored() {
    let (folder, from, to) = folder();
    database(&from, 20).await;
    let mut bytes = fs::read(&from).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096 * 40].fill(0x5a);
    fs::write(&from, bytes).unwrap();
    for refused in [back_up(&from, &to, Existing::Stays), put_back(&from, &to, Existing::Stays).map(drop)] {
        let refused = refused.unwrap_err();
        assert!(matches!(&refused, MaintenanceError::Damaged { path, .. } if *path == from), "{refused}");
    }
    assert_eq!(names(folder.path()), ["a.db"]);
    let report = maintenance::check(&from, &Stop::default(), &mut |_| {}).unwrap();
    assert!(!report.problems.is_empty());
}

#[tokio::test]
async fn what_is_told_to_stop_leaves_nothing() {
    let (folder, from, to) = folder();
    database(&from, 60).await;
    for last in [Progress::Copying { done: 0, of: 0 }, Progress::Verifying] {
        let stop = Stop::default();
        let mut tell = |progress| {
            if std::mem::discriminant(&progress) == std::mem::discriminant(&last) {
                stop.stop();
            }
        };
        let ended = backup(&from, &to, Existing::Stays, &stop.clone(), &mut tell);
        assert!(matches!(ended, Err(MaintenanceError::Stopped)), "{ended:?}");
        assert_eq!(names(folder.path()), ["a.db"]);
    }
}

#[tokio::test]
async fn a_backup_that_is_killed_leaves_no_half_file_under_the_final_name() {
    const TEST: &str = "a_backup_that_is_killed_leaves_no_half_file_under_the_final_name";
    if let Some((_, files)) = role() {
        let halt = &mut |progress| {
            if matches!(progress, Progress::Copying { .. }) {
                println!("copying");
                // Until it is killed.
                std::io::stdin().read_line(&mut String::new()).unwrap();
            }
        };
        backup(&files[0], &files[1], Existing::Stays, &Stop::default(), halt).unwrap();
        return;
    }
    let (folder, from, to) = folder();
    database(&from, 60).await;
    let mut child = again("halt", TEST, &[&from, &to]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    assert!(lines.map_while(Result::ok).any(|line| line.ends_with("copying")));
    let refused = back_up(&from, &to, Existing::Stays).unwrap_err();
    assert!(matches!(refused, MaintenanceError::UnderWay(_)), "{refused}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!to.exists());
    assert!(names(folder.path()).contains(&".b.db.part".to_owned()), "it was killed half-way");
    back_up(&from, &to, Existing::Stays).unwrap();
    assert_eq!(names(folder.path()), ["a.db", "b.db"]);
    assert_eq!(sessions(&to), 60);
}

#[tokio::test]
async fn a_restore_keeps_what_was_there_and_removes_its_log() {
    let (folder, from, to) = folder();
    database(&from, 3).await;
    database(&to, 5).await;
    // A log that was left behind by a crash, with a change that is nowhere else.
    let crashed = Connection::open(&to).unwrap();
    crashed.execute_batch("PRAGMA journal_mode = wal; PRAGMA wal_autocheckpoint = 0; DELETE FROM tasks").unwrap();
    let log = folder.path().join("b.db-wal");
    let left = [&to, &log].map(|file| (file, fs::read(file).unwrap()));
    drop(crashed);
    left.iter().for_each(|(file, bytes)| fs::write(file, bytes).unwrap());
    assert!(log.exists());
    let refused = put_back(&from, &to, Existing::Stays).unwrap_err();
    assert!(matches!(refused, MaintenanceError::Exists(_)), "{refused}");
    let restored = put_back(&from, &to, Existing::IsReplaced).unwrap();
    let kept = folder.path().join("b.db.before-restore-20261121T020304Z");
    assert_eq!(restored.kept.as_ref(), Some(&kept));
    assert_eq!(names(folder.path()), ["a.db", "b.db", "b.db.before-restore-20261121T020304Z"]);
    assert_eq!((sessions(&to), sessions(&kept)), (3, 5));
    let tasks = |path: &Path| {
        let db = Connection::open(path).unwrap();
        db.query_row("SELECT count(*) FROM tasks", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((tasks(&to), tasks(&kept)), (3, 0), "the log went into the database that it belongs to");
}

#[cfg(unix)]
#[tokio::test]
async fn what_root_restores_belongs_to_the_user_of_the_folder() {
    use std::os::unix::fs::{MetadataExt, chown};
    let (folder, from, to) = folder();
    database(&from, 3).await;
    let users = folder.path().join("users");
    fs::create_dir(&users).unwrap();
    // Only root can give a folder away; for everybody else there is one owner, and nothing to be seen here but that.
    let given = chown(&users, Some(4711), Some(4712)).is_ok();
    let owner = |path: &Path| fs::metadata(path).map(|about| (about.uid(), about.gid())).unwrap();
    assert_eq!(owner(&users) == (4711, 4712), given);
    let to = users.join(to.file_name().unwrap());
    put_back(&from, &to, Existing::Stays).unwrap();
    assert_eq!(owner(&to), owner(&users));
    put_back(&from, &to, Existing::IsReplaced).unwrap();
    assert_eq!(owner(&to), owner(&users));
}

#[tokio::test]
async fn a_file_that_is_too_broken_to_be_opened_can_be_replaced_and_is_kept() {
    let (folder, from, to) = folder();
    database(&from, 3).await;
    fs::write(&to, "nothing that anybody can read").unwrap();
    fs::write(folder.path().join("b.db-wal"), "stale").unwrap();
    let kept = put_back(&from, &to, Existing::IsReplaced).unwrap().kept.unwrap();
    assert_eq!(fs::read_to_string(&kept).unwrap(), "nothing that anybody can read");
    assert_eq!(sessions(&to), 3);
    assert!(!folder.path().join("b.db-wal").exists());
}

#[tokio::test]
async fn a_database_in_use_is_neither_replaced_nor_vacuumed() {
    const TEST: &str = "a_database_in_use_is_neither_replaced_nor_vacuumed";
    if let Some((_, files)) = role() {
        let refused = [
            put_back(&files[0], &files[1], Existing::IsReplaced).map(drop),
            back_up(&files[0], &files[1], Existing::IsReplaced),
            vacuum(&files[1], &Stop::default(), &mut |_| {}).map(drop),
        ];
        for refused in refused {
            let refused = refused.unwrap_err();
            assert!(matches!(&refused, MaintenanceError::InUse(path) if *path == files[1]), "{refused}");
        }
        return;
    }
    let (folder, from, to) = folder();
    database(&from, 3).await;
    let live = SqliteStore::open(options(&to)).unwrap();
    add(&live, 1..=5).await;
    // Another connection of this process comes and goes: it must not take the locks of the first along.
    let second = SqliteStore::open(options(&to)).unwrap();
    second.close().await;
    let before = names(folder.path());
    let other = again("refused", TEST, &[&from, &to]).output().unwrap();
    assert!(other.status.success(), "{}", String::from_utf8_lossy(&other.stderr));
    let ours = put_back(&from, &to, Existing::IsReplaced).unwrap_err();
    assert!(matches!(ours, MaintenanceError::InUse(_)), "{ours}");
    assert_eq!(names(folder.path()), before);
    add(&live, [6]).await;
    assert_eq!(live.read(queries::counts()).await.unwrap().active, 6);
    live.close().await;
    put_back(&from, &to, Existing::IsReplaced).unwrap();
    assert_eq!(sessions(&to), 3);
}

#[tokio::test]
async fn a_vacuum_gives_back_the_room_of_what_was_deleted() {
    let (folder, path, _) = folder();
    database(&path, 60).await;
    Connection::open(&path).unwrap().execute_batch("DELETE FROM tasks; DELETE FROM sessions WHERE seq > 5").unwrap();
    let done = vacuum(&path, &Stop::default(), &mut |_| {}).unwrap();
    assert!(done.after * 5 < done.before, "{done:?}");
    assert_eq!(names(folder.path()), ["a.db"]);
    assert_eq!(maintenance::check(&path, &Stop::default(), &mut |_| {}).unwrap().problems, Vec::<String>::new());
    let store = SqliteStore::open(options(&path)).unwrap();
    assert_eq!(store.read(queries::counts()).await.unwrap().active, 5);
    store.close().await;
}

#[tokio::test]
async fn a_check_names_what_is_wrong_and_changes_nothing() {
    let (folder, path, _) = folder();
    database(&path, 3).await;
    let check = || maintenance::check(&path, &Stop::default(), &mut |_| {}).unwrap();
    let sound = check();
    assert_eq!((sound.schema, &sound.problems), (sound.known, &Vec::new()));
    let spoil = |sql: &str| Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    spoil(
        "UPDATE session_counts SET n = 7 WHERE status = 'active'; UPDATE task_counts SET n = 1 WHERE status = 'failed'",
    );
    spoil("UPDATE sessions SET metadata = 'not JSON' WHERE seq = 2");
    let before = contents(folder.path());
    let problems = check().problems;
    assert_eq!(contents(folder.path()), before);
    assert_eq!(problems.len(), 3, "{problems:?}");
    for words in ["counts 7 active sessions, and there are 3", "counts 1 failed tasks, and there are 0", "row 2 "] {
        assert!(problems.iter().any(|problem| problem.contains(words)), "{words}: {problems:?}");
    }
    spoil(
        "PRAGMA writable_schema = on; UPDATE sqlite_schema SET sql = replace(sql, 'project_id, ', '') WHERE name = 'sessions_project'",
    );
    assert!(check().problems.iter().any(|problem| problem.contains("sessions_project")));
}

#[tokio::test]
async fn the_rules_about_sets_are_checked_also_where_their_indexes_are_gone() {
    let (_folder, path, _) = folder();
    database(&path, 3).await;
    Connection::open(&path)
        .unwrap()
        .execute_batch(
            "DROP INDEX sessions_one_active; DROP INDEX sessions_one_per_slot;
             UPDATE sessions SET project_id = 'p1', docker_slot = 4",
        )
        .unwrap();
    let store = SqliteStore::open_to_read(options(&path)).unwrap();
    let mut rules = Vec::new();
    let mut hear = |news| {
        if let CheckEvent::Found(finding) = news {
            rules.push(finding.rule);
        }
    };
    rekindle_integrity::check(&store, &mut hear).await.unwrap();
    store.close().await;
    rules.sort_unstable();
    // Tasks kept the projects that they were born with.
    rules.retain(|rule| *rule != Rule::TaskProject);
    assert_eq!(rules, [Rule::OneActive, Rule::OneActive, Rule::OnePerSlot, Rule::OnePerSlot]);
}

#[tokio::test]
async fn a_store_for_reading_writes_nothing_and_makes_nothing() {
    let (folder, path, missing) = folder();
    database(&path, 3).await;
    let before = contents(folder.path());
    assert!(matches!(SqliteStore::open_to_read(options(&missing)), Err(OpenError::Missing(_))));
    let store = SqliteStore::open_to_read(options(&path)).unwrap();
    assert_eq!(store.read(queries::counts()).await.unwrap().active, 3);
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(why)) if why.contains("reading only")));
    store.close().await;
    assert_eq!(contents(folder.path()), before);
    Connection::open(&path).unwrap().execute_batch("DELETE FROM refinery_schema_history WHERE version > 1").unwrap();
    let older = SqliteStore::open_to_read(options(&path)).unwrap_err();
    assert!(matches!(older, OpenError::Older { found: 1, .. }), "{older}");
}
