//! What the database accepts and rejects, by plain inserts of another program.

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use futures_util::future::join_all;
use mongodb::error::{ErrorKind, WriteFailure};
use rekindle_core::store::{AuditFilter, FindTyped, PageRequest, SessionFilter, Start, queries};
use rekindle_core::{MachineId, SessionId, Store, TaskId};
use rekindle_mongod::{Case, case};
use rekindle_store_mongo::{ConnectError, MongoOptions, MongoStore, Setup};
use rekindle_testkit::sample;

use crate::support::{Scratch, answer, api_key, machine, open, refusal, scratch, session, task, until, uuid};

pub(crate) const CASES: &[Case] = &[
    case!(test_1_1_a_each_required_field_is_required),
    case!(test_1_1_b_what_has_all_required_fields_is_taken_and_read),
    case!(test_1_1_c_docker_slots_are_an_array_of_numbers),
    case!(test_1_1_d_an_unknown_status_is_refused),
    case!(field_of_another_type_is_rejected),
    case!(completed_at_must_match_the_status),
    case!(keys_and_responses_need_all_their_fields),
    case!(many_processes_prepare_one_database),
    case!(manual_changes_of_the_schema_are_repaired),
    case!(database_of_the_first_version_is_upgraded),
    case!(other_index_with_a_needed_name_is_reported),
    case!(duplicates_are_reported),
    case!(newer_schema_is_not_changed),
    case!(leave_as_is_changes_nothing),
    case!(pages_continue_across_documents_of_another_program),
];

const REFUSED: i32 = 121;

/// Returns the code with which the server rejects a document; `None` when it accepts it.
async fn insert(db: &Scratch, collection: &str, document: &Document) -> Option<i32> {
    let error = db.collection(collection).insert_one(document).await.err()?;
    let ErrorKind::Write(WriteFailure::WriteError(write)) = &*error.kind else { panic!("{error}") };
    Some(write.code)
}

async fn assert_refused(db: &Scratch, collection: &str, document: &Document) {
    assert_eq!(insert(db, collection, document).await, Some(REFUSED), "{collection} took {document}");
}

/// Returns the required fields of each collection, and a document that has them all.
fn required() -> [(&'static str, Document, Vec<&'static str>); 3] {
    let of_session = vec![
        "session_id",
        "project_id",
        "machine_id",
        "last_heartbeat",
        "status",
        "started_at",
        "created_at",
        "updated_at",
    ];
    let of_task = vec!["task_id", "session_id", "project_id", "task_name", "status", "created_at", "updated_at"];
    let of_machine =
        vec!["machine_id", "hostname", "docker_slots", "status", "last_heartbeat", "created_at", "updated_at"];
    [("sessions", session(1), of_session), ("tasks", task(2), of_task), ("machines", machine(1), of_machine)]
}

async fn test_1_1_a_each_required_field_is_required(uri: String) {
    scratch(uri, |db| async move {
        db.store().await.close().await;
        for (collection, whole, fields) in required() {
            for field in fields {
                let mut without = whole.clone();
                without.remove(field);
                assert_refused(&db, collection, &without).await;
                without.insert(field, Bson::Null);
                assert_refused(&db, collection, &without).await;
            }
            assert_eq!(insert(&db, collection, &whole).await, None, "{collection}");
        }
    })
    .await;
}

async fn test_1_1_b_what_has_all_required_fields_is_taken_and_read(uri: String) {
    scratch(uri, |db| async move {
        let store = db.store().await;
        for (collection, whole, fields) in required() {
            let mut bare = Document::new();
            for field in fields {
                bare.insert(field, whole.get(field));
            }
            assert_eq!(insert(&db, collection, &bare).await, None, "{collection} refused {bare}");
        }
        let found = store.read(queries::session(SessionId(sample::uuid(1)))).await.unwrap().unwrap();
        assert_eq!((found.version, found.value.lineage.attempt), (rekindle_core::Version::FIRST, 1));
        let machine: MachineId = sample::text("m1");
        assert_eq!(
            store.read(queries::machine(&machine)).await.unwrap().unwrap().value.docker_slots.as_slice().len(),
            3
        );
        // It was started when it last changed, at the latest.
        let task = store.read(queries::task(TaskId(sample::uuid(2)))).await.unwrap().unwrap().value;
        assert_eq!(task.started_at(), Some(task.updated_at));
        store.close().await;
    })
    .await;
}

