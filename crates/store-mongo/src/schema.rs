//! The schema of the database, and its preparation: collections with validators, indexes, and a version. Several
//! processes may prepare a database at once. When nothing is to be changed it takes a few round trips.

pub(crate) mod validators;

use std::collections::HashMap;

use crate::indexes::{self, Index};
use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use mongodb::error::Error;
use rekindle_records::RecordType;

use crate::connect_error::ConnectError;
use crate::database::{Database, write_concern};
use crate::error::{code, code_of, describe};
use crate::kinds::Kinds;

/// The version that this program prepares and understands.
pub(crate) const VERSION: i64 = 2;

/// The collection exists: another process was faster.
const NAMESPACE_EXISTS: i32 = 48;
/// Another index has this name, or these fields.
const INDEX_CONFLICTS: [i32; 2] = [85, 86];

/// Why the database was not prepared.
#[derive(Debug)]
pub(crate) enum PrepareError {
    /// The servers failed; another attempt may succeed.
    Failed(Error),
    /// An operator has to change something.
    Refused(ConnectError),
}

impl From<Error> for PrepareError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Makes what is missing and changes what differs.
pub(crate) async fn prepare(database: &Database, retention_days: u32) -> Result<(), PrepareError> {
    let retention = retention_seconds(retention_days);
    let existing = inspect(database).await?;
    if let Some(newer) = existing.version.filter(|version| *version > VERSION) {
        return Err(PrepareError::Refused(ConnectError::NewerSchema { theirs: newer, ours: VERSION }));
    }
    for name in collections(&database.kinds) {
        match existing.collections.get(name) {
            None => create_collection(database, name).await?,
            Some(options) if differs(&database.kinds, options, name) => {
                let change = doc! {
                    "collMod": name, "validator": validators::of(&database.kinds, name), "validationLevel": "strict", "validationAction": "error",
                };
                run_command(database, change, &format!("to change the validator of {name}")).await?;
            }
            Some(_) => {}
        }
    }
    for (name, found) in &existing.indexes {
        ensure_indexes(database, name, found, retention).await?;
    }
    if existing.version != Some(VERSION) {
        let note = doc! { "$max": { "version": VERSION } };
        database.meta.update_one(doc! { "_id": "schema" }, note).upsert(true).await?;
    }
    Ok(())
}

/// Checks that the database has this version of the schema, and changes nothing.
pub(crate) async fn verify(database: &Database, name: &str) -> Result<(), PrepareError> {
    let refused = |error| Err(PrepareError::Refused(error));
    match version(database).await? {
        Some(VERSION) => Ok(()),
        Some(theirs) if theirs > VERSION => refused(ConnectError::NewerSchema { theirs, ours: VERSION }),
        Some(_) | None => refused(ConnectError::Configuration(format!(
            "no server of this version of Rekindle has used the database {name} yet; is that its name?"
        ))),
    }
}

