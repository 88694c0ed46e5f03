//! What is refused, in which words, and that it is left as it was.

use std::fs;
use std::path::Path;

use super::schema::embedded;
use super::*;

fn at(path: &Path) -> SqliteOptions {
    SqliteOptions::at(Location::File(path.to_path_buf()))
}

fn refusal(path: &Path) -> OpenError {
    writer(&at(path)).expect_err("this is refused")
}

/// Everything in a folder, byte for byte.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn the_bundled_sqlite_does_not_lose_commits_when_its_log_starts_afresh() {
    // Versions before 3.51.3 do: https://sqlite.org/wal.html#walresetbug
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

#[test]
fn a_fresh_file_gets_the_schema_and_an_existing_one_keeps_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.db");
    let db = writer(&at(&path)).unwrap();
    let applied = "SELECT count(*) FROM refinery_schema_history";
    let count = |db: &Connection, sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count(&db, applied), i64::try_from(embedded::migrations::runner().get_migrations().len()).unwrap());
    db.execute_batch("INSERT INTO watch VALUES (1, 2, 3, 4)").unwrap();
    drop(db);
    let before = fs::read(&path).unwrap();
    let db = writer(&at(&path)).unwrap();
    assert_eq!(count(&db, "SELECT due_by FROM watch"), 3);
    assert_eq!(count(&db, applied), count(&db, "SELECT max(version) FROM refinery_schema_history"));
    drop(db);
    assert_eq!(fs::read(&path).unwrap(), before, "nothing was left to migrate, and something was written");
}

#[test]
fn an_empty_file_becomes_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.db");
    fs::write(&path, "").unwrap();
    let db = writer(&at(&path)).unwrap();
    assert_eq!(application_id(&db).unwrap(), APPLICATION_ID);
}

#[test]
fn a_commit_is_synced_and_the_log_is_ours_to_copy() {
    let folder = tempfile::tempdir().unwrap();
    let db = writer(&at(&folder.path().join("a.db"))).unwrap();
    let setting = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(setting("synchronous"), 2);
    assert_eq!(setting("wal_autocheckpoint"), 0);
    assert_eq!(setting("mmap_size"), 0);
    assert_eq!(db.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0)).unwrap(), "wal");
}

#[test]
fn a_reader_cannot_write() {
    let folder = tempfile::tempdir().unwrap();
    let options = at(&folder.path().join("a.db"));
    let _writer = writer(&options).unwrap();
    let refused = reader(&options).unwrap().execute_batch("DELETE FROM sessions").unwrap_err();
    assert_eq!(refused.sqlite_error_code(), Some(ErrorCode::ReadOnly));
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let refused = refusal(&missing.join("a.db"));
    assert!(matches!(&refused, OpenError::NoFolder(path) if *path == missing), "{refused:?}");
    assert!(refused.to_string().contains(&format!("no folder {}", missing.display())), "{refused}");
    assert!(refused.to_string().contains("create it"), "{refused}");
    assert!(!missing.exists());
}

#[test]
fn a_folder_is_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let refused = refusal(folder.path());
    assert!(matches!(refused, OpenError::IsFolder(_)), "{refused:?}");
    assert!(refused.to_string().contains("is a folder; name a file in it"), "{refused}");
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [("short", "hello"), ("long", &*"a letter to a friend\n".repeat(1000))] {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let before = contents(folder.path());
        let refused = refusal(&path);
        assert!(matches!(refused, OpenError::NotADatabase(_)), "{refused:?}");
        assert!(refused.to_string().contains("is not a SQLite database"), "{refused}");
        assert_eq!(contents(folder.path()), before);
    }
}