async fn test_1_1_c_docker_slots_are_an_array_of_numbers(uri: String) {
    scratch(uri, |db| async move {
        db.store().await.close().await;
        for slots in
            [Bson::from(3), Bson::from("1,2"), Bson::from(vec!["1"]), Bson::from(vec![-1]), Bson::from(vec![1, 1])]
        {
            let mut wrong = machine(1);
            wrong.insert("docker_slots", slots);
            assert_refused(&db, "machines", &wrong).await;
        }
        let mut none = machine(1);
        none.insert("docker_slots", Bson::Array(Vec::new()));
        assert_eq!(insert(&db, "machines", &none).await, None);
    })
    .await;
}

async fn test_1_1_d_an_unknown_status_is_refused(uri: String) {
    scratch(uri, |db| async move {
        db.store().await.close().await;
        for (collection, whole, _) in required() {
            for status in ["", "asleep", "Active", "ACTIVE"] {
                let mut wrong = whole.clone();
                wrong.insert("status", status);
                assert_refused(&db, collection, &wrong).await;
            }
        }
    })
    .await;
}

async fn field_of_another_type_is_rejected(uri: String) {
    scratch(uri, |db| async move {
        db.store().await.close().await;
        for (collection, whole, fields) in required() {
            for field in fields {
                let mut wrong = whole.clone();
                wrong.insert(field, doc! { "nothing": "like it" });
                assert_refused(&db, collection, &wrong).await;
            }
        }
        for (field, value) in [
            ("docker_slot", Bson::from(65_536)),
            ("docker_slot", Bson::from("1")),
            ("session_id", Bson::from("mine")),
            ("project_id", Bson::from("")),
            ("revision", Bson::from(0)),
            ("archived_at", Bson::Null),
            ("metadata", Bson::from("{}")),
            ("completed_at", Bson::from("yesterday")),
        ] {
            let mut wrong = session(1);
            wrong.insert(field, value);
            assert_refused(&db, "sessions", &wrong).await;
        }
    })
    .await;
}

async fn completed_at_must_match_the_status(uri: String) {
    scratch(uri, |db| async move {
        db.store().await.close().await;
        for (collection, mut whole, ended, live) in [
            ("sessions", session(1), ["completed", "failed"], "active"),
            ("tasks", task(1), ["completed", "failed"], "pending"),
        ] {
            let now = bson::DateTime::now();
            whole.insert("completed_at", now);
            whole.insert("status", live);
            assert_refused(&db, collection, &whole).await;
            for status in ended {
                whole.insert("status", status);
                whole.remove("completed_at");
                assert_refused(&db, collection, &whole).await;
            }
            whole.insert("completed_at", now);
            assert_eq!(insert(&db, collection, &whole).await, None);
        }
    })
    .await;
}

async fn keys_and_responses_need_all_their_fields(uri: String) {
    scratch(uri, |db| async move {
        db.store().await.close().await;
        for (collection, whole, optional) in [
            ("api_keys", api_key(1), doc! { "project_id": "p", "expires_at": 1, "revoked_at": 1, "replaced_by": 1 }),
            ("answers", answer(1), doc! {}),
        ] {
            for (field, _) in whole.iter().filter(|(field, _)| *field != "_id") {
                let mut without = whole.clone();
                without.remove(field);
                assert_refused(&db, collection, &without).await;
            }
            for (field, _) in whole.iter().chain(&optional) {
                let mut wrong = whole.clone();
                wrong.insert(field, Bson::Boolean(true));
                assert_refused(&db, collection, &wrong).await;
            }
            assert_eq!(insert(&db, collection, &whole).await, None);
            assert_eq!(insert(&db, collection, &whole).await, Some(11_000), "{collection} took it twice");
        }
        let mut wrong = api_key(2);
        wrong.insert("role", "owner");
        assert_refused(&db, "api_keys", &wrong).await;
    })
    .await;
}

