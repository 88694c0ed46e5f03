//! `rekindle db export` and `import` as processes: killed and resumed, refused with a message, and on a database in
//! use. Moves between each pair of stores are tested in crates/transfer.
#![expect(clippy::unwrap_used, reason = "in a test a failed expectation is the way to report")]

#[path = "support/moved.rs"]
mod moved;
mod support;

use std::fs;
use std::time::Instant;

use moved::{SESSIONS, all, fill, killed_until_done};
use support::{Dev, Left, call, rekindle, text};

#[test]
fn after_kills_and_resumptions_nothing_is_lost_or_duplicated() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fill(&at("a.db"));
    let expected = all(&at("a.db"));
    assert_eq!(expected.0.len() as u64, SESSIONS);
    // Measures how long it takes without a kill.
    let began = Instant::now();
    call(folder.path(), ["db", "export", "trial", "--store", "sqlite:a.db"]).expect_code(0);
    let export_takes = began.elapsed();
    let began = Instant::now();
    call(folder.path(), ["db", "import", "trial", "--store", "sqlite:trial.db"]).expect_code(0);
    let import_takes = began.elapsed();
    let mut kills = 0;
    for round in 0..3 {
        let (file, target) = (format!("f{round}"), format!("sqlite:t{round}.db"));
        let db = |args: &[&str]| {
            let mut command = rekindle(folder.path());
            command.arg("db").args(args);
            command
        };
        let exporting = || db(&["export", &file, "--resume", "--store", "sqlite:a.db"]);
        kills += killed_until_done(exporting, export_takes / 2);
        kills += killed_until_done(|| db(&["import", &file, "--store", &target]), import_takes / 2);
        assert!(all(&at(&format!("t{round}.db"))) == expected, "round {round}");
        let checked = call(folder.path(), ["--json", "db", "check", "--store", &target]).json();
        assert_eq!((checked["ok"].as_bool(), checked["notes_total"].as_u64()), (Some(true), Some(0)), "{checked}");
        assert!(!at(&format!("f{round}.part")).exists());
    }
    println!("killed {kills} times");
}

#[test]
fn a_database_in_use_is_exported_and_served_elsewhere() {
    let dev = Dev::start();
    let id = text(&dev.json(&["session", "create", "--project", "p", "--machine", "m"]), "session_id");
    dev.json(&["task", "create", "--session", &id, "--name", "work"]);
    let exported = dev.json(&["db", "export", "all.gz"]);
    assert_eq!((exported["rows"]["sessions"].as_u64(), exported["rows"]["tasks"].as_u64()), (Some(1), Some(1)));
    assert_eq!(exported["changed_meanwhile"], false);
    // The server's own database is in use, and not empty.
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
fn a_failed_command_is_reported_and_leaves_no_file() {
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
