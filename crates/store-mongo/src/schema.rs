//! What the database is made of, and how it comes to be: collections with validators, indexes, and the version of it all.
//! Several processes may do this at once. When nothing is to be done it is two round trips.

pub mod indexes;
pub mod validators;

use std::collections::HashMap;

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use indexes::Index;
use mongodb::error::Error;

use crate::connect::ConnectError;
use crate::database::{Database, write_concern};
use crate::error::{code, code_of, describe};

/// The version that this program makes and understands.
pub const VERSION: i64 = 2;

/// The namespace is there already: another process was faster.
const NAMESPACE_EXISTS: i32 = 48;
/// An index of this name, or with these fields, is there and is another one.
const INDEX_CONFLICTS: [i32; 2] = [85, 86];

/// Why the database was not prepared.
#[derive(Debug)]
pub enum Unprepared {
    /// The servers did not answer, or will answer in a moment: to be tried again.
    Failed(Error),
    /// An operator has to do something.
    Refused(ConnectError),
}

impl From<Error> for Unprepared {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Makes what is missing and changes what differs.
pub async fn prepare(collections: &Database, retention_days: u32) -> Result<(), Unprepared> {
    let retention = span(retention_days);
    let there = look(collections).await?;
    if let Some(newer) = there.version.filter(|version| *version > VERSION) {
        return Err(Unprepared::Refused(ConnectError::NewerSchema { theirs: newer, ours: VERSION }));
    }
    for name in validators::COLLECTIONS {
        match there.collections.get(name) {
            None => create(collections, name).await?,
            Some(options) if differs(options, name) => {
                let change = doc! {
                    "collMod": name, "validator": validators::of(name), "validationLevel": "strict", "validationAction": "error",
                };
                run(collections, change, &format!("to change the validator of {name}")).await?;
            }
            Some(_) => {}
        }
    }
    for (name, there) in &there.indexes {
        index(collections, name, there, retention).await?;
    }
    if there.version != Some(VERSION) {
        let note = doc! { "$max": { "version": VERSION } };
        collections.meta.update_one(doc! { "_id": "schema" }, note).upsert(true).await?;
    }
    Ok(())
}

/// Makes sure that this is a database of ours, of this version, and changes nothing.
pub async fn recognize(collections: &Database, name: &str) -> Result<(), Unprepared> {
    let refused = |error| Err(Unprepared::Refused(error));
    match version(collections).await? {
        Some(VERSION) => Ok(()),
        Some(theirs) if theirs > VERSION => refused(ConnectError::NewerSchema { theirs, ours: VERSION }),
        Some(_) | None => refused(ConnectError::Configuration(format!(
            "no server of this version of Rekindle has used the database {name} yet; is that its name?"
        ))),
    }
}

/// After how many seconds the server itself deletes what has ended: a day behind the retention job.
fn span(retention_days: u32) -> i32 {
    let seconds = (i64::from(retention_days) + 1) * 24 * 60 * 60;
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

/// What is there already.
struct There {
    /// Options by name.
    collections: HashMap<String, Document>,
    /// Indexes by collection, in the order in which they are made.
    indexes: Vec<(&'static str, Vec<Document>)>,
    version: Option<i64>,
}

async fn look(collections: &Database) -> Result<There, Unprepared> {
    let ours = doc! { "name": { "$in": validators::COLLECTIONS.to_vec() } };
    let listed = collections.db.run_cursor_command(doc! { "listCollections": 1, "filter": ours });
    let mut options = HashMap::new();
    for entry in listed.await?.try_collect::<Vec<Document>>().await? {
        if let (Ok(name), Ok(found)) = (entry.get_str("name"), entry.get_document("options")) {
            options.insert(name.to_owned(), found.clone());
        }
    }
    let asked = validators::COLLECTIONS.map(|name| {
        let is_there = options.contains_key(name);
        async move {
            let found = match is_there && !indexes::of(name).is_empty() {
                true => list_indexes(collections, name).await?,
                false => Vec::new(),
            };
            Ok::<_, Error>((name, found))
        }
    });
    let indexes = try_join_all(asked).await?;
    let version = version(collections).await?;
    Ok(There { collections: options, indexes, version })
}

async fn version(collections: &Database) -> Result<Option<i64>, Error> {
    let note = collections.meta.clone_with_type::<Document>().find_one(doc! { "_id": "schema" }).await?;
    Ok(note.and_then(|note| note.get("version").and_then(integer)))
}

async fn list_indexes(collections: &Database, name: &str) -> Result<Vec<Document>, Error> {
    let cursor = collections.db.run_cursor_command(doc! { "listIndexes": name }).await;
    match cursor {
        Ok(cursor) => cursor.try_collect().await,
        Err(error) => Err(error),
    }
}

async fn create(collections: &Database, name: &str) -> Result<(), Unprepared> {
    let command = doc! {
        "create": name, "validator": validators::of(name), "validationLevel": "strict", "validationAction": "error",
    };
    match run(collections, command, &format!("to make the collection {name}")).await {
        Err(Unprepared::Failed(error)) if code_of(&error) == Some(NAMESPACE_EXISTS) => Ok(()),
        done => done,
    }
}

fn differs(options: &Document, name: &str) -> bool {
    let is = |key: &str, wanted: &str| options.get_str(key).is_ok_and(|found| found == wanted);
    options.get_document("validator").ok() != Some(&validators::of(name))
        || !is("validationLevel", "strict")
        || !is("validationAction", "error")
}

/// Makes a collection's missing indexes in one command, and changes the span after which its documents expire.
async fn index(
    collections: &Database,
    name: &'static str,
    there: &[Document],
    retention: i32,
) -> Result<(), Unprepared> {
    let mut missing = Vec::new();
    for wanted in indexes::of(name) {
        let Some(found) = there.iter().find(|found| found.get_str("name").is_ok_and(|name| name == wanted.name)) else {
            missing.push(wanted);
            continue;
        };
        if !same(&wanted, found) {
            let index = format!("{}.{}", name, wanted.name);
            return Err(Unprepared::Refused(ConnectError::OtherIndex { index }));
        }
        if let Some(seconds) = wanted.expires_after(retention)
            && found.get("expireAfterSeconds").and_then(integer) != Some(seconds.into())
        {
            let change = doc! { "name": wanted.name, "expireAfterSeconds": seconds };
            let doing = format!("to change after how long {name} expire");
            run(collections, doc! { "collMod": name, "index": change }, &doing).await?;
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let specifications: Vec<_> = missing.iter().map(|index| index.specification(retention)).collect();
    let command = doc! { "createIndexes": name, "indexes": specifications };
    run(collections, command, &format!("to make the indexes of {name}")).await
}

fn same(wanted: &Index, found: &Document) -> bool {
    // The order of the fields matters here, which documents do not look at.
    let fields = |key: &Document| key.iter().map(|(name, way)| (name.clone(), integer(way))).collect::<Vec<_>>();
    found.get_document("key").is_ok_and(|key| fields(key) == fields(&wanted.key))
        && found.get_bool("unique").unwrap_or(false) == wanted.unique
        && found.get_document("partialFilterExpression").ok() == wanted.partial.as_ref()
        && found.contains_key("expireAfterSeconds") == wanted.expires.is_some()
}

/// Runs a command that changes the schema, and says in words what its failure means.
async fn run(collections: &Database, mut command: Document, doing: &str) -> Result<(), Unprepared> {
    let concern = write_concern(collections.call_timeout);
    let timeout = concern.w_timeout.map_or(0, |limit| i64::try_from(limit.as_millis()).unwrap_or(i64::MAX));
    command.insert("writeConcern", doc! { "w": "majority", "wtimeout": timeout });
    let Err(error) = collections.db.run_command(command).await else { return Ok(()) };
    Err(match code_of(&error) {
        Some(code::UNAUTHORIZED) => {
            let why = format!("the user may not do what is needed {doing}: {}", describe(&error));
            Unprepared::Refused(ConnectError::Forbidden { why })
        }
        Some(code::DUPLICATE_KEY) => Unprepared::Refused(ConnectError::Duplicates { why: describe(&error) }),
        Some(code) if INDEX_CONFLICTS.contains(&code) => {
            Unprepared::Refused(ConnectError::OtherIndex { index: describe(&error) })
        }
        _ => Unprepared::Failed(error),
    })
}

/// A number as the server gives it back.
fn integer(number: &Bson) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the server stores spans and directions as doubles at times")]
    let of_double = |double: f64| double as i64;
    number.as_i64().or_else(|| number.as_i32().map(i64::from)).or_else(|| number.as_f64().map(of_double))
}