async fn many_processes_prepare_one_database(uri: String) {
    scratch(uri, |db| async move {
        let opened = join_all((0..8).map(|_| MongoStore::connect(db.options.clone()))).await;
        for store in opened {
            let store = store.unwrap();
            // Some may have to retry while the others prepare.
            until(|| store.ping(), Result::is_ok).await.unwrap();
            store.close().await;
        }
        let indexes = db.collection("sessions").list_index_names().await.unwrap();
        assert_eq!(indexes.len(), 17, "{indexes:?}");
    })
    .await;
}

async fn options_of(db: &Scratch, collection: &str) -> Document {
    let found: Vec<_> = db.db.list_collections().await.unwrap().try_collect().await.unwrap();
    let found = found.into_iter().find(|found| found.name == collection).unwrap();
    found.options.validator.unwrap()
}

async fn manual_changes_of_the_schema_are_repaired(uri: String) {
    scratch(uri, |db| async move {
        db.store().await.close().await;
        let as_made = options_of(&db, "tasks").await;
        let off = doc! { "collMod": "tasks", "validator": {}, "validationLevel": "off" };
        db.db.run_command(off).await.unwrap();
        db.collection("sessions").drop_index("silence").await.unwrap();
        db.store().await.close().await;
        assert_eq!(options_of(&db, "tasks").await, as_made);
        assert_refused(&db, "tasks", &doc! {}).await;
        let indexes = db.collection("sessions").list_index_names().await.unwrap();
        assert!(indexes.contains(&"silence".to_owned()), "{indexes:?}");
    })
    .await;
}

/// Turns a database of the current version into one of the first version.
async fn set_back(db: &Scratch) {
    db.collection("api_keys").drop().await.unwrap();
    db.collection("answers").drop().await.unwrap();
    for index in ["by_key_1_position_-1", "session_id_1_position_-1", "machine_id_1_position_-1"] {
        db.collection("events").drop_index(index).await.unwrap();
    }
    let validator = doc! { "$jsonSchema": { "bsonType": "object", "required": ["at", "kind", "detail"] } };
    db.db.run_command(doc! { "collMod": "events", "validator": validator }).await.unwrap();
    let first = doc! { "$set": { "version": 1_i64 } };
    db.collection("meta").update_one(doc! { "_id": "schema" }, first).await.unwrap();
}

async fn database_of_the_first_version_is_upgraded(uri: String) {
    scratch(uri, |db| async move {
        db.store().await.close().await;
        let as_made = options_of(&db, "events").await;
        set_back(&db).await;
        let then = bson::DateTime::from_millis(sample::NOON.millis());
        for (n, position) in [(1, Some(1_i64)), (2, None)] {
            let mut old = doc! { "_id": bson::Uuid::from_bytes([n; 16]), "at": then, "kind": "session.created" };
            old.extend(doc! { "session_id": uuid(1), "kept_with": uuid(1), "detail": {} });
            match position {
                Some(position) => old.insert("position", position),
                None => old.insert("pending", true),
            };
            db.collection("events").insert_one(old).await.unwrap();
        }
        db.collection("meta").insert_one(doc! { "_id": "events", "next": 2_i64 }).await.unwrap();

        let store = db.store().await;
        assert_eq!(options_of(&db, "events").await, as_made);
        let indexes = db.collection("events").list_index_names().await.unwrap();
        assert_eq!(indexes.len(), 8, "{indexes:?}");
        assert_refused(&db, "api_keys", &doc! {}).await;
        assert_eq!(db.collection("answers").list_index_names().await.unwrap(), ["_id_", "until_1"]);
        let note = db.collection("meta").find_one(doc! { "_id": "schema" }).await.unwrap().unwrap();
        assert_eq!(note.get_i64("version").unwrap(), 2);
        let of_session = AuditFilter { session: Some(SessionId(sample::uuid(1))), ..AuditFilter::default() };
        let trail = store.audit_log(&of_session, None, 10).await.unwrap();
        assert_eq!(trail.iter().map(|found| &*found.position.0).collect::<Vec<_>>(), ["2", "1"]);
        assert!(trail.iter().all(|found| found.event.by.is_none()));
        assert_eq!(store.events(None, 10).await.unwrap().len(), 2);
        store.close().await;
    })
    .await;
}

