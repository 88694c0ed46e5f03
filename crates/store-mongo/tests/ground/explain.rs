//! No query scans a collection or sorts its rows, and none examines more than it returns: seen on the server's own
//! plans, over a few thousand documents.

use bson::{Binary, Bson, DateTime, Document, doc, spec::BinarySubtype};
use rekindle_core::store::{AuditFilter, Cursor, FindTyped, IdempotencyKey, Store, queries};
use rekindle_core::{KeyId, SessionId, Slot, TaskId, Timestamp};
use rekindle_mongod::{Case, case};
use rekindle_store_mongo::explain::{self, ExplainedQuery};
use rekindle_testkit::{catalogue, sample};

use crate::support::{Scratch, answer, api_key, machine, scratch, session, task, uuid};

pub(crate) const CASES: &[Case] = &[
    case!(test_1_1_e_a_question_for_silence_uses_an_index),
    case!(every_query_only_walks_its_index),
    case!(tasks_of_expired_sessions_are_counted),
];

const MANY: u64 = 3000;
const LIMIT: u32 = 20;

fn at(n: u64) -> DateTime {
    DateTime::from_millis(sample::NOON.millis() + i64::try_from(n).unwrap() * 1000)
}

fn mark(n: u64) -> Binary {
    let bytes = (0x0190_0000_0000_7000_8000_0000_0000_0000_u128 + u128::from(n)).to_be_bytes().to_vec();
    Binary { subtype: BinarySubtype::Uuid, bytes }
}

/// Writes three thousand sessions over a hundred projects and thirty machines: a tenth active, a tenth stalled, the
/// rest ended; as many tasks, and three hundred machines.
async fn fill(db: &Scratch) {
    let mut sessions = Vec::new();
    let mut tasks = Vec::new();
    let mut machines = Vec::new();
    for n in 0..MANY {
        let mut one = session(n);
        one.insert("_id", mark(n));
        one.insert("project_id", format!("p{}", n % 100));
        one.insert("machine_id", format!("m{}", n % 30));
        one.insert("created_at", at(n));
        one.insert("last_heartbeat", at(n));
        one.insert("lineage_id", uuid(n / 10));
        let status = match n / 300 {
            0 => "active",
            1 => "stalled",
            2 => "paused",
            3 => "failed",
            _ => "completed",
        };
        one.insert("status", status);
        if n < 300 {
            one.insert("docker_slot", i32::try_from(n / 30).unwrap());
        }
        if n >= 900 {
            one.insert("completed_at", at(n));
        }
        if n >= 2700 {
            one.insert("archived_at", at(n));
        }
        sessions.push(one);
        let mut one = task(100_000 + n);
        one.insert("_id", mark(n));
        one.insert("session_id", uuid(n / 10));
        one.insert("project_id", format!("p{}", n % 100));
        one.insert("created_at", at(n));
        one.insert("status", ["pending", "completed"][usize::from(n % 2 == 0)]);
        if n % 2 == 0 {
            one.insert("completed_at", at(n));
        }
        tasks.push(one);
        if n % 10 == 0 {
            let mut one = machine(n / 10);
            one.insert("_id", mark(n));
            one.insert("created_at", at(n));
            one.insert("last_heartbeat", at(n));
            one.insert("status", ["online", "offline"][usize::from(n % 30 == 0)]);
            machines.push(one);
        }
    }
    db.collection("sessions").insert_many(sessions).await.unwrap();
    db.collection("tasks").insert_many(tasks).await.unwrap();
    db.collection("machines").insert_many(machines).await.unwrap();
    fill_events(db).await;
}

/// Writes three thousand events, half of sessions and half of machines, each by one of fifty keys, the last hundred
/// without a position; a few keys and stored responses.
async fn fill_events(db: &Scratch) {
    let mut events = Vec::new();
    for n in 0..MANY {
        let mut one = doc! { "_id": mark(n), "at": at(n), "kind": "session.updated", "detail": {} };
        match n % 2 {
            0 => one.insert("session_id", uuid(n / 10)),
            _ => one.insert("machine_id", format!("m{}", n % 30)),
        };
        one.extend(doc! { "by_key": uuid(n % 50), "by_request": uuid(n) });
        match n < MANY - 100 {
            true => one.insert("position", i64::try_from(n + 1).unwrap()),
            false => one.insert("pending", true),
        };
        events.push(one);
    }
    db.collection("events").insert_many(events).await.unwrap();
    db.collection("api_keys").insert_many((0..20).map(api_key)).await.unwrap();
    db.collection("answers").insert_many((0..100).map(answer)).await.unwrap();
}

/// The values that the queries look for.
fn values() -> catalogue::Values {
    let time = |n| Timestamp::from_millis(at(n).timestamp_millis());
    catalogue::Values {
        session: SessionId(sample::uuid(7)),
        task: TaskId(sample::uuid(100_007)),
        project: sample::text("p7"),
        machine: sample::text("m7"),
        slot: Slot(0),
        lineage: SessionId(sample::uuid(150)),
        cursor: Cursor {
            created_at: time(MANY / 2),
            mark: 0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(MANY / 2),
        },
        cutoff: time(200),
        ended_by: time(2000),
        key: IdempotencyKey([7; 32]),
        limit: LIMIT,
    }
}

