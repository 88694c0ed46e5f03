//! Asks SQLite how it would run every statement: none may read a table from end to end, whether or not the database
//! has been analysed, and no list may be sorted.

use rekindle_core::domain::event::EventKind;
use rekindle_core::domain::machine::MachineStatus;
use rekindle_core::domain::session::SessionStatus;
use rekindle_core::domain::task::TaskStatus;
use rekindle_core::store::{AuditFilter, MachineFilter, SessionFilter, TaskFilter};
use rekindle_core::values::{KeyId, SessionId, Timestamp};
use rekindle_testkit::sample::{text, uuid};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::lists::{self, List, Part};
use super::*;
use crate::open;
use crate::options::SqliteOptions;

/// Whole tables that are a handful of rows and stay so.
const TINY: [&str; 3] = ["session_counts", "task_counts", "watch"];
/// Statements that sort a set that is small by its nature: one session's tasks, one machine's live sessions.
fn sorted() -> [&'static str; 2] {
    [&TASKS_OF, LIVE_SESSIONS]
}

fn fresh() -> Connection {
    open::writer(&SqliteOptions::default()).unwrap()
}

/// Statistics as of a database in which one index looks best for everything.
fn analysed() -> Connection {
    let db = fresh();
    db.execute_batch(
        "ANALYZE;
         INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
             ('sessions', 'sessions_status', '1000000 1 1 1 1'),
             ('sessions', 'sessions_project', '1000000 1000000 1000000 1000000 1000000 1000000'),
             ('sessions', 'sessions_silence', '1000000 500000 1'),
             ('tasks', 'tasks_status', '5 1 1 1'),
             ('machines', 'machines_status', '3 1 1 1');
         ANALYZE sqlite_schema;",
    )
    .unwrap();
    db
}

fn plan(db: &Connection, sql: &str) -> Vec<String> {
    let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap_or_else(|error| panic!("{error}: {sql}"));
    let nothing = vec![Value::Null; explain.parameter_count()];
    explain.query_map(params_from_iter(nothing), |row| row.get(3)).unwrap().map(Result::unwrap).collect()
}

fn scans(step: &str) -> bool {
    step.split_once("SCAN ").is_some_and(|(_, table)| !TINY.contains(&table.split(' ').next().unwrap()))
}

fn session_lists() -> Vec<List> {
    let mut lists = Vec::new();
    for status in std::iter::once(None).chain(SessionStatus::ALL.map(Some)) {
        for archived in [None, Some(true), Some(false)] {
            for bits in 0..8 {
                lists.push(lists::sessions(&SessionFilter {
                    project_id: (bits & 1 != 0).then(|| text("p")),
                    machine_id: (bits & 2 != 0).then(|| text("m")),
                    lineage_id: (bits & 4 != 0).then(|| SessionId(uuid(1))),
                    status,
                    archived,
                }));
            }
        }
    }
    lists
}

fn task_lists() -> Vec<List> {
    let mut lists = Vec::new();
    for status in std::iter::once(None).chain(TaskStatus::ALL.map(Some)) {
        for bits in 0..4 {
            lists.push(lists::tasks(&TaskFilter {
                session_id: (bits & 1 != 0).then(|| SessionId(uuid(1))),
                project_id: (bits & 2 != 0).then(|| text("p")),
                status,
            }));
        }
    }
    lists
}

fn machine_lists() -> Vec<List> {
    let statuses = std::iter::once(None).chain(MachineStatus::ALL.map(Some));
    statuses.map(|status| lists::machines(&MachineFilter { status })).collect()
}

fn audit_logs() -> Vec<String> {
    let one = |bits: u32| AuditFilter {
        key: (bits & 1 != 0).then(|| KeyId(uuid(1))),
        session: (bits & 2 != 0).then(|| SessionId(uuid(1))),
        machine: (bits & 4 != 0).then(|| text("m")),
        kind: (bits & 8 != 0).then_some(EventKind::AccessRefused),
        since: (bits & 16 != 0).then_some(Timestamp::MIN),
        until: (bits & 32 != 0).then_some(Timestamp::MIN),
    };
    (0..64).map(|bits| audit::audit_log(&one(bits)).0).collect()
}