#[test]
fn another_programs_database_is_left_alone_even_with_a_log_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("theirs.db");
    let theirs = Connection::open(&path).unwrap();
    theirs.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (42)").unwrap();
    let log = fs::read(folder.path().join("theirs.db-wal")).unwrap();
    assert!(!log.is_empty());
    let refused = refusal(&path);
    assert!(matches!(refused, OpenError::Foreign(_)), "{refused:?}");
    assert!(refused.to_string().contains("of another program"), "{refused}");
    assert_eq!(fs::read(folder.path().join("theirs.db-wal")).unwrap(), log);
    assert_eq!(theirs.query_row("SELECT x FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 42);
    drop(theirs);
    let before = contents(folder.path());
    assert!(matches!(refusal(&path), OpenError::Foreign(_)));
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn a_newer_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("newer.db");
    let newer = known() + 1;
    let db = writer(&at(&path)).unwrap();
    db.execute_batch(&format!(
        "INSERT INTO refinery_schema_history VALUES ({newer}, 'later', '2030-01-01T00:00:00Z', '1');
         CREATE TABLE of_a_later_version (x); INSERT INTO watch VALUES (1, 2, 3, 4);"
    ))
    .unwrap();
    drop(db);
    let before = contents(folder.path());
    let refused = refusal(&path);
    assert!(matches!(refused, OpenError::Newer { found, known: ours, .. } if found == newer && ours == known()));
    assert!(refused.to_string().contains("written by a newer version of Rekindle"), "{refused}");
    assert!(refused.to_string().contains(&format!("schema {newer}")), "{refused}");
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn a_schema_that_diverged_is_refused_and_keeps_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("diverged.db");
    let db = writer(&at(&path)).unwrap();
    db.execute_batch("UPDATE refinery_schema_history SET checksum = '1'; INSERT INTO watch VALUES (1, 2, 3, 4)")
        .unwrap();
    drop(db);
    let before = contents(folder.path());
    let refused = refusal(&path);
    assert!(matches!(refused, OpenError::Migration { .. }), "{refused:?}");
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn a_folder_of_the_system_that_takes_no_files_is_named() {
    // Not even root may make a file here.
    let path = Path::new("/proc/rekindle.db");
    if !Path::new("/proc/self").exists() {
        println!("skipped: there is no /proc here");
        return;
    }
    let refused = refusal(path);
    assert!(matches!(refused, OpenError::NotWritable { .. }), "{refused:?}");
    assert!(refused.to_string().contains("/proc/rekindle.db cannot be written"), "{refused}");
    assert!(refused.to_string().contains("write access"), "{refused}");
}

#[cfg(unix)]
mod unwritable {
    //! Permissions do not bind root: where the tests run as root, the check runs again as the user nobody.

    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;

    const NOBODY: u32 = 65534;
    const FOLDER: &str = "REKINDLE_TEST_UNWRITABLE";

    fn allow(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// The expectations for a user whom permissions bind.
    fn check(folder: &Path) {
        let read_only_file = folder.join("open/read-only.db");
        let refused = refusal(&read_only_file);
        assert!(matches!(refused, OpenError::NotWritable { .. }), "{refused:?}");
        assert!(refused.to_string().contains("read-only.db cannot be written"), "{refused}");
        for file in ["closed/there.db", "closed/new.db"] {
            let refused = refusal(&folder.join(file));
            assert!(matches!(refused, OpenError::NotWritable { .. }), "{file}: {refused:?}");
            assert!(refused.to_string().contains("beside it in the same folder"), "{refused}");
        }
    }

    #[test]
    fn what_cannot_be_written_is_named_and_left_alone() {
        if let Ok(folder) = std::env::var(FOLDER) {
            return check(Path::new(&folder));
        }
        let folder = tempfile::tempdir().unwrap();
        allow(folder.path(), 0o755);
        for (sub, file) in [("open", "read-only.db"), ("closed", "there.db")] {
            fs::create_dir(folder.path().join(sub)).unwrap();
            let path = folder.path().join(sub).join(file);
            drop(writer(&at(&path)).unwrap());
            allow(&path, if sub == "open" { 0o444 } else { 0o666 });
        }
        allow(&folder.path().join("open"), 0o777);
        allow(&folder.path().join("closed"), 0o555);
        let before = [contents(&folder.path().join("open")), contents(&folder.path().join("closed"))];
        if fs::metadata(folder.path()).unwrap().uid() == 0 {
            // The program is copied to a folder that other users may not enter.
            let program = folder.path().join("program");
            fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
            allow(&program, 0o755);
            let again = Command::new(program)
                .args(["--exact", "open::tests::unwritable::what_cannot_be_written_is_named_and_left_alone"])
                .env(FOLDER, folder.path())
                .current_dir(folder.path())
                .uid(NOBODY)
                .gid(NOBODY)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&again.stdout);
            assert!(again.status.success() && said.contains("1 passed"), "{said}");
        } else {
            check(folder.path());
        }
        assert_eq!([contents(&folder.path().join("open")), contents(&folder.path().join("closed"))], before);
        allow(&folder.path().join("closed"), 0o755);
    }
}

#[test]
fn several_may_open_a_new_file_at_once() {
    for round in 0..25 {
        let folder = tempfile::tempdir().unwrap();
        let options = at(&folder.path().join("shared.db"));
        let start = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            let open = || {
                start.wait();
                writer(&options).map(drop).map_err(|error| format!("{error:?}"))
            };
            let opened: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
            for opened in opened {
                assert_eq!(opened.join().unwrap(), Ok(()), "in round {round}");
            }
        });
    }
}

#[test]
fn a_header_that_is_ahead_of_its_file_is_read_all_the_same() {
    // As it is while the log is copied into the file, and after a crash in the middle of that.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("torn.db");
    drop(writer(&at(&path)).unwrap());
    let mut bytes = fs::read(&path).unwrap();
    let pages = u32::from_be_bytes(bytes[28..32].try_into().unwrap());
    bytes[28..32].copy_from_slice(&(pages + 7).to_be_bytes());
    fs::write(&path, &bytes).unwrap();
    assert!(
        immutable(&path).and_then(|db| application_id(&db)).is_err(),
        "SQLite minds it; this test is of no use if not"
    );
    inspect(&path).unwrap();
    bytes[68..72].copy_from_slice(&7_u32.to_be_bytes());
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(inspect(&path), Err(OpenError::Foreign(_))), "and whose it is is still seen");
}

mod declarations;
mod upgrade;