/// Returns the command of each part of each query, and of each shape of the audit log, by name.
fn commands() -> Vec<(String, ExplainedQuery)> {
    let mut all = Vec::new();
    // A list of what is not archived passes over what is, on the index of the whole list.
    let queries = catalogue::queries(&values()).into_iter().filter(|(name, _)| !name.contains("outside the archive"));
    for (name, query) in queries {
        let parts = explain::commands(&query).unwrap().into_iter().enumerate();
        all.extend(parts.map(|(n, command)| (format!("{name}, part {n}"), command)));
    }
    let none = AuditFilter::default;
    for (name, filter) in [
        ("audit log", none()),
        ("audit log of a key", AuditFilter { key: Some(KeyId(sample::uuid(7))), ..none() }),
        ("audit log of a session", AuditFilter { session: Some(values().session), ..none() }),
        ("audit log of a machine", AuditFilter { machine: Some(values().machine), ..none() }),
    ] {
        for before in [None, Some(i64::try_from(MANY / 2).unwrap())] {
            all.push((format!("{name} before {before:?}"), explain::audit_log(&filter, before, LIMIT)));
        }
    }
    all
}

async fn explained(db: &Scratch, query: Document) -> Document {
    db.db.run_command(doc! { "explain": query, "verbosity": "executionStats" }).await.unwrap()
}

/// Collects all values of this field, however deep.
fn all_of(key: &str, within: &Bson, found: &mut Vec<String>) {
    for (name, value) in within.as_document().into_iter().flatten() {
        found.extend(value.as_str().filter(|_| name == key).map(str::to_owned));
        all_of(key, value, found);
    }
    for item in within.as_array().into_iter().flatten() {
        all_of(key, item, found);
    }
}

fn number(stats: &Document, key: &str) -> i64 {
    let number = stats.get(key).unwrap();
    number.as_i64().or_else(|| number.as_i32().map(i64::from)).unwrap()
}

/// Returns what is wrong with a plan.
async fn problems(db: &Scratch, query: &ExplainedQuery) -> Vec<String> {
    let answer = explained(db, query.command.clone()).await;
    let plan =
        Bson::Document(answer.get_document("queryPlanner").unwrap().get_document("winningPlan").unwrap().clone());
    let stats = answer.get_document("executionStats").unwrap();
    let (mut stages, mut indexes) = (Vec::new(), Vec::new());
    all_of("stage", &plan, &mut stages);
    all_of("indexName", &plan, &mut indexes);
    let mut problems = Vec::new();
    if stages.iter().any(|stage| stage == "COLLSCAN" || stage == "SORT") {
        problems.push("it scans or sorts".to_owned());
    }
    if indexes.is_empty() || indexes.iter().any(|index| *index != query.index) {
        problems.push(format!("it uses {indexes:?} and should use {}", query.index));
    }
    let counts = query.command.contains_key("count");
    let returned = if counts { counted(db, &query.command).await } else { number(stats, "nReturned") };
    let keys = number(stats, "totalKeysExamined");
    let documents = number(stats, "totalDocsExamined");
    // A few more where ranges begin and end.
    if keys > returned + 12 {
        problems.push(format!("it looks at {keys} keys for {returned}"));
    }
    if documents > returned + 2 {
        problems.push(format!("it looks at {documents} documents for {returned}"));
    }
    if !problems.is_empty() {
        problems.push(format!("stages {stages:?}"));
    }
    problems
}

async fn counted(db: &Scratch, command: &Document) -> i64 {
    number(&db.db.run_command(command.clone()).await.unwrap(), "n")
}

async fn every_query_only_walks_its_index(uri: String) {
    scratch(uri, |db| async move {
        db.store().await.close().await;
        fill(&db).await;
        let mut wrong = Vec::new();
        let all = commands();
        assert!(all.len() > 50, "{} questions", all.len());
        for (name, query) in all {
            let problems = problems(&db, &query).await;
            if !problems.is_empty() {
                wrong.push(format!("{name}: {}", problems.join("; ")));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    })
    .await;
}

async fn test_1_1_e_a_question_for_silence_uses_an_index(uri: String) {
    scratch(uri, |db| async move {
        db.store().await.close().await;
        fill(&db).await;
        // Without naming an index.
        let find = doc! { "find": "sessions", "filter": { "last_heartbeat": { "$lt": at(100) } } };
        let answer = explained(&db, find).await;
        let plan = answer.get_document("queryPlanner").unwrap().get_document("winningPlan").unwrap().clone();
        let mut indexes = Vec::new();
        all_of("indexName", &Bson::Document(plan), &mut indexes);
        assert_eq!(indexes, ["last_heartbeat_1"]);
        assert_eq!(number(answer.get_document("executionStats").unwrap(), "totalDocsExamined"), 100);
    })
    .await;
}

async fn tasks_of_expired_sessions_are_counted(uri: String) {
    scratch(uri, |db| async move {
        let store = db.store().await;
        fill(&db).await;
        // The first of the ended sessions has no tasks: ten each belong to the first three hundred.
        let mut ended = session(5);
        ended.extend(doc! { "status": "completed", "completed_at": at(1), "project_id": "of the past" });
        let theirs = doc! { "session_id": uuid(5) };
        db.collection("sessions").replace_one(theirs, ended).await.unwrap();
        let counts =
            store.read(queries::expired_counts(Timestamp::from_millis(at(2000).timestamp_millis()))).await.unwrap();
        assert_eq!((counts.sessions, counts.tasks), (1102, 10));
        store.close().await;
    })
    .await;
}
