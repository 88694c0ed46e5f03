//! The validators of the collections. The required fields are those of the product's data model: a document that
//! another program writes by that model is accepted, without the fields that only Rekindle has, and with null for
//! optional ones.

use bson::{Bson, Document, doc};
use rekindle_core::Role;
use rekindle_core::domain::machine::MachineStatus;
use rekindle_core::domain::session::SessionStatus;
use rekindle_core::domain::task::TaskStatus;

/// The pattern of the ids of sessions and tasks.
const UUID: &str = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$";

/// Every collection, in the order in which they are made.
pub(crate) const COLLECTIONS: [&str; 9] =
    ["sessions", "tasks", "machines", "api_keys", "answers", "events", "watch", "leases", "meta"];

/// Returns the validator of a collection.
pub(crate) fn of(collection: &str) -> Document {
    let schema = match collection {
        "sessions" => sessions(),
        "tasks" => tasks(),
        "machines" => machines(),
        "api_keys" => api_keys(),
        "answers" => answers(),
        "events" => events(),
        "watch" => schema(&["looked_at", "due_by", "silence_from"], watch()),
        "leases" => schema(&["token", "until"], leases()),
        _ => doc! { "bsonType": "object" },
    };
    doc! { "$jsonSchema": schema }
}

fn schema(required: &[&str], properties: Document) -> Document {
    doc! { "bsonType": "object", "required": required.to_vec(), "properties": properties }
}

fn date() -> Bson {
    doc! { "bsonType": "date" }.into()
}

fn date_or_null() -> Bson {
    doc! { "bsonType": ["date", "null"] }.into()
}

fn text(max_length: i32) -> Bson {
    doc! { "bsonType": "string", "minLength": 1, "maxLength": max_length }.into()
}

fn text_or_null(max_length: i32) -> Bson {
    doc! { "bsonType": ["string", "null"], "minLength": 1, "maxLength": max_length }.into()
}

fn name() -> Bson {
    text(200)
}

fn uuid() -> Bson {
    doc! { "bsonType": "string", "pattern": UUID }.into()
}

fn number(minimum: i32) -> Bson {
    doc! { "bsonType": ["int", "long"], "minimum": minimum }.into()
}

fn bytes() -> Bson {
    doc! { "bsonType": "binData" }.into()
}

fn object() -> Bson {
    doc! { "bsonType": "object" }.into()
}

fn enumeration(members: impl IntoIterator<Item = &'static str>) -> Bson {
    doc! { "enum": members.into_iter().collect::<Vec<_>>() }.into()
}

/// Returns the properties that sessions, tasks and machines share.
fn shared_properties() -> Document {
    doc! {
        "revision": number(1),
        "touches": number(0),
        "metadata": object(),
        "metadata_json": { "bsonType": "string" },
    }
}

/// Returns the alternatives of which a row must satisfy one: it has ended and has `completed_at`, or it has neither.
fn completed_at_matches_status(ended: &[&'static str], live: &[&'static str]) -> Vec<Document> {
    vec![
        doc! { "properties": { "status": enumeration(live.iter().copied()), "completed_at": { "bsonType": "null" } } },
        doc! {
            "required": ["completed_at"],
            "properties": { "status": enumeration(ended.iter().copied()), "completed_at": date() },
        },
    ]
}