#[test]
fn no_statement_reads_a_table_from_end_to_end() {
    let (mut looked_at, mut refused) = (0, Vec::new());
    for db in [fresh(), analysed()] {
        let mut statements = all();
        for list in session_lists().into_iter().chain(task_lists()).chain(machine_lists()) {
            statements.extend(Part::ALL.map(|part| list.part(part)));
            statements.push(list.total().0);
        }
        statements.extend(audit_logs());
        for sql in statements {
            looked_at += 1;
            for step in plan(&db, &sql) {
                if scans(&step) || step.contains("AUTOMATIC") {
                    refused.push(format!("{step}\n    {sql}"));
                }
            }
        }
    }
    assert!(looked_at > 1000, "only {looked_at} statements were looked at");
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn nothing_that_can_be_large_is_sorted() {
    for db in [fresh(), analysed()] {
        let lists = session_lists().into_iter().chain(task_lists()).chain(machine_lists());
        let parts = lists.flat_map(|list| Part::ALL.map(|part| list.part(part)));
        for sql in parts.chain(audit_logs()).chain(all()) {
            let sorts = plan(&db, &sql).iter().any(|step| step.contains("TEMP B-TREE"));
            assert_eq!(sorts, sorted().contains(&sql.as_str()), "{sql}");
        }
    }
}

#[test]
fn a_cursor_is_found_by_a_search_of_the_index() {
    let db = fresh();
    for list in session_lists().into_iter().chain(task_lists()).chain(machine_lists()) {
        let same = plan(&db, &list.part(Part::SameInstant)).join(" ");
        assert!(same.contains("created_at=? AND seq<?") || same.contains("created_at=? AND rowid<?"), "{same}");
        let earlier = plan(&db, &list.part(Part::Earlier)).join(" ");
        assert!(earlier.contains("created_at<?"), "{earlier}");
    }
}

#[test]
fn totals_of_status_and_archival_alone_are_kept_not_counted() {
    for status in std::iter::once(None).chain(SessionStatus::ALL.map(Some)) {
        for archived in [None, Some(true), Some(false)] {
            let filter = SessionFilter { status, archived, ..SessionFilter::default() };
            assert!(lists::sessions(&filter).total().0.contains("session_counts"), "{filter:?}");
        }
    }
}

#[test]
fn other_totals_are_counted_within_their_index() {
    let db = fresh();
    for list in session_lists().into_iter().chain(task_lists()).chain(machine_lists()) {
        let (sql, _) = list.total();
        // Within a chain of recoveries or one session's tasks a look at the rows costs nothing.
        if sql.contains("sessions_lineage") || sql.contains("tasks_session") {
            continue;
        }
        let steps = plan(&db, &sql).join(" ");
        assert!(steps.contains("COVERING") || TINY.iter().any(|table| steps.contains(table)), "{steps}: {sql}");
    }
}

/// What a statement does to indexes, read from its byte code.
fn indexes_written(db: &Connection, sql: &str) -> Vec<String> {
    let mut explain = db.prepare(&format!("EXPLAIN {sql}")).unwrap();
    let nothing = vec![Value::Null; explain.parameter_count()];
    let rows = explain.query_map(params_from_iter(nothing), |row| {
        Ok((row.get::<_, String>(1)?, row.get::<_, i64>(2)?, row.get::<_, i64>(3)?))
    });
    let steps: Vec<(String, i64, i64)> = rows.unwrap().map(Result::unwrap).collect();
    let written = steps.iter().filter(|(code, ..)| code == "IdxInsert").map(|(_, cursor, _)| *cursor);
    let mut names: Vec<String> = written
        .filter_map(|cursor| steps.iter().find(|(code, opened, _)| code == "OpenWrite" && *opened == cursor))
        .filter_map(|(_, _, root)| {
            db.query_row("SELECT name FROM sqlite_schema WHERE rootpage = ?1", [root], |row| row.get(0)).ok()
        })
        .collect();
    names.dedup();
    names
}

#[test]
fn a_heartbeat_writes_the_index_of_silence_and_no_other() {
    let db = fresh();
    assert_eq!(indexes_written(&db, HEARTBEAT), ["sessions_silence"]);
    assert_eq!(indexes_written(&db, MACHINE_HEARTBEAT), ["machines_silence"]);
    assert!(indexes_written(&db, &of::<Session>().update).len() > 5, "the test no longer sees what is written");
}

#[test]
fn a_heartbeat_fires_no_trigger() {
    let db = fresh();
    let program = |sql: &str| {
        let mut explain = db.prepare(&format!("EXPLAIN {sql}")).unwrap();
        let nothing = vec![Value::Null; explain.parameter_count()];
        let codes = explain.query_map(params_from_iter(nothing), |row| row.get::<_, String>(1)).unwrap();
        codes.map(Result::unwrap).any(|code| code == "Program")
    };
    assert!(!program(HEARTBEAT));
    assert!(program(&of::<Session>().update), "the test no longer sees triggers");
}