async fn other_index_with_a_needed_name_is_reported(uri: String) {
    scratch(uri, |db| async move {
        let other = doc! { "createIndexes": "sessions", "indexes": [{ "name": "silence", "key": { "status": 1 } }] };
        db.db.run_command(other).await.unwrap();
        assert_eq!(refusal(&db.options).await, ConnectError::OtherIndex { index: "sessions.silence".to_owned() });
    })
    .await;
}

async fn duplicates_are_reported(uri: String) {
    scratch(uri, |db| async move {
        let twice = [doc! { "session_id": "a" }, doc! { "session_id": "a" }];
        db.collection("sessions").insert_many(twice).await.unwrap();
        let ConnectError::Duplicates { why } = refusal(&db.options).await else { panic!("it is about duplicates") };
        assert!(why.contains("session_id_1"), "{why}");
    })
    .await;
}

async fn newer_schema_is_not_changed(uri: String) {
    scratch(uri, |db| async move {
        db.collection("meta").insert_one(doc! { "_id": "schema", "version": 3 }).await.unwrap();
        assert_eq!(refusal(&db.options).await, ConnectError::NewerSchema { theirs: 3, ours: 2 });
        assert_eq!(db.db.list_collection_names().await.unwrap(), ["meta"]);
    })
    .await;
}

async fn pages_continue_across_documents_of_another_program(uri: String) {
    scratch(uri, |db| async move {
        let store = db.store().await;
        // In one millisecond: four of another program, with its type of id, and four of Rekindle.
        let at = bson::DateTime::from_millis(sample::NOON.millis());
        for n in 1..=4 {
            let mut foreign = session(n);
            foreign.insert("created_at", at);
            db.collection("sessions").insert_one(foreign).await.unwrap();
        }
        for n in 5..=8 {
            let mut changes = rekindle_core::store::Changes::default();
            changes.insert(sample::session(n));
            store.commit(changes).await.unwrap();
        }
        let all = SessionFilter::default();
        let mut start = Start::Offset(0);
        let mut found = Vec::new();
        loop {
            let page = store.read(queries::sessions(&all, PageRequest { limit: 1, start })).await.unwrap();
            assert_eq!(page.total, 8);
            found.extend(page.items.into_iter().map(|row| row.value.id));
            let Some(next) = page.next else { break };
            start = Start::After(next);
        }
        let mut once = found.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!((found.len(), once.len()), (8, 8), "{found:?}");
        store.close().await;
    })
    .await;
}

/// A program that only reads does not know the retention of the server.
async fn leave_as_is_changes_nothing(uri: String) {
    scratch(uri, |db| async move {
        let looking = MongoOptions { setup: Setup::LeaveAsIs, retention_days: 1, ..db.options.clone() };
        let refused = refusal(&looking).await;
        assert!(matches!(refused, ConnectError::Configuration(_)), "{refused:?}");
        assert_eq!(db.db.list_collection_names().await.unwrap(), Vec::<String>::new());
        db.store().await.close().await;
        let expiry = || async {
            let command = doc! { "listIndexes": "sessions" };
            let cursor = db.db.run_cursor_command(command).await.unwrap();
            let indexes: Vec<Document> = cursor.try_collect().await.unwrap();
            indexes.iter().find_map(|index| index.get("expireAfterSeconds").cloned())
        };
        let before = expiry().await;
        assert!(before.is_some());
        let store = open(&looking).await;
        assert_eq!(store.read(queries::counts()).await.unwrap().total(), 0);
        store.close().await;
        assert_eq!(expiry().await, before);
    })
    .await;
}