fn sessions() -> Document {
    let mut properties = doc! {
        "session_id": uuid(),
        "project_id": name(),
        "machine_id": name(),
        "docker_slot": { "bsonType": ["int", "long", "double", "null"], "minimum": 0, "maximum": 65535 },
        "status": enumeration(SessionStatus::ALL.map(SessionStatus::as_str)),
        "last_heartbeat": date(),
        "current_task_id": text_or_null(200),
        "started_at": date(),
        "completed_at": date_or_null(),
        "archived_at": date(),
        "error_message": text_or_null(4000),
        "prepared_at": date(),
        "recovered_into": uuid(),
        "recovered_at": date(),
        "lineage_id": uuid(),
        "attempt": number(0),
        "recovered_from": uuid(),
        "created_at": date(),
        "updated_at": date(),
    };
    properties.extend(shared_properties());
    let required = [
        "session_id",
        "project_id",
        "machine_id",
        "last_heartbeat",
        "status",
        "started_at",
        "created_at",
        "updated_at",
    ];
    let (live, ended): (Vec<_>, Vec<_>) = SessionStatus::ALL.into_iter().partition(|status| status.is_live());
    let written = |statuses: Vec<SessionStatus>| statuses.into_iter().map(SessionStatus::as_str).collect::<Vec<_>>();
    let mut schema = schema(&required, properties);
    schema.insert("anyOf", completed_at_matches_status(&written(ended), &written(live)));
    schema
}

fn tasks() -> Document {
    let mut properties = doc! {
        "task_id": uuid(),
        "session_id": uuid(),
        "project_id": name(),
        "github_issue_id": text_or_null(200),
        "task_name": text(4000),
        "status": enumeration(TaskStatus::ALL.map(TaskStatus::as_str)),
        "started_at": date_or_null(),
        "completed_at": date_or_null(),
        "error_message": text_or_null(4000),
        "copied_from": uuid(),
        "session_ended_at": date(),
        "created_at": date(),
        "updated_at": date(),
    };
    properties.extend(shared_properties());
    let required = ["task_id", "session_id", "project_id", "task_name", "status", "created_at", "updated_at"];
    let mut schema = schema(&required, properties);
    schema
        .insert("anyOf", completed_at_matches_status(&["completed", "failed"], &["pending", "in_progress", "blocked"]));
    schema
}

fn machines() -> Document {
    let mut properties = doc! {
        "machine_id": name(),
        "hostname": name(),
        "docker_slots": {
            "bsonType": "array",
            "items": { "bsonType": ["int", "long", "double"], "minimum": 0, "maximum": 65535 },
            "uniqueItems": true,
        },
        // Written by other programs; Rekindle derives it from the sessions.
        "active_sessions": { "bsonType": "array", "items": { "bsonType": "string" } },
        "status": enumeration(MachineStatus::ALL.map(MachineStatus::as_str)),
        "last_heartbeat": date(),
        "created_at": date(),
        "updated_at": date(),
    };
    properties.extend(shared_properties());
    let required = ["machine_id", "hostname", "docker_slots", "status", "last_heartbeat", "created_at", "updated_at"];
    schema(&required, properties)
}

fn api_keys() -> Document {
    let properties = doc! {
        "_id": uuid(),
        "mark": bytes(),
        "name": name(),
        "secret": bytes(),
        "role": enumeration(Role::ALL.map(Role::as_str)),
        "project_id": name(),
        "created_at": date(),
        "expires_at": date(),
        "revoked_at": date(),
        "replaced_by": uuid(),
        "revision": number(1),
        "touches": number(0),
    };
    schema(&["mark", "name", "secret", "role", "created_at", "revision", "touches"], properties)
}

fn answers() -> Document {
    let properties = doc! { "_id": bytes(), "request": bytes(), "answer": bytes(), "at": date(), "until": date() };
    schema(&["request", "answer", "at", "until"], properties)
}

fn events() -> Document {
    let properties = doc! {
        "at": date(),
        "kind": { "bsonType": "string" },
        "session_id": uuid(),
        "task_id": uuid(),
        "machine_id": name(),
        "key_id": uuid(),
        "service": { "bsonType": "bool" },
        "by_key": uuid(),
        "by_address": text(64),
        "by_request": uuid(),
        "kept_with": uuid(),
        "loose": { "bsonType": "bool" },
        "detail": object(),
        "detail_json": { "bsonType": "string" },
        "pending": { "bsonType": "bool" },
        "position": number(1),
    };
    schema(&["at", "kind", "detail"], properties)
}

fn watch() -> Document {
    doc! { "looked_at": date(), "due_by": date(), "silence_from": date() }
}

fn leases() -> Document {
    doc! { "token": number(1), "until": date() }
}
