//! `rekindle db` as a process: beside a running server and without one, with every exit code, also on a full disk.
#![expect(clippy::unwrap_used, reason = "in a test a failed expectation is the way to report")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use rekindle_core::Store;
use rekindle_core::store::Changes;
use rekindle_store_sqlite::{Location, SqliteOptions, SqliteStore};
use rekindle_testkit::sample::{largest_metadata, session, task};
use serde_json::Value;
use support::{Dev, Left, Process, call, rekindle, text};

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Creates a database with these changes and closes it.
fn database(path: &Path, changes: Vec<Changes>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(SqliteOptions::at(Location::File(path.to_path_buf()))).unwrap();
        for changes in changes {
            store.commit(changes).await.unwrap();
        }
        store.close().await;
    });
}

/// Changes that create this many sessions with 64 KB of metadata each.
fn bulk(sessions: u64) -> Vec<Changes> {
    let one = |n| {
        let mut big = session(n);
        big.metadata = largest_metadata();
        let mut changes = Changes::default();
        changes.insert(big);
        changes
    };
    (1..=sessions).map(one).collect()
}

#[test]
fn a_database_in_use_is_checked_and_backed_up_and_the_backup_can_be_served() {
    let dev = Dev::start();
    let id = text(&dev.json(&["session", "create", "--project", "p", "--machine", "m"]), "session_id");
    dev.json(&["task", "create", "--session", &id, "--name", "work"]);
    let checked = dev.json(&["db", "check"]);
    assert_eq!((checked["ok"].as_bool(), checked["violations_total"].as_u64()), (Some(true), Some(0)), "{checked}");
    assert_eq!(checked["database"]["problems"], serde_json::json!([]));
    assert_eq!((checked["read"]["sessions"].as_u64(), checked["read"]["tasks"].as_u64()), (Some(1), Some(1)));
    let said = dev.call(&["db", "check"]).expect_code(0);
    assert!(said.out().contains("is sound") && said.out().contains("no rule is broken"), "{}", said.out());
    assert_eq!(said.err(), "", "nobody watches, and nothing is drawn");

    let done = dev.json(&["db", "backup", "copy.db"]);
    assert_eq!(done["bytes"].as_u64(), Some(fs::metadata(dev.folder().join("copy.db")).unwrap().len()));
    let refused = dev.call(&["db", "backup", "copy.db"]).expect_code(1);
    assert!(
        refused.err().contains("copy.db is there already") && refused.err().contains("--force"),
        "{}",
        refused.err()
    );
    dev.call(&["db", "backup", "copy.db", "--force"]).expect_code(0);
    assert_eq!(names(dev.folder()), [".rekindle", "copy.db"]);

    let elsewhere = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", elsewhere.path().join("there.db").display());
    dev.call(&["db", "restore", "copy.db", "--store", &store]).expect_code(0);
    assert_eq!(dev.json(&["db", "check", "--store", &store])["ok"], true);
    let other = Dev::with(&[("STORE_URL", &store)]);
    assert_eq!(other.json(&["session", "show", &id])["session_id"], id.as_str());
}

#[test]
fn a_restore_refuses_a_database_in_use_and_keeps_the_replaced_one() {
    let mut dev = Dev::start();
    let create = |dev: &Dev, project: &str| {
        text(&dev.json(&["session", "create", "--project", project, "--machine", "m"]), "session_id")
    };
    let first = create(&dev, "p");
    dev.call(&["db", "backup", "copy.db"]).expect_code(0);
    let second = create(&dev, "q");
    for args in [&["db", "restore", "copy.db", "--force"][..], &["db", "restore", "copy.db"], &["db", "vacuum"]] {
        let refused = dev.call(args).expect_code(1);
        assert!(refused.err().contains("in use by another process"), "{}", refused.err());
    }
    let before = names(&dev.data());
    assert_eq!(dev.json(&["session", "show", &second])["status"], "active", "the server goes on");
    dev.stop().expect_code(0);
    let refused = dev.call(&["db", "restore", "copy.db"]).expect_code(1);
    assert!(refused.err().contains("--force"), "{}", refused.err());
    let restored = dev.json(&["db", "restore", "copy.db", "--force"]);
    let kept = text(&restored, "kept");
    assert!(kept.contains("rekindle.db.before-restore-20"), "{kept}");
    assert!(!before.iter().any(|name| name.ends_with(".part")), "{before:?}");
    dev.start_again();
    assert_eq!(dev.json(&["session", "show", &first])["status"], "active");
    dev.call(&["session", "show", &second]).expect_code(3);
    // The replaced database is complete.
    let old = dev.json(&["db", "check", "--store", &format!("sqlite:{kept}")]);
    assert_eq!((old["ok"].as_bool(), old["read"]["sessions"].as_u64()), (Some(true), Some(2)), "{old}");
}

