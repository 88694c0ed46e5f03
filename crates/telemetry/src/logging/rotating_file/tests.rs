//! When a log file is put away, under which name, and which ones are kept.

use std::os::unix::fs::symlink;
use std::time::Duration;

use rekindle_testkit::ManualClock;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

struct Ground {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    plan: LogFile,
}

impl Ground {
    fn new(max_bytes: u64, keep: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let start: Timestamp = "2026-11-21T12:00:00.000Z".parse().unwrap();
        let clock = Arc::new(ManualClock::at(start));
        let plan = LogFile { path: folder.path().join("rekindle.log"), max_bytes, keep };
        Self { folder, clock, plan }
    }

    fn open(&self) -> Rotating {
        Rotating::open(&self.plan, Arc::clone(&self.clock) as _).unwrap()
    }

    /// Names and contents, in their order.
    fn files(&self) -> Vec<(String, String)> {
        let entries = fs::read_dir(self.folder.path()).unwrap().map(Result::unwrap);
        let read =
            |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap());
        let mut files: Vec<_> = entries.map(read).collect();
        files.sort();
        files
    }

    #[track_caller]
    fn expect(&self, expected: &[(&str, &str)]) {
        let files = self.files();
        let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        assert_eq!(files, expected);
    }
}

#[test]
fn a_file_that_would_grow_too_large_is_put_away_between_lines() {
    let ground = Ground::new(10, 5);
    let mut file = ground.open();
    file.write_all(b"one\ntwo\nthree\n").unwrap();
    file.write_all(b"a line that fits nowhere\nx\n").unwrap();
    ground.expect(&[
        ("rekindle.2026-11-21.0001.log", "one\ntwo\n"),
        ("rekindle.2026-11-21.0002.log", "three\n"),
        ("rekindle.2026-11-21.0003.log", "a line that fits nowhere\n"),
        ("rekindle.log", "x\n"),
    ]);
}

#[test]
fn a_new_day_begins_a_new_file() {
    let ground = Ground::new(1000, 5);
    let mut file = ground.open();
    file.write_all(b"one\n").unwrap();
    ground.clock.advance(11 * HOUR);
    file.write_all(b"two\n").unwrap();
    ground.clock.advance(HOUR);
    file.write_all(b"three\n").unwrap();
    ground.expect(&[("rekindle.2026-11-21.0001.log", "one\ntwo\n"), ("rekindle.log", "three\n")]);
}

#[test]
fn the_newest_are_kept_and_other_files_left_alone() {
    let ground = Ground::new(1, 2);
    for other in ["rekindle.2026-11-20.log", "rekindle.notes.0001.log", "other.2026-11-20.0001.log"] {
        fs::write(ground.folder.path().join(other), "").unwrap();
    }
    let old = ground.folder.path().join("rekindle.2026-11-20.9999.log");
    fs::write(&old, "old").unwrap();
    let mut file = ground.open();
    file.write_all(b"1\n2\n3\n4\n").unwrap();
    let names: Vec<_> = ground.files().into_iter().map(|(name, _)| name).collect();
    let expected = [
        "other.2026-11-20.0001.log",
        "rekindle.2026-11-20.log",
        "rekindle.2026-11-21.0002.log",
        "rekindle.2026-11-21.0003.log",
        "rekindle.log",
        "rekindle.notes.0001.log",
    ];
    assert_eq!(names, expected);
    fs::write(&old, "old").unwrap();
    drop(file);
    ground.open();
    assert!(!old.exists(), "also at the start");
}

#[test]
fn a_restart_goes_on_with_the_file_of_the_same_day_and_puts_an_older_one_away() {
    let ground = Ground::new(1000, 5);
    fs::write(&ground.plan.path, "before\n").unwrap();
    let file = File::options().write(true).open(&ground.plan.path).unwrap();
    let since = Duration::from_millis(u64::try_from(ground.clock.now().millis()).unwrap());
    file.set_modified(UNIX_EPOCH + since).unwrap();
    ground.open().write_all(b"after\n").unwrap();
    ground.expect(&[("rekindle.log", "before\nafter\n")]);
    file.set_modified(UNIX_EPOCH + since - 24 * HOUR).unwrap();
    ground.open().write_all(b"today\n").unwrap();
    ground.expect(&[("rekindle.2026-11-20.0001.log", "before\nafter\n"), ("rekindle.log", "today\n")]);
}

#[test]
fn who_moves_empties_or_deletes_the_file_finds_a_new_one() {
    let ground = Ground::new(1000, 5);
    let mut file = ground.open();
    file.write_all(b"one\n").unwrap();
    fs::rename(&ground.plan.path, ground.folder.path().join("moved")).unwrap();
    file.reopen();
    assert!(ground.plan.path.exists(), "it is there at once");
    file.write_all(b"two\n").unwrap();
    fs::remove_file(&ground.plan.path).unwrap();
    file.write_all(b"three\n").unwrap();
    ground.expect(&[("moved", "one\n"), ("rekindle.log", "three\n")]);
    fs::write(&ground.plan.path, "").unwrap();
    file.write_all(b"four\n").unwrap();
    ground.expect(&[("moved", "one\n"), ("rekindle.log", "four\n")]);
}

#[test]
fn a_folder_that_is_gone_is_an_error_until_it_is_back() {
    let mut ground = Ground::new(1000, 5);
    let folder = ground.folder.path().join("logs");
    fs::create_dir(&folder).unwrap();
    ground.plan.path = folder.join("rekindle.log");
    let mut file = ground.open();
    file.write_all(b"one\n").unwrap();
    fs::remove_dir_all(&folder).unwrap();
    file.write_all(b"two\n").unwrap_err();
    fs::create_dir(&folder).unwrap();
    file.write_all(b"three\n").unwrap();
    assert_eq!(fs::read_to_string(&ground.plan.path).unwrap(), "three\n");
}

#[test]
fn a_file_that_cannot_be_put_away_goes_on() {
    let mut ground = Ground::new(4, 5);
    // With the day and a number its name is longer than a name may be.
    ground.plan.path = ground.folder.path().join(format!("{}.log", "x".repeat(245)));
    let mut file = ground.open();
    file.write_all(b"one\n").unwrap();
    file.write_all(b"two\nsix\n").unwrap();
    assert_eq!(fs::read_to_string(&ground.plan.path).unwrap(), "one\ntwo\nsix\n");
    assert!(file.trouble().is_some_and(|trouble| trouble.contains("too long")));
    assert_eq!(file.trouble(), None, "it is told once");
}

#[test]
fn what_is_no_regular_file_is_refused_and_left_where_it_is() {
    let ground = Ground::new(4, 5);
    for path in ["/dev/null", "/dev/full", "/", "/no/such/folder/x.log"] {
        let plan = LogFile { path: path.into(), ..ground.plan.clone() };
        assert!(Rotating::open(&plan, Arc::clone(&ground.clock) as _).is_err(), "{path}");
    }
    symlink("/dev/full", &ground.plan.path).unwrap();
    assert!(Rotating::open(&ground.plan, Arc::clone(&ground.clock) as _).is_err());
}
