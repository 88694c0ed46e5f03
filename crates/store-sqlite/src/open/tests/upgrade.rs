//! A database of an earlier version, with what was in it.

use refinery::Target;

use super::*;

/// A database as it was before there were API keys, with events 5 and 6, of which the later one was deleted.
fn of_version_2(path: &Path) {
    let mut db = Connection::open(path).unwrap();
    embedded::migrations::runner().set_target(Target::Version(2)).run(&mut db).unwrap();
    let id = "x'00000000000040008000000000000001'";
    db.execute_batch(&format!(
        "PRAGMA application_id = {APPLICATION_ID};
         INSERT INTO events (position, at, kind, session_id, kept_with, detail)
             VALUES (5, 7, 'session.created', {id}, {id}, '{{\"a\":1}}'), (6, 8, 'session.stalled', {id}, {id}, '{{}}');
         DELETE FROM events WHERE position = 6;"
    ))
    .unwrap();
}

#[test]
fn events_keep_their_positions_and_no_position_is_given_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.db");
    of_version_2(&path);
    let db = writer(&at(&path)).unwrap();
    let row = |sql: &str| {
        db.query_row(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?)))
    };
    let kept = row("SELECT position, at, detail FROM events WHERE by_request IS NULL").unwrap();
    assert_eq!(kept, (5, 7, "{\"a\":1}".to_owned()));
    db.execute_batch("INSERT INTO events (at, kind, machine_id) VALUES (9, 'machine.offline', 'm')").unwrap();
    let next = row("SELECT position, at, kind FROM events WHERE machine_id = 'm'").unwrap();
    assert_eq!(next, (7, 9, "machine.offline".to_owned()), "a reader that had come to 6 would have missed it");
}