#[test]
fn a_broken_rule_is_explained_and_the_exit_code_is_1() {
    let folder = tempfile::tempdir().unwrap();
    let mut stray = Changes::default();
    stray.insert(session(1));
    stray.insert(task(10, &session(7)));
    database(&folder.path().join("a.db"), vec![stray]);
    let args = ["db", "check", "--store", "sqlite:a.db"];
    let said = call(folder.path(), args).expect_code(1);
    let stray = task(10, &session(7));
    for words in [stray.id.to_string(), "which is gone".to_owned(), "task_has_session".to_owned()] {
        assert!(said.out().contains(&words), "{words} is not in: {}", said.out());
    }
    let checked = call(folder.path(), [&args[..], &["--json"]].concat()).expect_code(1);
    let report: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!((report["ok"].as_bool(), report["violations_total"].as_u64()), (Some(false), Some(1)));
    assert_eq!(report["violations"][0]["ids"][0], stray.id.to_string());
    assert_eq!(names(folder.path()), ["a.db"], "a check leaves nothing");
}

#[test]
fn a_vacuum_reports_how_much_space_it_freed() {
    let folder = tempfile::tempdir().unwrap();
    database(&folder.path().join("a.db"), bulk(3));
    let done = call(folder.path(), ["--json", "db", "vacuum", "--store", "sqlite:a.db"]).json();
    assert!(done["bytes_after"].as_u64().unwrap() > 0 && done["bytes_before"].as_u64().unwrap() > 0, "{done}");
}

#[test]
fn a_wrong_choice_of_database_has_its_own_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "these are notes, and no database at all").unwrap();
    let db = |args: &[&str]| call(folder.path(), [&["db"][..], args].concat());
    let nowhere = db(&["check"]).expect_code(78);
    assert!(nowhere.err().contains("no database was named") && nowhere.err().contains("--store"), "{}", nowhere.err());
    for args in [
        &["check", "--store", "sqlite:none.db"][..],
        &["check", "--store", "sqlite:notes.txt"],
        &["vacuum", "--store", "sqlite:none.db"],
        &["backup", "copy.db", "--store", "sqlite:none.db"],
        &["backup", "copy.db", "--store", "sqlite:notes.txt"],
        &["check", "--store", "postgres://db/"],
        &["check", "--store", "mongodb://"],
    ] {
        db(args).expect_code(78);
    }
    // Here the given file is wrong, not the database.
    db(&["restore", "notes.txt", "--store", "sqlite:new.db"]).expect_code(1);
    for args in [&["check", "--fast"][..], &["backup"], &[], &["check", "--store", "sqlite::memory:"]] {
        db(args).expect_code(2);
    }
    let mongo = "mongodb://anna:s3cret@db1.invalid/?replicaSet=r";
    let instead: [(&[&str], &str); 3] =
        [(&["vacuum"], "compact"), (&["backup", "f"], "mongodump"), (&["restore", "f"], "mongorestore")];
    for (args, words) in instead {
        let said = db(&[args, &["--store", mongo]].concat()).expect_code(2).err();
        assert!(said.contains(words) && !said.contains("s3cret"), "{said}");
    }
    let mut both = rekindle(folder.path());
    both.args(["db", "check"]).env("STORE_URL", "sqlite:notes.txt").env("MONGODB_URI", mongo);
    let said = Process::start(&mut both).wait().expect_code(78).err();
    assert!(said.contains("MONGODB_URI") && !said.contains("s3cret"), "{said}");
    assert_eq!(names(folder.path()), ["notes.txt"]);
}

/// Runs a command in a shell after `prelude`, which sets limits that only a shell can set.
fn shell(folder: &Path, prelude: &str) -> Left {
    let mut command = Command::new("sh");
    let backup =
        format!("{prelude}; exec {} db backup out/copy.db --store sqlite:a.db", env!("CARGO_BIN_EXE_rekindle"));
    Process::start(command.current_dir(folder).args(["-c", &backup])).wait()
}

#[test]
fn a_file_size_limit_is_reported_and_no_file_is_left() {
    let folder = tempfile::tempdir().unwrap();
    database(&folder.path().join("a.db"), bulk(30));
    fs::create_dir(folder.path().join("out")).unwrap();
    let left = shell(folder.path(), "trap '' XFSZ; ulimit -f 600").expect_code(1);
    assert!(left.err().contains("not enough room") && left.err().contains("copy.db"), "{}", left.err());
    assert_eq!(names(&folder.path().join("out")), Vec::<String>::new());
}

#[test]
fn a_full_disk_is_reported_and_no_file_is_left() {
    let folder = tempfile::tempdir().unwrap();
    database(&folder.path().join("a.db"), bulk(30));
    fs::create_dir(folder.path().join("out")).unwrap();
    // A file system of one megabyte, in a mount namespace of its own.
    let script = format!(
        "mount -t tmpfs -o size=1m none out || exit 99; {} db backup out/copy.db --store sqlite:a.db; echo \"code $?\"; \
         echo \"left $(ls -A out)\"",
        env!("CARGO_BIN_EXE_rekindle")
    );
    let mut command = Command::new("unshare");
    let Ok(output) = command.args(["-Urm", "sh", "-c", &script]).current_dir(folder.path()).output() else {
        println!("skipped: there is no unshare here");
        return;
    };
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !said.contains("code ") {
        println!("skipped: no file system may be mounted here: {errors}");
        return;
    }
    assert!(said.contains("code 1\n") && said.contains("left \n"), "{said} {errors}");
    assert!(errors.contains("not enough room") && errors.contains("make room"), "{errors}");
}
