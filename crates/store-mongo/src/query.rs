//! A question to one collection as a value: it can be asked, and it can be explained. Each names its index, so that the
//! server has nothing to choose, and a missing index is an error instead of a scan.

use bson::{Document, RawDocument, doc};
use mongodb::Collection;
use mongodb::options::Hint;
use rekindle_core::store::StoreError;

use crate::database::Database;
use crate::error::is_passing;
use crate::reads::{ReadError, ReadResult};

/// Where a question is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollectionName {
    /// The sessions.
    Sessions,
    /// The tasks.
    Tasks,
    /// The machines.
    Machines,
    /// The API keys.
    Keys,
    /// The remembered answers.
    Answers,
    /// The events.
    Events,
}

impl CollectionName {
    /// The collection's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Tasks => "tasks",
            Self::Machines => "machines",
            Self::Keys => "api_keys",
            Self::Answers => "answers",
            Self::Events => "events",
        }
    }

    fn of(self, collections: &Database) -> &Collection<bson::RawDocumentBuf> {
        match self {
            Self::Sessions => &collections.sessions,
            Self::Tasks => &collections.tasks,
            Self::Machines => &collections.machines,
            Self::Keys => &collections.api_keys,
            Self::Answers => &collections.answers,
            Self::Events => &collections.events,
        }
    }
}

/// Which documents, in which order.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Where.
    pub within: CollectionName,
    /// What must be true of them.
    pub filter: Document,
    /// The index that finds them.
    pub hint: &'static str,
    /// Their order; empty: any.
    pub sort: Document,
    /// How many are passed over.
    pub skip: u64,
    /// How many at most; none: all.
    pub limit: Option<u32>,
    /// Which of their fields; empty: all.
    pub fields: Document,
}

impl Query {
    /// All documents like this, found by this index.
    pub fn of(within: CollectionName, filter: Document, hint: &'static str) -> Self {
        Self { within, filter, hint, sort: Document::new(), skip: 0, limit: None, fields: Document::new() }
    }

    /// In this order.
    #[must_use]
    pub fn sorted(self, sort: Document) -> Self {
        Self { sort, ..self }
    }

    /// At most so many.
    #[must_use]
    pub fn limited(self, limit: u32) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// Only these fields.
    #[must_use]
    pub fn showing(self, fields: Document) -> Self {
        Self { fields, ..self }
    }

    /// Asks. By `find`, which the driver asks again when the network broke or another server leads now.
    pub async fn all<T>(
        self,
        collections: &Database,
        read: impl Fn(&RawDocument) -> Result<T, StoreError>,
    ) -> ReadResult<Vec<T>> {
        // No limit is what zero would mean to the server.
        if self.limit == Some(0) {
            return Ok(Vec::new());
        }
        let mut find = self.within.of(collections).find(self.filter).hint(Hint::Name(self.hint.to_owned()));
        find = find.max_time(collections.call_timeout).sort(self.sort).skip(self.skip).projection(self.fields);
        if let Some(limit) = self.limit {
            // All in one answer, as far as the server's limit of 16 MiB allows, and no cursor stays open.
            find = find.limit(limit.into()).batch_size(limit.saturating_add(1));
        }
        let mut cursor = find.await?;
        let mut found = Vec::new();
        while cursor.advance().await? {
            found.push(read(cursor.current())?);
        }
        Ok(found)
    }

    /// Asks for the only one, or the first.
    pub async fn one<T>(
        self,
        collections: &Database,
        read: impl Fn(&RawDocument) -> Result<T, StoreError>,
    ) -> ReadResult<Option<T>> {
        Ok(self.limited(1).all(collections, read).await?.pop())
    }

    /// The command that this is, as `explain` wants it.
    pub fn command(&self) -> Document {
        let mut command = doc! { "find": self.within.name(), "filter": self.filter.clone(), "hint": self.hint };
        command.insert("sort", self.sort.clone());
        command.insert("projection", self.fields.clone());
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

/// How many documents.
#[derive(Debug, Clone, PartialEq)]
pub struct Count {
    /// Where.
    pub within: CollectionName,
    /// What must be true of them.
    pub filter: Document,
    /// The index that finds them.
    pub hint: &'static str,
}

impl Count {
    /// Counts them all. By the `count` command, which can count in an index alone; with a hint it never relies on the
    /// collection's own figure, which may be wrong after a crash.
    pub async fn ask(self, collections: &Database) -> ReadResult<u64> {
        self.run(self.command(), collections).await
    }

    /// Counts them, and stops at this many.
    pub async fn up_to(&self, limit: u32, collections: &Database) -> ReadResult<u64> {
        let mut command = self.command();
        command.insert("limit", i64::from(limit));
        self.run(command, collections).await
    }

    async fn run(&self, mut command: Document, collections: &Database) -> ReadResult<u64> {
        command.insert("readConcern", doc! { "level": "majority" });
        command.insert("maxTimeMS", i64::try_from(collections.call_timeout.as_millis()).unwrap_or(i64::MAX));
        let answer = match collections.db.run_command(command.clone()).await {
            // The driver asks only its own commands again.
            Err(error) if is_passing(&error) => collections.db.run_command(command).await?,
            answer => answer?,
        };
        let n = answer.get("n").and_then(|n| n.as_i64().or_else(|| n.as_i32().map(i64::from)));
        n.and_then(|n| u64::try_from(n).ok()).ok_or_else(|| {
            let told = format!("the server counted {} and said {:?}", self.within.name(), answer.get("n"));
            ReadError::Store(StoreError::Corrupt(told))
        })
    }

    /// The command that this is.
    pub fn command(&self) -> Document {
        doc! { "count": self.within.name(), "query": self.filter.clone(), "hint": self.hint }
    }
}
