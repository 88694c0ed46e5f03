//! The validators of the collections. The required fields are those of the product's data model: a document that
//! another program writes by that model is accepted, without the fields that only Rekindle has, and with null for
//! optional ones.

use bson::{Bson, Document, doc};
use rekindle_core::domain::event::Event;
use rekindle_core::domain::session::SessionStatus;
use rekindle_records::{Declaration, Field, FieldType, Record};

use crate::documents::record::mark_name;
use crate::kinds::Kinds;

/// The pattern of the ids of sessions and tasks.
const UUID: &str = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$";

/// Every collection, in the order in which they are made.
pub(crate) const COLLECTIONS: [&str; 9] =
    ["sessions", "tasks", "machines", "api_keys", "answers", "events", "watch", "leases", "meta"];

/// Returns the validator of a collection.
pub(crate) fn of(kinds: &Kinds, collection: &str) -> Document {
    let schema = match (collection, kinds.get(collection)) {
        ("events", _) => events(),
        ("leases", _) => schema(&["token", "until"], doc! { "token": number(1), "until": date() }),
        (_, Ok(kind)) => records(kind.declaration()),
        (_, Err(_)) => doc! { "bsonType": "object" },
    };
    doc! { "$jsonSchema": schema }
}

fn schema(required: &[&str], properties: Document) -> Document {
    doc! { "bsonType": "object", "required": required.to_vec(), "properties": properties }
}

/// Returns the schema of the records of a kind.
fn records(declaration: &'static Declaration) -> Document {
    // Where Rekindle has fields of its own, other programs write records without them, and without a version.
    let has_foreign = declaration.fields.iter().any(|field| field.own);
    let mut properties = Document::new();
    let mut required = Vec::new();
    for field in declaration.fields {
        properties.insert(field.document_name, property(field, has_foreign));
        if field.kind == FieldType::Object {
            properties.insert(format!("{}_json", field.document_name), doc! { "bsonType": "string" });
        }
        if !field.nullable && !field.own && field.document_name != "_id" {
            required.push(field.document_name);
        }
    }
    if declaration.versioned {
        properties.extend(doc! { "revision": number(1), "touches": number(0) });
        if !has_foreign {
            required.extend(["revision", "touches"]);
        }
        if mark_name(declaration) != "_id" {
            properties.insert("mark", bytes());
            required.push(mark_name(declaration));
        }
    }
    properties.extend(others(declaration.name));
    let mut schema = schema(&required, properties);
    if let Some(alternatives) = completed_at_matches_status(declaration.name) {
        schema.insert("anyOf", alternatives);
    }
    schema
}

/// Returns what a field may hold. Other programs write null for an optional field that they know.
fn property(field: &Field, has_foreign: bool) -> Bson {
    if !field.members.is_empty() {
        return enumeration(field.members.iter().copied());
    }
    let or_null = has_foreign && field.nullable && !field.own;
    let types = |names: &[&str]| -> Bson {
        let mut names = names.to_vec();
        names.extend(or_null.then_some("null"));
        if let [name] = names.as_slice() { (*name).into() } else { names.into() }
    };
    match field.kind {
        FieldType::Text => match field.max_length {
            Some(most) => doc! { "bsonType": types(&["string"]), "minLength": 1, "maxLength": i32::from(most) },
            None => doc! { "bsonType": types(&["string"]) },
        },
        FieldType::Uuid => doc! { "bsonType": types(&["string"]), "pattern": UUID },
        FieldType::Time => doc! { "bsonType": types(&["date"]) },
        FieldType::Integer => doc! { "bsonType": types(&["int", "long"]), "minimum": 0 },
        // JavaScript programs write doubles.
        FieldType::SmallInteger => {
            doc! { "bsonType": types(&["int", "long", "double"]), "minimum": 0, "maximum": 65535 }
        }
        FieldType::Bytes => doc! { "bsonType": types(&["binData"]) },
        FieldType::Object => doc! { "bsonType": types(&["object"]) },
        FieldType::Integers => doc! {
            "bsonType": types(&["array"]),
            "items": { "bsonType": ["int", "long", "double"], "minimum": 0, "maximum": 65535 },
            "uniqueItems": true,
        },
    }
    .into()
}

/// Returns the properties of documents that no record has.
fn others(collection: &str) -> Document {
    match collection {
        // For the server's own deletion.
        "tasks" => doc! { "session_ended_at": date() },
        // Written by other programs; Rekindle derives it from the sessions.
        "machines" => doc! { "active_sessions": { "bsonType": "array", "items": { "bsonType": "string" } } },
        _ => Document::new(),
    }
}

/// Returns the alternatives of which a row must satisfy one: it has ended and has `completed_at`, or it has neither.
fn completed_at_matches_status(collection: &str) -> Option<Vec<Document>> {
    let (live, ended): (Vec<&str>, Vec<&str>) = match collection {
        "sessions" => {
            let (live, ended): (Vec<_>, Vec<_>) = SessionStatus::ALL.into_iter().partition(|status| status.is_live());
            (
                live.into_iter().map(SessionStatus::as_str).collect(),
                ended.into_iter().map(SessionStatus::as_str).collect(),
            )
        }
        "tasks" => (vec!["pending", "in_progress", "blocked"], vec!["completed", "failed"]),
        _ => return None,
    };
    Some(vec![
        doc! { "properties": { "status": enumeration(live), "completed_at": { "bsonType": "null" } } },
        doc! { "required": ["completed_at"], "properties": { "status": enumeration(ended), "completed_at": date() } },
    ])
}

fn date() -> Bson {
    doc! { "bsonType": "date" }.into()
}

fn number(minimum: i32) -> Bson {
    doc! { "bsonType": ["int", "long"], "minimum": minimum }.into()
}

fn bytes() -> Bson {
    doc! { "bsonType": "binData" }.into()
}

fn enumeration<'m>(members: impl IntoIterator<Item = &'m str>) -> Bson {
    doc! { "enum": members.into_iter().collect::<Vec<_>>() }.into()
}

/// Returns the schema of events: their records, of which most fields depend on what happened, and the log's own fields.
fn events() -> Document {
    let mut properties = Document::new();
    for field in Event::DECLARATION.fields {
        properties.insert(field.document_name, property(field, false));
    }
    properties.extend(doc! {
        "service": { "bsonType": "bool" },
        "loose": { "bsonType": "bool" },
        "detail_json": { "bsonType": "string" },
        "pending": { "bsonType": "bool" },
        "position": number(1),
    });
    schema(&["at", "kind", "detail"], properties)
}
