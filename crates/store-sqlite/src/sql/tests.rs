//! Asks SQLite how it would run every statement: none may read a table from end to end, whether or not the database
//! has been analysed, and no list may be sorted.

use rekindle_core::domain::event::EventKind;
use rekindle_core::domain::machine::MachineStatus;
use rekindle_core::domain::session::{Session, SessionStatus};
use rekindle_core::domain::task::TaskStatus;
use rekindle_core::store::{
    AuditFilter, Count, Cursor, MachineFilter, PageRequest, Query, SessionFilter, Start, TaskFilter, queries,
};
use rekindle_core::values::{KeyId, SessionId, Timestamp};
use rekindle_records::Extension;
use rekindle_testkit::sample::{text, uuid};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::kinds::{self, Kinds};
use super::selection::Plan;
use super::*;
use crate::open;
use crate::options::SqliteOptions;

/// Whole tables that are a handful of rows and stay so.
const TINY: [&str; 3] = ["session_counts", "task_counts", "watch"];
/// The queries that sort a set that is small by its nature: one session's tasks, one machine's live sessions.
const SORTED: [&str; 2] = ["tasks_of", "live_sessions"];

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

/// A statement, and the name of its query.
struct Asked {
    query: &'static str,
    sql: String,
}

/// Returns the statements that a query runs: its selections', and its counts'.
fn statements_of(query: &Query) -> (Vec<Asked>, Vec<Asked>) {
    let kinds = Kinds::with(Extension::NONE);
    let asked = |sql| Asked { query: query.name(), sql };
    let mut found = Vec::new();
    for selection in query.selections() {
        if selection.key.is_some() {
            found.push(asked(kinds.get(selection.kind).unwrap().statements.by_key.clone()));
            continue;
        }
        let statements = Plan::of(&kinds, selection).unwrap().statements(10).unwrap();
        found.extend(statements.into_iter().map(|statement| asked(statement.sql)));
    }
    let count = |count: &Count| asked(Plan::of(&kinds, &count.of).unwrap().count().unwrap().sql);
    (found, query.counts().iter().map(count).collect())
}

fn pages() -> [PageRequest; 2] {
    let cursor = Cursor { created_at: Timestamp::MIN, mark: 1 };
    [Start::Offset(0), Start::After(cursor)].map(|start| PageRequest { limit: 10, start })
}

fn session_filters() -> Vec<SessionFilter> {
    let mut filters = Vec::new();
    for status in std::iter::once(None).chain(SessionStatus::ALL.map(Some)) {
        for archived in [None, Some(true), Some(false)] {
            for bits in 0..8 {
                filters.push(SessionFilter {
                    project_id: (bits & 1 != 0).then(|| text("p")),
                    machine_id: (bits & 2 != 0).then(|| text("m")),
                    lineage_id: (bits & 4 != 0).then(|| SessionId(uuid(1))),
                    status,
                    archived,
                });
            }
        }
    }
    filters
}

fn task_filters() -> Vec<TaskFilter> {
    let mut filters = Vec::new();
    for status in std::iter::once(None).chain(TaskStatus::ALL.map(Some)) {
        for bits in 0..4 {
            filters.push(TaskFilter {
                session_id: (bits & 1 != 0).then(|| SessionId(uuid(1))),
                project_id: (bits & 2 != 0).then(|| text("p")),
                status,
            });
        }
    }
    filters
}

/// Returns every list, with every combination of conditions.
fn lists() -> Vec<Query> {
    let mut lists = Vec::new();
    for page in pages() {
        lists.extend(session_filters().iter().map(|filter| queries::sessions(filter, page).query().clone()));
        lists.extend(task_filters().iter().map(|filter| queries::tasks(filter, page).query().clone()));
        let statuses = std::iter::once(None).chain(MachineStatus::ALL.map(Some));
        let of_machines = statuses.map(|status| queries::machines(&MachineFilter { status }, page).query().clone());
        lists.extend(of_machines);
    }
    lists
}

/// Returns the statements of the whole catalogue.
fn catalogue() -> Vec<Asked> {
    let samples = rekindle_testkit::catalogue::queries(&Default::default()).into_iter().map(|(_, query)| query);
    let both = samples.chain(lists()).map(|query| statements_of(&query));
    both.flat_map(|(found, counted)| found.into_iter().chain(counted)).collect()
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
    let (mut explained, mut refused) = (0, Vec::new());
    for db in [fresh(), analysed()] {
        let statements = all().into_iter().chain(catalogue().into_iter().map(|asked| asked.sql)).chain(audit_logs());
        for sql in statements {
            explained += 1;
            for step in plan(&db, &sql) {
                if scans(&step) || step.contains("AUTOMATIC") {
                    refused.push(format!("{step}\n    {sql}"));
                }
            }
        }
    }
    assert!(explained > 1000, "only {explained} statements were explained");
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn nothing_that_can_be_large_is_sorted() {
    for db in [fresh(), analysed()] {
        let fixed = all().into_iter().chain(audit_logs()).map(|sql| Asked { query: "", sql });
        for Asked { query, sql } in fixed.chain(catalogue()) {
            let sorts = plan(&db, &sql).iter().any(|step| step.contains("TEMP B-TREE"));
            assert_eq!(sorts, SORTED.contains(&query), "{query}: {sql}");
        }
    }
}

#[test]
fn a_cursor_is_found_by_a_search_of_the_index() {
    let db = fresh();
    let from_cursor = |query: &Query| matches!(query.selections()[0].start, Start::After(_));
    for list in lists().iter().filter(|query| from_cursor(query)) {
        let (found, _) = statements_of(list);
        let [same, earlier] = found.as_slice() else { panic!("a cursor takes two statements") };
        let same = plan(&db, &same.sql).join(" ");
        assert!(same.contains("created_at=? AND seq<?") || same.contains("created_at=? AND rowid<?"), "{same}");
        let earlier = plan(&db, &earlier.sql).join(" ");
        assert!(earlier.contains("created_at<?"), "{earlier}");
    }
}

#[test]
fn totals_of_status_and_archival_alone_are_kept_not_counted() {
    for status in std::iter::once(None).chain(SessionStatus::ALL.map(Some)) {
        for archived in [None, Some(true), Some(false)] {
            let filter = SessionFilter { status, archived, ..SessionFilter::default() };
            let (_, counted) = statements_of(queries::sessions(&filter, pages()[0]).query());
            assert!(counted[0].sql.contains("session_counts"), "{filter:?}");
        }
    }
}

#[test]
fn other_totals_are_counted_within_their_index() {
    let db = fresh();
    for list in lists() {
        let (_, counted) = statements_of(&list);
        let sql = &counted[0].sql;
        // Within a chain of recoveries or one session's tasks reading the rows costs little.
        if sql.contains("sessions_lineage") || sql.contains("tasks_session") {
            continue;
        }
        let steps = plan(&db, sql).join(" ");
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
    assert!(
        indexes_written(&db, &kinds::statements_of::<Session>().update).len() > 5,
        "the test no longer sees what is written"
    );
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
    assert!(program(&kinds::statements_of::<Session>().update), "the test no longer sees triggers");
}
