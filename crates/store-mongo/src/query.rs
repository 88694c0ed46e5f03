//! A read of one collection as a value: it can be run, and it can be explained. Each names its index, so that the
//! server does not choose one, and a missing index is an error instead of a scan.

use bson::{Document, RawDocument, doc};
use mongodb::options::Hint;
use rekindle_core::store::StoreError;

use crate::database::Database;
use crate::error::{ReadError, ReadResult, is_resendable};

/// A `find`: which documents, in which order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    /// The name of the collection.
    pub(crate) collection: &'static str,
    pub(crate) filter: Document,
    /// The name of the index that the server must use.
    pub(crate) hint: String,
    /// Empty: in any order.
    pub(crate) sort: Document,
    pub(crate) skip: u64,
    /// `None`: all.
    pub(crate) limit: Option<u32>,
    /// Empty: all fields.
    pub(crate) projection: Document,
}

impl Query {
    /// Returns a query for all documents that match, by this index.
    pub(crate) fn of(collection: &'static str, filter: Document, hint: impl Into<String>) -> Self {
        Self {
            collection,
            filter,
            hint: hint.into(),
            sort: Document::new(),
            skip: 0,
            limit: None,
            projection: Document::new(),
        }
    }

    #[must_use]
    pub(crate) fn sorted(self, sort: Document) -> Self {
        Self { sort, ..self }
    }

    #[must_use]
    pub(crate) fn limited(self, limit: u32) -> Self {
        Self { limit: Some(limit), ..self }
    }

    #[must_use]
    pub(crate) fn projected(self, projection: Document) -> Self {
        Self { projection, ..self }
    }

    /// Runs the query and decodes its rows. The driver retries a `find` when the network failed or the primary changed.
    pub(crate) async fn all<T>(
        self,
        database: &Database,
        read: impl Fn(&RawDocument) -> Result<T, StoreError>,
    ) -> ReadResult<Vec<T>> {
        // The server takes a limit of zero for none.
        if self.limit == Some(0) {
            return Ok(Vec::new());
        }
        let collection = database.collection(self.collection);
        let mut find = collection.find(self.filter).hint(Hint::Name(self.hint));
        find = find.max_time(database.call_timeout).sort(self.sort).skip(self.skip).projection(self.projection);
        if let Some(limit) = self.limit {
            // All rows in one reply, up to the server's limit of 16 MiB, so that no cursor stays open.
            find = find.limit(limit.into()).batch_size(limit.saturating_add(1));
        }
        let mut cursor = find.await?;
        let mut found = Vec::new();
        while cursor.advance().await? {
            found.push(read(cursor.current())?);
        }
        Ok(found)
    }

    /// Returns the query as a command, for `explain`.
    pub(crate) fn command(&self) -> Document {
        let mut command = doc! { "find": self.collection, "filter": self.filter.clone(), "hint": &self.hint };
        command.insert("sort", self.sort.clone());
        command.insert("projection", self.projection.clone());
        command.insert("skip", bson_count(self.skip));
        if let Some(limit) = self.limit {
            command.insert("limit", i64::from(limit));
        }
        command
    }
}

fn bson_count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A count of documents.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Count {
    /// The name of the collection.
    pub(crate) collection: &'static str,
    pub(crate) filter: Document,
    /// The name of the index that the server must use.
    pub(crate) hint: String,
}

impl Count {
    /// Counts all documents that match. The `count` command can count in an index alone; with a hint it never uses the
    /// collection's own count, which may be wrong after a crash.
    pub(crate) async fn fetch(self, database: &Database) -> ReadResult<u64> {
        self.run(self.command(), database).await
    }

    /// Counts the documents that match, up to a limit.
    pub(crate) async fn fetch_up_to(&self, limit: u32, database: &Database) -> ReadResult<u64> {
        let mut command = self.command();
        command.insert("limit", i64::from(limit));
        self.run(command, database).await
    }

    async fn run(&self, mut command: Document, database: &Database) -> ReadResult<u64> {
        command.insert("readConcern", doc! { "level": "majority" });
        command.insert("maxTimeMS", i64::try_from(database.call_timeout.as_millis()).unwrap_or(i64::MAX));
        let answer = match database.db.run_command(command.clone()).await {
            // The driver does not retry raw commands.
            Err(error) if is_resendable(&error) => database.db.run_command(command).await?,
            answer => answer?,
        };
        let n = answer.get("n").and_then(|n| n.as_i64().or_else(|| n.as_i32().map(i64::from)));
        n.and_then(|n| u64::try_from(n).ok()).ok_or_else(|| {
            let why = format!("the server counted {} and said {:?}", self.collection, answer.get("n"));
            ReadError::Store(StoreError::Corrupt(why))
        })
    }

    /// Returns the count as a command, for `explain` too.
    pub(crate) fn command(&self) -> Document {
        doc! { "count": self.collection, "query": self.filter.clone(), "hint": &self.hint }
    }
}