/// Returns the age in seconds at which the server deletes ended sessions: a day after the retention job does.
fn retention_seconds(retention_days: u32) -> i32 {
    let seconds = (i64::from(retention_days) + 1) * 24 * 60 * 60;
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

/// What the database holds before it is prepared.
struct ExistingSchema {
    /// The options of each collection, by name.
    collections: HashMap<String, Document>,
    /// The indexes of each collection, in the order in which they are made.
    indexes: Vec<(&'static str, Vec<Document>)>,
    version: Option<i64>,
}

/// Returns the name of every collection, in the order in which they are made.
fn collections(kinds: &Kinds) -> Vec<&'static str> {
    let mut names = validators::COLLECTIONS.to_vec();
    names.extend(kinds.declarations().map(|kind| kind.name).filter(|name| !validators::COLLECTIONS.contains(name)));
    names
}

/// Returns the indexes of a collection.
fn indexes_of(kinds: &Kinds, collection: &str) -> Vec<Index> {
    let declaration = kinds.get(collection).ok().map(RecordType::declaration);
    let of_records = declaration.map(indexes::of_records).unwrap_or_default();
    of_records.into_iter().map(|(_, index)| index).chain(indexes::others_of(collection)).collect()
}

async fn inspect(database: &Database) -> Result<ExistingSchema, PrepareError> {
    let filter = doc! { "name": { "$in": collections(&database.kinds) } };
    let listed = database.db.run_cursor_command(doc! { "listCollections": 1, "filter": filter });
    let mut options = HashMap::new();
    for entry in listed.await?.try_collect::<Vec<Document>>().await? {
        if let (Ok(name), Ok(found)) = (entry.get_str("name"), entry.get_document("options")) {
            options.insert(name.to_owned(), found.clone());
        }
    }
    let indexes = collections(&database.kinds).into_iter().map(|name| {
        let exists = options.contains_key(name);
        async move {
            let found = match exists && !indexes_of(&database.kinds, name).is_empty() {
                true => list_indexes(database, name).await?,
                false => Vec::new(),
            };
            Ok::<_, Error>((name, found))
        }
    });
    let indexes = try_join_all(indexes).await?;
    let version = version(database).await?;
    Ok(ExistingSchema { collections: options, indexes, version })
}

async fn version(database: &Database) -> Result<Option<i64>, Error> {
    let note = database.meta.clone_with_type::<Document>().find_one(doc! { "_id": "schema" }).await?;
    Ok(note.and_then(|note| note.get("version").and_then(integer)))
}

async fn list_indexes(database: &Database, name: &str) -> Result<Vec<Document>, Error> {
    let cursor = database.db.run_cursor_command(doc! { "listIndexes": name }).await;
    match cursor {
        Ok(cursor) => cursor.try_collect().await,
        Err(error) => Err(error),
    }
}

async fn create_collection(database: &Database, name: &str) -> Result<(), PrepareError> {
    let command = doc! {
        "create": name, "validator": validators::of(&database.kinds, name), "validationLevel": "strict", "validationAction": "error",
    };
    match run_command(database, command, &format!("to make the collection {name}")).await {
        Err(PrepareError::Failed(error)) if code_of(&error) == Some(NAMESPACE_EXISTS) => Ok(()),
        done => done,
    }
}

fn differs(kinds: &Kinds, options: &Document, name: &str) -> bool {
    let is = |key: &str, wanted: &str| options.get_str(key).is_ok_and(|found| found == wanted);
    let found = options.get_document("validator").ok().cloned().map(ordered);
    found != Some(ordered(validators::of(kinds, name)))
        || !is("validationLevel", "strict")
        || !is("validationAction", "error")
}

/// Orders the required fields: an earlier version wrote the same ones in another order.
fn ordered(mut validator: Document) -> Document {
    if let Ok(schema) = validator.get_document_mut("$jsonSchema")
        && let Ok(required) = schema.get_array_mut("required")
    {
        required.sort_by_key(ToString::to_string);
    }
    validator
}

/// Makes the missing indexes of a collection in one command, and changes the age at which its documents expire.
async fn ensure_indexes(
    database: &Database,
    name: &'static str,
    existing: &[Document],
    retention: i32,
) -> Result<(), PrepareError> {
    let mut missing = Vec::new();
    for wanted in indexes_of(&database.kinds, name) {
        let Some(found) = existing.iter().find(|found| found.get_str("name").is_ok_and(|name| name == wanted.name))
        else {
            missing.push(wanted);
            continue;
        };
        if !is_same(&wanted, found) {
            let index = format!("{}.{}", name, wanted.name);
            return Err(PrepareError::Refused(ConnectError::OtherIndex { index }));
        }
        if let Some(seconds) = wanted.expires_after(retention)
            && found.get("expireAfterSeconds").and_then(integer) != Some(seconds.into())
        {
            let change = doc! { "name": &wanted.name, "expireAfterSeconds": seconds };
            let doing = format!("to change after how long {name} expire");
            run_command(database, doc! { "collMod": name, "index": change }, &doing).await?;
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let specifications: Vec<_> = missing.iter().map(|index| index.specification(retention)).collect();
    let command = doc! { "createIndexes": name, "indexes": specifications };
    run_command(database, command, &format!("to make the indexes of {name}")).await
}

fn is_same(wanted: &Index, found: &Document) -> bool {
    // Documents compare without the order of their fields, which matters in a key.
    let fields = |key: &Document| key.iter().map(|(name, way)| (name.clone(), integer(way))).collect::<Vec<_>>();
    found.get_document("key").is_ok_and(|key| fields(key) == fields(&wanted.key))
        && found.get_bool("unique").unwrap_or(false) == wanted.unique
        && found.get_document("partialFilterExpression").ok() == wanted.partial.as_ref()
        && found.contains_key("expireAfterSeconds") == wanted.expires.is_some()
}

/// Runs a command that changes the schema, and explains its failure.
async fn run_command(database: &Database, mut command: Document, doing: &str) -> Result<(), PrepareError> {
    let concern = write_concern(database.call_timeout);
    let timeout = concern.w_timeout.map_or(0, |limit| i64::try_from(limit.as_millis()).unwrap_or(i64::MAX));
    command.insert("writeConcern", doc! { "w": "majority", "wtimeout": timeout });
    let Err(error) = database.db.run_command(command).await else { return Ok(()) };
    Err(match code_of(&error) {
        Some(code::UNAUTHORIZED) => {
            let why = format!("the user may not do what is needed {doing}: {}", describe(&error));
            PrepareError::Refused(ConnectError::Forbidden { why })
        }
        Some(code::DUPLICATE_KEY) => PrepareError::Refused(ConnectError::Duplicates { why: describe(&error) }),
        Some(code) if INDEX_CONFLICTS.contains(&code) => {
            PrepareError::Refused(ConnectError::OtherIndex { index: describe(&error) })
        }
        _ => PrepareError::Failed(error),
    })
}

/// Reads a number of any type that the server returns.
fn integer(number: &Bson) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the server stores spans and directions as doubles at times")]
    let of_double = |double: f64| double as i64;
    number.as_i64().or_else(|| number.as_i32().map(i64::from)).or_else(|| number.as_f64().map(of_double))
}
